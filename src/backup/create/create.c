/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup/create/create.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "backup/catalogue/backup-name.h"
#include "backup/catalogue/sharing.h"
#include "backup/catalogue/unfinished.h"
#include "backup/create/store-proved.h"
#include "backup/create/unchanged.h"
#include "base/background.h"
#include "base/clock.h"
#include "base/pace.h"
#include "base/publish.h"
#include "base/test-hook.h"
#include "config.h"
#include "database/check/check.h"
#include "database/connection/placement.h"
#include "database/copy/deleted-wal.h"
#include "database/copy/snapshot.h"

/* What gzip makes of a database, at least, when room is foreseen: a guess on the low side, since a backup
 * that does not fit after all fails cleanly, while one that is refused for nothing is missing. */
#define FORESEEN_RATIO 8
/* More of them at once than anybody asks for. */
#define NAME_WAIT_MAX_USEC (5 * USEC_PER_SEC)

typedef struct Creation {
        const CreateRequest *request;
        Progress *progress;
        Manifest *manifest;
        char *copy_name;
        char *copy_path;
        char *meta;
        char *marker;
        ProvedFile stored;
        bool marked;   /* the marker is ours, and so is whatever has the final names */
        bool finished; /* the backup stands */
} Creation;

/* In the reverse order of the publication, so that at no moment a manifest stands without its file. */
static void withdraw(const Creation *creation)
{
        int directory_fd = creation->request->directory_fd;

        if (unlinkat(directory_fd, creation->meta, 0) < 0 && errno != ENOENT)
                return;
        /* Without a temporary name the stored file has its final one. */
        if (creation->stored.publication && !creation->stored.publication->temporary_name)
                (void) unlinkat(directory_fd, creation->manifest->file, 0);
        (void) unlinkat(directory_fd, creation->marker, 0);
}

static void creation_done(Creation *creation)
{
        if (creation->marked && !creation->finished)
                withdraw(creation);
        if (creation->copy_name)
                unfinished_remove_image(creation->request->directory_fd, creation->copy_name);
        proved_file_done(&creation->stored);
        creation->manifest = manifest_free(creation->manifest);
        free(creation->copy_name);
        free(creation->copy_path);
        free(creation->meta);
        free(creation->marker);
}

static int refuse_bad_request(const CreateRequest *request, Fault *fault)
{
        if (!backup_name_is_valid(request->name))
                return fault_set(fault, FAULT_INVALID_ARGUMENT, "The name of the new backup is not valid");
        if (request->label && !backup_label_is_valid(request->label))
                return fault_set(fault,
                                FAULT_INVALID_ARGUMENT,
                                "A label is one line of valid UTF-8 of at most %d bytes",
                                BACKUP_LABEL_MAX_BYTES);
        return 0;
}

static int out_of_memory(const Creation *creation, Fault *fault)
{
        return fault_set_errno(fault, ENOMEM, "Backing up %s", creation->request->database_path);
}

static int begin_manifest(Creation *creation, Fault *fault)
{
        const CreateRequest *request = creation->request;
        char host[256] = "";
        Manifest *manifest;

        if (manifest_new(&creation->manifest) < 0)
                return out_of_memory(creation, fault);
        manifest = creation->manifest;
        (void) gethostname(host, sizeof host - 1);
        manifest->name = strdup(request->name);
        manifest->encrypted = age_recipients_any(request->recipients);
        manifest->file = backup_name_to_file(request->name, request->compression, manifest->encrypted);
        manifest->label = request->label && request->label[0] ? strdup(request->label) : NULL;
        manifest->source = strdup(request->database_path);
        manifest->database_id = request->database_id ? strdup(request->database_id) : NULL;
        manifest->host = strdup(host);
        manifest->tool_version = strdup(PROJECT_VERSION);
        manifest->kind = request->kind;
        manifest->kept = request->kept;
        manifest->compression = request->compression;
        manifest->created_usec = manifest->copied_usec = request->now_usec;
        manifest->quick_check = request->quick_check;
        if (!manifest->name || !manifest->file || !manifest->source || !manifest->host ||
                        !manifest->tool_version ||
                        (request->label && request->label[0] && !manifest->label) ||
                        (request->database_id && !manifest->database_id))
                return out_of_memory(creation, fault);
        if (manifest->encrypted) {
                manifest->encryption_recipients = age_recipients_format(request->recipients);
                if (!manifest->encryption_recipients)
                        return out_of_memory(creation, fault);
        }
        return 0;
}

static int begin_names(Creation *creation, Fault *fault)
{
        const char *file = creation->manifest->file;

        creation->copy_name = unfinished_copy_name(file);
        creation->marker = unfinished_marker_name(file);
        if (!creation->copy_name || !creation->marker)
                return out_of_memory(creation, fault);
        if (asprintf(&creation->meta, "%s" MANIFEST_SUFFIX, file) < 0) {
                creation->meta = NULL;
                return out_of_memory(creation, fault);
        }
        if (asprintf(&creation->copy_path, "%s/%s", creation->request->directory_path, creation->copy_name) <
                        0) {
                creation->copy_path = NULL;
                return out_of_memory(creation, fault);
        }
        return 0;
}

/* Whatever has one of the final names already is not ours, and a marker would declare it unfinished. */
static int refuse_taken_name(const Creation *creation, Fault *fault)
{
        const char *const names[] = {creation->manifest->file, creation->meta};

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                if (faccessat(creation->request->directory_fd, names[i], F_OK, AT_SYMLINK_NOFOLLOW) >= 0)
                        return fault_set(fault,
                                        FAULT_INVALID_ARGUMENT,
                                        "%s/%s exists already and is left as it is; move it away first",
                                        creation->request->directory_path,
                                        names[i]);
        return 0;
}

/* That there is something to back up, and room for it. */
static int look_ahead(const Creation *creation, Fault *fault)
{
        const CreateRequest *request = creation->request;
        struct stat status;
        uint64_t bytes;

        int r;

        if (stat(request->database_path, &status) < 0)
                return fault_set_errno(fault, errno, "Looking at %s", request->database_path);
        r = deleted_wal_refuse(request->database_path, fault);
        if (r < 0)
                return r;
        bytes = (uint64_t) status.st_size;
        /* To SQLite this is a sound database without tables, and its backup would outlive the good ones. */
        if (bytes <= PLACEMENT_NOTHING_BYTES)
                return fault_set(fault,
                                FAULT_CORRUPT,
                                "%s was emptied; no backup was made of it, and the earlier ones stay as "
                                "they "
                                "are: restore one of them",
                                request->database_path);
        return placement_require_space(request->directory_path,
                        bytes + (request->compression == COMPRESSION_NONE ? bytes : bytes / FORESEEN_RATIO),
                        fault);
}

static int copy_snapshot(Creation *creation, DiskRead *disk, Fault *fault)
{
        const CreateRequest *request = creation->request;
        Manifest *manifest = creation->manifest;
        Snapshot snapshot;
        int r;

        /* A killed run's. */
        unfinished_remove_image(request->directory_fd, creation->copy_name);
        r = snapshot_copy_disk(request->database_path,
                        creation->copy_path,
                        disk,
                        creation->progress,
                        &snapshot,
                        fault);
        if (r < 0)
                return r;
        manifest->page_size_bytes = snapshot.page_size_bytes;
        manifest->pages = snapshot.pages;
        TEST_POINT("create-copied");
        return 0;
}

static int check_copy(Creation *creation, Fault *fault)
{
        _cleanup_(check_result_done) CheckResult result = {0};
        int r;

        progress_begin(creation->progress, "checking", 0);
        r = check_run(creation->copy_path,
                        CONNECTION_PRIVATE,
                        creation->request->quick_check ? CHECK_QUICK : CHECK_FULL,
                        creation->request->effort.threads,
                        creation->progress,
                        &result,
                        fault);
        if (r < 0)
                return r;
        if (!result.healthy)
                return fault_set(fault,
                                FAULT_CORRUPT,
                                "%s is corrupt (%s); no backup was made of it, and the earlier ones stay as "
                                "they are",
                                creation->request->database_path,
                                result.first_finding ? result.first_finding : "unknown damage");
        free(creation->manifest->unchecked);
        creation->manifest->unchecked = TAKE_PTR(result.unchecked);
        creation->manifest->foreign_key_violations = result.foreign_key_violations;
        creation->manifest->constraint_violations = result.constraint_violations;
        creation->manifest->verified_usec = creation->request->now_usec;
        TEST_POINT("create-checked");
        return 0;
}

/* In the copy: the database itself has moved on. */
static int count_rows(Creation *creation, Fault *fault)
{
        _cleanup_(connection_closep) Connection *connection = NULL;
        _cleanup_(statistics_done) Statistics statistics = {0};
        int r;

        r = connection_open(creation->copy_path, CONNECTION_PRIVATE, creation->progress, &connection, fault);
        if (r >= 0)
                r = statistics_collect(connection, &statistics, fault);
        if (r < 0)
                return r;
        creation->manifest->n_tables = statistics.n_tables;
        creation->manifest->tables = TAKE_PTR(statistics.tables);
        statistics.n_tables = 0;
        return 0;
}

static int publish(Creation *creation, Fault *fault)
{
        int directory_fd = creation->request->directory_fd, r;

        r = manifest_store_as(directory_fd, creation->manifest, creation->marker, fault);
        if (r < 0)
                return r;
        creation->marked = true;
        TEST_POINT("create-marked");
        r = publish_commit(creation->stored.publication, false, fault);
        if (r < 0)
                return r;
        TEST_POINT("create-data-published");
        r = publish_rename(directory_fd, creation->marker, creation->meta, fault);
        if (r < 0)
                return r;
        creation->finished = true;
        TEST_POINT("create-published");
        return 0;
}

static int note_chain(Creation *creation, Fault *fault)
{
        creation->manifest->chain = strdup(manifest_chain(creation->request->older));
        return creation->manifest->chain ? 0 : out_of_memory(creation, fault);
}

/* BackgroundFunction: from the copy to the file that is proved. */
static int store_checked(void *userdata, Progress *progress, Fault *fault)
{
        Creation *creation = userdata;
        Manifest *manifest = creation->manifest;
        const StoredImage *image = &creation->stored.image;
        int r = check_copy(creation, fault);

        if (r >= 0)
                r = count_rows(creation, fault);
        if (r >= 0)
                r = store_proved(creation->request,
                                manifest,
                                creation->copy_name,
                                progress,
                                &creation->stored,
                                fault);
        if (r >= 0 && image->shared)
                r = note_chain(creation, fault);
        if (r < 0)
                return r;
        TEST_POINT("create-read-back");
        manifest->database_bytes = image->database_bytes;
        manifest->stored_bytes = image->stored_bytes;
        memcpy(manifest->blocks_sha256, image->blocks_sha256, DIGEST_HEX_MAX);
        memcpy(manifest->stored_sha256, image->stored_sha256, DIGEST_HEX_MAX);
        memcpy(manifest->index_sha256, image->index_sha256, DIGEST_HEX_MAX);
        return 0;
}

/* Reads the database; what the disk holds of it, unless `disk` is NULL. */
static int store_copy(Creation *creation, DiskRead *disk, Fault *fault)
{
        int r = copy_snapshot(creation, disk, fault);

        if (r < 0)
                return r;
        return creation->request->background
                               ? background_run(store_checked, creation, creation->progress, fault)
                               : store_checked(creation, creation->progress, fault);
}

static bool is_of_the_disk(const DiskRead *disk, const Fault *met)
{
        return disk->failed ||
               (disk->done && (met->code == FAULT_CORRUPT || met->code == FAULT_NOT_A_DATABASE));
}

/* The kernel may still have in memory what the disk has lost. */
static int store_disk(Creation *creation, Fault *fault)
{
        _cleanup_fault_ Fault met = {0};
        DiskRead disk = {0};
        int r = store_copy(creation, &disk, &met);

        if (r < 0 && is_of_the_disk(&disk, &met)) {
                disk = (DiskRead){.failed = true};
                r = store_copy(creation, NULL, fault);
        } else if (r < 0 && fault)
                fault_move(fault, &met);
        if (creation->request->ret_disk)
                *creation->request->ret_disk = disk;
        return r;
}

static int make_stored(Creation *creation, Fault *fault)
{
        int r = look_ahead(creation, fault);

        if (r < 0)
                return r;
        return creation->request->from_disk ? store_disk(creation, fault)
                                            : store_copy(creation, NULL, fault);
}

/* Several in one second carry the next seconds. They wait for the clock, so that no name is ahead of it by
 * more than one; a clock that was set back is not waited for. */
static int wait_for_name(const CreateRequest *request, Progress *progress, Fault *fault)
{
        uint64_t label_usec, now_usec = clock_now_usec(), lead_usec = USEC_PER_SEC;

#if TEST_HOOKS
        (void) test_hook_name_lead(&lead_usec);
#endif
        if (backup_name_usec(request->name, &label_usec) < 0 || label_usec <= now_usec + lead_usec ||
                        label_usec > now_usec + NAME_WAIT_MAX_USEC)
                return 0;
        progress_begin(progress, "waiting for the clock", 0);
        return pace_sleep_until(clock_monotonic_usec() + label_usec - lead_usec - now_usec, progress, fault);
}

int create_backup(const CreateRequest *request, Progress *progress, Manifest **ret, Fault *fault)
{
        _cleanup_(creation_done) Creation creation = {.request = request, .progress = progress};
        uint64_t begun_usec;
        Manifest *manifest;
        int r;

        r = refuse_bad_request(request, fault);
        if (r >= 0)
                r = wait_for_name(request, progress, fault);
        begun_usec = clock_monotonic_usec();
        if (r >= 0)
                r = begin_manifest(&creation, fault);
        if (r >= 0)
                r = begin_names(&creation, fault);
        if (r >= 0)
                r = refuse_taken_name(&creation, fault);
        if (r >= 0)
                r = unchanged_share(
                                request, progress, creation.manifest, &creation.stored.publication, fault);
        if (r == 0)
                r = make_stored(&creation, fault);
        /* The last moment at which stopping costs nothing. */
        if (r >= 0)
                r = progress_check(progress, fault);
        if (r < 0)
                return r;

        manifest = creation.manifest;
        manifest->duration_usec = clock_monotonic_usec() - begun_usec;
        r = publish(&creation, fault);
        if (r < 0)
                return fault_prefix(
                                fault, r, "Publishing %s in %s", manifest->file, request->directory_path);
        if (request->ret_file_key)
                *request->ret_file_key = creation.stored.file_key;
        *ret = TAKE_PTR(creation.manifest);
        return 0;
}
