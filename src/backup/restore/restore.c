/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup/restore/restore.h"

#include <string.h>
#include <sys/stat.h>

#include "backup/catalogue/backup-name.h"
#include "backup/create/create.h"
#include "backup/quarantine/quarantine.h"
#include "backup/quarantine/rescue-record.h"
#include "backup/restore/restore-compare.h"
#include "backup/restore/restore-in-place.h"
#include "backup/restore/restore-record.h"
#include "backup/restore/restore-replace.h"
#include "backup/restore/restore-rescue.h"
#include "base/clock.h"
#include "base/test-hook.h"
#include "database/check/check.h"
#include "database/connection/open-files.h"
#include "database/connection/placement.h"

void restore_outcome_done(RestoreOutcome *outcome)
{
        outcome->pre_restore = manifest_free(outcome->pre_restore);
        free(outcome->quarantine);
        free(outcome->saving_problem);
        rescue_report_done(&outcome->rescue);
        fault_done(&outcome->start_fault);
        *outcome = (RestoreOutcome){0};
}

static int refuse_bad_request(const RestoreRequest *request, Fault *fault)
{
        if (!request->source == !request->source_quarantine)
                return fault_set(fault, FAULT_INVALID_ARGUMENT, "A restore needs one source");
        if (!backup_name_is_valid(request->pre_restore_name))
                return fault_set(fault, FAULT_INVALID_ARGUMENT, "The name of the new backup is not valid");
        /* A link or a second name of the file, a network file system: its locks and journals hold for
         * nobody. */
        return placement_check(request->database_path, fault);
}

/* The restored pages wait in the -wal (or the old ones in the -journal) while the files that are replaced
 * are in the quarantine; told before anything is changed. */
static int require_space(const RestoreRequest *request, const RestoreSource *source, Fault *fault)
{
        uint64_t saved_bytes = 0;
        struct stat database, state;
        _cleanup_free_ char *directory = NULL;
        const char *slash = strrchr(request->database_path, '/');
        int r;

        for (size_t i = 0; i < QUARANTINE_N_FILES; i++) {
                _cleanup_free_ char *path = NULL;

                if (asprintf(&path, "%s%s", request->database_path, quarantine_suffixes[i]) < 0) {
                        path = NULL;
                        return fault_set_errno(fault, ENOMEM, "Preparing a restore");
                }
                if (stat(path, &database) == 0)
                        saved_bytes += (uint64_t) database.st_size;
        }
        directory = slash ? strndup(request->database_path, (size_t) (slash - request->database_path) + 1)
                          : strdup(".");
        if (!directory)
                return fault_set_errno(fault, ENOMEM, "Preparing a restore");
        if (stat(directory, &database) < 0)
                return fault_set_errno(fault, errno, "Looking at %s", directory);
        if (stat(request->state_directory_path, &state) < 0)
                return fault_set_errno(fault, errno, "Looking at %s", request->state_directory_path);
        if (database.st_dev == state.st_dev)
                return placement_require_space(directory, saved_bytes + source->database_bytes, fault);
        r = placement_require_space(directory, source->database_bytes, fault);
        return r < 0 ? r : placement_require_space(request->state_directory_path, saved_bytes, fault);
}

/* Looks at names and inodes only; whether SQLite can write into the file is seen when it tries. */
static bool can_be_in_place(const RestoreRequest *request, const RestoreSource *source)
{
        _cleanup_(open_files_done) OpenFiles open_files = {0};
        struct stat status;

        if (request->replaced || !source->healthy)
                return false;
        /* A file of nothing is an empty database to SQLite, which would delete the -wal beside it. */
        if (stat(request->database_path, &status) < 0 || !S_ISREG(status.st_mode) ||
                        status.st_size <= PLACEMENT_NOTHING_BYTES)
                return false;
        if (open_files_find(request->database_path, &open_files, NULL) < 0)
                return true;
        for (size_t i = 0; i < open_files.n_holders; i++)
                if (open_files.holders[i].on_replaced_file)
                        return false;
        return true;
}

static int put_in_force(const RestoreRequest *request,
                RestoreSource *source,
                Progress *progress,
                RestoreOutcome *outcome,
                bool *ret_readable,
                Fault *fault)
{
        bool impossible = true;
        int r;

        if (can_be_in_place(request, source)) {
                r = restore_in_place(request, source, progress, outcome, &impossible, fault);
                if (r >= 0 || !impossible)
                        return r;
                /* Another page size or encoding: the database that is there is sound. */
                *ret_readable = fault->code == FAULT_READ_ONLY || fault->code == FAULT_NOT_SUPPORTED;
        }
        r = restore_replace(request, source, progress, outcome, fault);
        *ret_readable = *ret_readable || outcome->was_deleted;
        return r;
}

static int check_result(
                const RestoreRequest *request, Progress *progress, RestoreOutcome *outcome, Fault *fault)
{
        _cleanup_(check_result_done) CheckResult result = {0};

        progress_begin(progress, "checking", 0);
        if (check_run(request->database_path,
                            CONNECTION_READ,
                            CHECK_FULL,
                            request->effort.threads,
                            progress,
                            &result,
                            NULL) < 0)
                return 0; /* cancelled, or a lock in the way: the restore is in force, and not checked */
        /* What could not be checked is told by the check that follows. */
        outcome->checked = !result.unchecked;
        if (result.healthy)
                return 0;
        return fault_set(fault,
                        FAULT_CORRUPT,
                        "%s fails its check (%s) after a restore from a source that passed: suspect the "
                        "disk or the "
                        "memory; what it replaced is in %s",
                        request->database_path,
                        result.first_finding ? result.first_finding : "unknown damage",
                        outcome->quarantine ? outcome->quarantine : "no place, there was nothing");
}

/* With the application connected this is left to it: two that checkpoint at the same moment can corrupt the
 * database in SQLite before 3.51.3. */
static void checkpoint_if_alone(const RestoreRequest *request, Progress *progress, RestoreOutcome *outcome)
{
        _cleanup_(connection_closep) Connection *connection = NULL;
        _cleanup_(open_files_done) OpenFiles open_files = {0};
        OpenFilesUse use = OPEN_FILES_UNKNOWN;
        int64_t busy = 1;

        if (outcome->method != RESTORE_IN_PLACE ||
                        open_files_find(request->database_path, &open_files, NULL) < 0 ||
                        open_files.n_holders > 0 ||
                        open_files_probe(request->database_path, &use, NULL) < 0 || use != OPEN_FILES_UNUSED)
                return;
        if (connection_open(request->database_path, CONNECTION_WRITE, progress, &connection, NULL) < 0)
                return;
        outcome->checkpointed =
                        connection_query_integer(
                                        connection, "PRAGMA main.wal_checkpoint(TRUNCATE)", &busy, NULL) >=
                                        0 &&
                        busy == 0;
}

/* The saved files become a backup like any other when they are sound; else they are evidence and stay. */
static int store_what_was_there(
                const RestoreRequest *request, Progress *progress, RestoreOutcome *outcome, Fault *fault)
{
        _cleanup_free_ char *path = NULL, *source = strdup(request->database_path);
        const char *slash = strrchr(request->database_path, '/');
        CreateRequest create = {
                        .directory_fd = request->directory_fd,
                        .directory_path = request->directory_path,
                        .name = request->pre_restore_name,
                        .kind = BACKUP_PRE_RESTORE,
                        .database_id = request->database_id,
                        .compression = request->compression,
                        .effort = request->effort,
                        .recipients = request->recipients,
                        .identities = request->identities,
                        .now_usec = request->now_usec,
        };
        int r;

        if (request->saving_refused)
                return fault_set(fault, FAULT_CONFIGURATION, "%s", request->saving_refused);
        if (!source || asprintf(&path,
                                       "%s/%s",
                                       outcome->quarantine,
                                       slash ? slash + 1 : request->database_path) < 0) {
                path = NULL;
                return fault_set_errno(fault, ENOMEM, "Backing up what was restored over");
        }
        create.database_path = path;
        r = create_backup(&create, progress, &outcome->pre_restore, fault);
        if (r < 0)
                return r;
        /* It was made from the saved files, but it is the database's. */
        free(outcome->pre_restore->source);
        outcome->pre_restore->source = TAKE_PTR(source);
        (void) manifest_store(request->directory_fd, outcome->pre_restore, NULL);
        TEST_POINT("restore-pre-restore");
        return 0;
}

static int record(const RestoreRequest *request, const RestoreOutcome *outcome, Fault *fault)
{
        RestoreRecord final = {
                        .source = request->source ? request->source->name
                                                  : (char *) request->source_quarantine,
                        .database = (char *) request->database_path,
                        .pre_restore = outcome->pre_restore ? outcome->pre_restore->name : NULL,
                        .quarantine = outcome->quarantine,
                        .method = outcome->method,
                        .automatic = request->automatic,
                        .damaged = outcome->damaged,
                        .untold = request->automatic,
                        .finished = true,
                        .restored_usec = request->now_usec,
        };
        int r = restore_record_store(request->state_directory_path, &final, fault);

        TEST_POINT("restore-record-final");
        return r;
}

/* Beside what it is about. A report that can't be written costs no row. */
static void record_rescue(const RestoreRequest *request, const RestoreOutcome *outcome)
{
        RescueRecord record = {.source = request->source ? request->source->name : NULL,
                        .usec = request->now_usec,
                        .report = outcome->rescue};

        if (outcome->rescued && outcome->quarantine)
                (void) rescue_record_store(outcome->quarantine, &record, NULL);
        TEST_POINT("rescue-recorded");
}

/* The restore is in force whatever happens here, and no fault of this makes it undone. */
static void finish(const RestoreRequest *request, Progress *progress, bool readable, RestoreOutcome *outcome)
{
        bool in_place = outcome->method == RESTORE_IN_PLACE;
        _cleanup_fault_ Fault met = {0};
        int r = 0;

        if (outcome->quarantine && (in_place || readable))
                r = store_what_was_there(request, progress, outcome, &met);
        outcome->damaged = outcome->quarantine && !outcome->pre_restore &&
                           (r >= 0 || met.code == FAULT_CORRUPT || met.code == FAULT_NOT_A_DATABASE);
        if (r >= 0)
                r = record(request, outcome, &met);
        else
                (void) record(request, outcome, NULL);
        if (r < 0)
                outcome->saving_problem = TAKE_PTR(met.message);
        else if (outcome->quarantine && !outcome->pre_restore)
                outcome->saving_problem =
                                strdup("The files that were replaced could not be read as a database");
        if (r < 0 || !in_place || !outcome->pre_restore)
                return;

        /* A copy that is now a backup. What a replacement moved there stays: somebody may still have it
         * open. */
        if (quarantine_remove(outcome->quarantine, request->database_path, NULL) < 0)
                return;
        free(TAKE_PTR(outcome->quarantine));
        (void) record(request, outcome, NULL);
}

/* There is no database to rescue from, and so none that would be better left. */
static int weigh_without_rescue(const RestoreRequest *request, Fault *fault)
{
        RescueFacts facts = request->terms->facts;
        RescueHold hold;

        facts.source_is_initial = false;
        hold = rescue_weigh(&facts, &request->terms->max_loss);
        return hold == RESCUE_GO ? 0 : rescue_hold_fault(hold, &facts, request->source->name, fault);
}

/* How often a rescue is worked out anew since the database was written to meanwhile. */
#define RESCUES_MAX 4

/* One attempt: nobody waits for anything before the rescue is done. */
static int attempt(const RestoreRequest *request,
                RestoreSource *source,
                RestoreRescue *rescue,
                Progress *progress,
                RestoreOutcome *outcome,
                bool *ret_readable,
                Fault *fault)
{
        int r = restore_source_prove(request, progress, source, fault);

        if (r >= 0 && request->rescue && restore_rescue_is_possible(request)) {
                r = restore_rescue(request, source, progress, rescue, fault);
                source->rescue = rescue;
        } else if (r >= 0 && request->terms)
                r = weigh_without_rescue(request, fault);
        if (r >= 0)
                r = require_space(request, source, fault);
        return r < 0 ? r : put_in_force(request, source, progress, outcome, ret_readable, fault);
}

static void take_rescue(RestoreRescue *rescue, RestoreOutcome *outcome)
{
        outcome->rescued = rescue->done;
        rescue_report_done(&outcome->rescue);
        outcome->rescue = rescue->report;
        rescue->report = (RescueReport){0};
}

int restore_backup(const RestoreRequest *request, Progress *progress, RestoreOutcome *ret, Fault *fault)
{
        _cleanup_(restore_outcome_done) RestoreOutcome outcome = {0};
        _cleanup_(restore_source_done) RestoreSource source = {0};
        _cleanup_(restore_rescue_done) RestoreRescue rescue = {0};
        uint64_t begun_usec = clock_monotonic_usec();
        _cleanup_fault_ Fault met = {0};
        bool readable = false;
        int r = refuse_bad_request(request, &met);

        if (r >= 0)
                r = attempt(request, &source, &rescue, progress, &outcome, &readable, &met);
        for (int i = 1; r < 0 && met.code == FAULT_CONFLICT && i < RESCUES_MAX; i++) {
                restore_source_done(&source);
                fault_done(&met);
                r = attempt(request, &source, &rescue, progress, &outcome, &readable, &met);
        }
        take_rescue(&rescue, &outcome);
        if (r >= 0) {
                bool judge = source.healthy;

                outcome.database_bytes = source.database_bytes;
                fault_done(&met);
                checkpoint_if_alone(request, progress, &outcome);
                /* Nobody else has it open, so that most often nobody has changed it since. */
                outcome.checked = judge && outcome.checkpointed &&
                                  restore_is_as_proved(&source, request->database_path, progress);
                restore_source_done(&source); /* its room is needed */
                if (judge && !outcome.checked)
                        r = check_result(request, progress, &outcome, &met);
                TEST_POINT("restore-checked");
                record_rescue(request, &outcome);
                finish(request, progress, readable, &outcome);
        }
        if (r < 0) {
                if (met.code == FAULT_NEEDS_DECISION) {
                        ret->rescued = outcome.rescued;
                        ret->rescue = outcome.rescue;
                        outcome.rescue = (RescueReport){0};
                }
                if (fault)
                        fault_move(fault, &met);
                return r;
        }
        outcome.duration_usec = clock_monotonic_usec() - begun_usec;
        *ret = outcome;
        outcome = (RestoreOutcome){0};
        return 0;
}
