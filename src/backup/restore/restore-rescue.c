/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup/restore/restore-rescue.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "backup/catalogue/backup-name.h"
#include "backup/catalogue/unfinished.h"
#include "backup/quarantine/quarantine.h"
#include "base/io.h"
#include "base/test-hook.h"
#include "database/check/check.h"
#include "database/connection/placement.h"
#include "database/copy/wal-fold.h"

#define COPY_CHUNK_BYTES (256 * KIB)

/* What lies beside the proved copy of the backup, under names that the next start's clean-up knows. */
typedef struct Working {
        int directory_fd;
        char *copy_name;   /* of the damaged files */
        char *result_name; /* of the rescue's result */
        char *copy_path;
        char *result_path;
} Working;

static void working_done(Working *working)
{
        if (working->copy_name)
                unfinished_remove_image(working->directory_fd, working->copy_name);
        if (working->result_name)
                unfinished_remove_image(working->directory_fd, working->result_name);
        free(working->copy_name);
        free(working->result_name);
        free(working->copy_path);
        free(working->result_path);
}

void restore_rescue_done(RestoreRescue *rescue)
{
        rescue_report_done(&rescue->report);
        *rescue = (RestoreRescue){0};
}

bool restore_rescue_is_possible(const RestoreRequest *request)
{
        struct stat status;

        return stat(request->database_path, &status) >= 0 && S_ISREG(status.st_mode) &&
               status.st_size > PLACEMENT_NOTHING_BYTES;
}

static int begin(const RestoreRequest *request, Working *working, Fault *fault)
{
        _cleanup_free_ char *file = backup_name_to_file(request->pre_restore_name,
                        request->compression,
                        age_recipients_any(request->recipients));

        working->directory_fd = request->directory_fd;
        working->copy_name = file ? unfinished_copy_name(file) : NULL;
        if (!file || !working->copy_name || asprintf(&working->result_name, ".%s.tmp", file) < 0) {
                working->result_name = NULL;
                return fault_set_errno(fault, ENOMEM, "Preparing a rescue");
        }
        if (asprintf(&working->copy_path, "%s/%s", request->directory_path, working->copy_name) < 0) {
                working->copy_path = NULL;
                return fault_set_errno(fault, ENOMEM, "Preparing a rescue");
        }
        if (asprintf(&working->result_path, "%s/%s", request->directory_path, working->result_name) < 0) {
                working->result_path = NULL;
                return fault_set_errno(fault, ENOMEM, "Preparing a rescue");
        }
        unfinished_remove_image(working->directory_fd, working->copy_name);
        unfinished_remove_image(working->directory_fd, working->result_name);
        return 0;
}

static int copy_file(int from_fd, int directory_fd, const char *name, Progress *progress, Fault *fault)
{
        _cleanup_close_ int to_fd = openat(
                        directory_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        _cleanup_free_ char *buffer = malloc(COPY_CHUNK_BYTES);
        uint64_t offset_bytes = 0;
        size_t size = COPY_CHUNK_BYTES;

        if (!buffer)
                return fault_set_errno(fault, ENOMEM, "Copying the damaged database");
        if (to_fd < 0)
                return fault_set_errno(fault, errno, "Creating %s", name);
        for (; size == COPY_CHUNK_BYTES; offset_bytes += size) {
                int r = progress_check(progress, fault);

                if (r < 0)
                        return r;
                r = io_read_full_at(from_fd, buffer, COPY_CHUNK_BYTES, offset_bytes, &size);
                /* A sector that can't be read is so many zeros, and costs no more than its pages. */
                if (r == -EIO) {
                        memset(buffer, 0, COPY_CHUNK_BYTES);
                        size = COPY_CHUNK_BYTES;
                        r = 0;
                }
                if (r >= 0)
                        r = io_write_all(to_fd, buffer, size);
                if (r < 0)
                        return fault_set_errno(fault, r, "Copying the damaged database to %s", name);
                progress_add(progress, size);
        }
        return 0;
}

static int copy_files(const RestoreRequest *request,
                const QuarantineFiles *files,
                const Working *working,
                Progress *progress,
                Fault *fault)
{
        uint64_t bytes = quarantine_files_bytes(files);
        int r = placement_require_space(request->directory_path, bytes, fault);

        progress_begin(progress, "copying", bytes);
        for (size_t i = 0; r >= 0 && i < QUARANTINE_N_FILES; i++) {
                _cleanup_free_ char *name = NULL;

                if (files->fds[i] < 0 || strcmp(quarantine_suffixes[i], "-shm") == 0)
                        continue;
                if (asprintf(&name, "%s%s", working->copy_name, quarantine_suffixes[i]) < 0) {
                        name = NULL;
                        return fault_set_errno(fault, ENOMEM, "Copying the damaged database");
                }
                r = copy_file(files->fds[i], working->directory_fd, name, progress, fault);
                if (i == 0)
                        TEST_POINT("rescue-half");
        }
        return r;
}

/* With the write lock where it can be had: a file that SQLite can't open is written by nobody. The hash
 * tells later whether it was one moment's state. */
static int copy_live(const RestoreRequest *request, const Working *working, Progress *progress, Fault *fault)
{
        _cleanup_(quarantine_files_close) QuarantineFiles files = QUARANTINE_FILES_NONE;
        _cleanup_(connection_closep) Connection *connection = NULL;
        int r;

        if (connection_open(request->database_path, CONNECTION_WRITE, progress, &connection, NULL) >= 0)
                (void) connection_execute(connection, "BEGIN IMMEDIATE", NULL);
        r = quarantine_files_open(request->database_path, &files, fault);
        if (r >= 0)
                r = copy_files(request, &files, working, progress, fault);
        /* Before the descriptors: closing them drops its locks. */
        connection = connection_close(connection);
        return r;
}

/* What could not be done for a reason that may pass is told as it is; the rest is for a person to decide. */
static int hold_unless_passing(Fault *fault, int r)
{
        if (fault->code != FAULT_CORRUPT && fault->code != FAULT_NOT_A_DATABASE &&
                        fault->code != FAULT_FAILED && fault->code != FAULT_NOT_SUPPORTED)
                return r;
        fault->code = FAULT_NEEDS_DECISION;
        return fault_prefix(fault,
                        fault_errno(FAULT_NEEDS_DECISION),
                        "The rows of the damaged database can't be rescued into the backup, and it is left "
                        "as it is");
}

static int check_result(const RestoreRequest *request,
                RestoreSource *source,
                Progress *progress,
                RescueReport *report,
                Fault *fault)
{
        _cleanup_(check_result_done) CheckResult result = {0};
        struct stat status;
        int r;

        progress_begin(progress, "checking", 0);
        r = check_run(source->path,
                        CONNECTION_PRIVATE,
                        CHECK_FULL,
                        request->effort.threads,
                        progress,
                        &result,
                        fault);
        if (r < 0)
                return r;
        if (!result.healthy)
                return fault_set(fault,
                                FAULT_CORRUPT,
                                "The rescued database fails its check (%s)",
                                result.first_finding ? result.first_finding : "unknown damage");
        report->foreign_key_violations = result.foreign_key_violations;
        if (fstatat(source->directory_fd, source->file_name, &status, AT_SYMLINK_NOFOLLOW) < 0)
                return fault_set_errno(fault, errno, "Looking at %s", source->path);
        source->database_bytes = (uint64_t) status.st_size;
        return 0;
}

static bool lost_something(const RescueReport *report)
{
        for (size_t i = 0; i < report->n_tables; i++)
                if (!report->tables[i].sound)
                        return true;
        return false;
}

static int weigh(const RestoreRequest *request, const RescueReport *report, Fault *fault)
{
        uint64_t dangling = report->foreign_key_violations, before = report->foreign_key_violations_before;
        RescueFacts facts;
        RescueHold hold;

        if (!request->terms)
                return 0;
        facts = request->terms->facts;
        facts.rows = rescue_report_rows(report);
        facts.rows_lost = rescue_report_lost(report);
        facts.new_dangling = lost_something(report) && dangling > before ? dangling - before : 0;
        hold = rescue_weigh(&facts, &request->terms->max_loss);
        return hold == RESCUE_GO ? 0 : rescue_hold_fault(hold, &facts, request->source->name, fault);
}

static int rescue(const RestoreRequest *request,
                RestoreSource *source,
                const Working *working,
                Progress *progress,
                RestoreRescue *rescue,
                Fault *fault)
{
        int r = copy_live(request, working, progress, fault);

        if (r >= 0)
                r = wal_folded_hash(working->copy_path, rescue->hash, fault);
        TEST_POINT("rescue-saved");
        if (r >= 0)
                r = placement_require_space(request->directory_path, source->database_bytes, fault);
        progress_begin(progress, "rescuing", 0);
        if (r >= 0)
                r = rescue_run(working->copy_path,
                                source->path,
                                working->result_path,
                                request->known_tables,
                                request->n_known_tables,
                                progress,
                                &rescue->report,
                                fault);
        if (r < 0)
                return r;
        rescue->report.foreign_key_violations_before = source->foreign_key_violations;
        if (renameat(working->directory_fd, working->result_name, working->directory_fd, source->file_name) <
                        0)
                return fault_set_errno(fault, errno, "Renaming %s", working->result_path);
        TEST_POINT("rescue-made");
        return check_result(request, source, progress, &rescue->report, fault);
}

int restore_rescue(const RestoreRequest *request,
                RestoreSource *source,
                Progress *progress,
                RestoreRescue *ret,
                Fault *fault)
{
        _cleanup_(restore_rescue_done) RestoreRescue made = {0};
        _cleanup_(working_done) Working working = {0};
        _cleanup_fault_ Fault met = {0};
        int r = begin(request, &working, &met);

        if (r >= 0) {
                r = rescue(request, source, &working, progress, &made, &met);
                if (r < 0)
                        r = hold_unless_passing(&met, r);
        }
        if (r >= 0) {
                made.done = true;
                r = weigh(request, &made.report, &met);
        }
        if (r < 0 && fault)
                fault_move(fault, &met);
        /* The report of one that is held is shown to whoever decides. */
        if (r >= 0 || made.done) {
                restore_rescue_done(ret);
                *ret = made;
                made = (RestoreRescue){0};
        }
        return r;
}

int restore_rescue_require_current(
                const RestoreRequest *request, const RestoreSource *source, const char *folder, Fault *fault)
{
        const char *slash = strrchr(request->database_path, '/');
        _cleanup_free_ char *path = NULL;
        uint64_t hash[2];
        int r;

        if (!source->rescue || !source->rescue->done)
                return 0;
        if (asprintf(&path, "%s/%s", folder, slash ? slash + 1 : request->database_path) < 0) {
                path = NULL;
                return fault_set_errno(fault, ENOMEM, "Comparing with what was rescued");
        }
        r = wal_folded_hash(path, hash, fault);
        if (r < 0 || memcmp(hash, source->rescue->hash, sizeof hash) == 0)
                return r;
        return fault_set(fault,
                        FAULT_CONFLICT,
                        "%s was written to while its rows were rescued; nothing was restored, try again",
                        request->database_path);
}
