/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup/repair/repair-by-copy.h"

#include <string.h>
#include <sys/stat.h>

#include "backup/catalogue/unfinished.h"
#include "backup/repair/repair-intent.h"
#include "backup/restore/restore-in-place.h"
#include "base/clock.h"
#include "base/test-hook.h"
#include "database/connection/placement.h"
#include "database/copy/rebuilt-copy.h"
#include "database/copy/snapshot.h"
#include "database/page/page-file.h"
#include "database/statistics/surviving-rows.h"

/* What a killed run leaves is known by its name as a backup's; no backup is called that. */
#define FILE_NAME "backup_repair.db"
#define RAW_FILE_NAME "backup_repair_raw.db"

/* Commits make a copy stale. The last attempts hold writers off while the copy is made and checked. */
#define ATTEMPTS 6
#define FREE_ATTEMPTS 3

/* Where the header has the change counter. */
#define CHANGE_COUNTER_OFFSET 24

typedef struct Copy {
        const RepairRequest *request;
        char *const *objects;
        Progress *progress;
        const DamagedIndexes *damaged;
        char *name; /* what is put in place */
        char *path;
        char *raw_name; /* the database as it is */
        char *raw_path;
        Connection *reader;
        Connection *blocker; /* holds writers off, or NULL */
        bool is_wal;
        int64_t version; /* of the database, when the copy was begun */
        bool stale;
} Copy;

static void copy_done(Copy *copy)
{
        copy->blocker = connection_close(copy->blocker);
        copy->reader = connection_close(copy->reader);
        if (copy->name)
                unfinished_remove_image(copy->request->directory_fd, copy->name);
        if (copy->raw_name)
                unfinished_remove_image(copy->request->directory_fd, copy->raw_name);
        free(copy->name);
        free(copy->path);
        free(copy->raw_name);
        free(copy->raw_path);
}

/* Through SQLite's own file: closing one of ours would drop its locks. */
static int read_change_counter(Connection *connection, int64_t *ret, Fault *fault)
{
        sqlite3_file *file = NULL;
        unsigned char counter[4];
        int code = sqlite3_file_control(connection->handle, "main", SQLITE_FCNTL_FILE_POINTER, &file);

        if (code == SQLITE_OK && (!file || !file->pMethods))
                code = SQLITE_CANTOPEN;
        if (code == SQLITE_OK)
                code = file->pMethods->xRead(file, counter, sizeof counter, CHANGE_COUNTER_OFFSET);
        if (code != SQLITE_OK)
                return connection_fault(connection, code, fault, "Reading the change counter");
        *ret = page_get4(counter);
        return 0;
}

/* With a rollback journal nobody can read while `live` holds its lock, but the file is then as the last
 * commit has left it. */
static int read_version(const Copy *copy, Connection *live, int64_t *ret, Fault *fault)
{
        if (copy->is_wal)
                return connection_query_integer(copy->reader, "PRAGMA main.data_version", ret, fault);
        return read_change_counter(live, ret, fault);
}

static int name_copy(Copy *copy, Fault *fault)
{
        const char *directory = copy->request->directory_path;

        copy->name = unfinished_copy_name(FILE_NAME);
        copy->raw_name = unfinished_copy_name(RAW_FILE_NAME);
        if (!copy->name || asprintf(&copy->path, "%s/%s", directory, copy->name) < 0)
                copy->path = NULL;
        if (!copy->raw_name || asprintf(&copy->raw_path, "%s/%s", directory, copy->raw_name) < 0)
                copy->raw_path = NULL;
        if (!copy->path || !copy->raw_path)
                return fault_set_errno(fault, ENOMEM, "Repairing %s", copy->request->database_path);
        /* A killed run's. */
        unfinished_remove_image(copy->request->directory_fd, copy->name);
        unfinished_remove_image(copy->request->directory_fd, copy->raw_name);
        return 0;
}

static int open_reader(Copy *copy, Fault *fault)
{
        int r = connection_open(copy->request->database_path,
                        CONNECTION_WRITE,
                        copy->progress,
                        &copy->reader,
                        fault);

        if (r >= 0)
                r = connection_is_wal(copy->reader, &copy->is_wal, fault);
        return r < 0 ? r : read_version(copy, copy->reader, &copy->version, fault);
}

static int hold_writers_off(Copy *copy, Fault *fault)
{
        int r = connection_open(copy->request->database_path,
                        CONNECTION_WRITE,
                        copy->progress,
                        &copy->blocker,
                        fault);

        if (r < 0)
                return r;
        copy->blocker->busy_bound_usec = copy->request->busy_bound_usec;
        return connection_execute(copy->blocker, "BEGIN IMMEDIATE", fault);
}

static int make_copy(Copy *copy, Fault *fault)
{
        const RepairRequest *request = copy->request;
        struct stat status;
        Snapshot snapshot;
        int r;

        if (stat(request->database_path, &status) < 0)
                return fault_set_errno(fault, errno, "Looking at %s", request->database_path);
        r = placement_require_space(request->directory_path, 2 * (uint64_t) status.st_size, fault);
        if (r >= 0)
                r = snapshot_copy(request->database_path, copy->raw_path, copy->progress, &snapshot, fault);
        if (r < 0)
                return r;
        TEST_POINT("repair-copied");
        progress_begin(copy->progress, "making the copy anew", 0);
        r = rebuilt_copy_make(copy->raw_path, copy->path, copy->damaged, copy->progress, fault);
        unfinished_remove_image(request->directory_fd, copy->raw_name); /* its room is needed */
        TEST_POINT("repair-copy-rebuilt");
        return r;
}

static int require_sound(const Copy *copy, Fault *fault)
{
        _cleanup_(check_result_done) CheckResult result = {0};
        int r;

        progress_begin(copy->progress, "checking the copy", 0);
        r = check_run(copy->path, CONNECTION_PRIVATE, CHECK_FULL, 1, copy->progress, &result, fault);
        if (r < 0 || result.healthy)
                return r;
        return fault_set(fault,
                        FAULT_CORRUPT,
                        "A copy of the tables of %s is not sound (%s): more is damaged than indexes and "
                        "free "
                        "pages",
                        copy->request->database_path,
                        result.first_finding);
}

static int require_unchanged(Copy *copy, Connection *live, Fault *fault)
{
        int64_t version;
        int r = read_version(copy, live, &version, fault);

        if (r < 0 || version == copy->version)
                return r;
        copy->stale = true;
        return fault_set(fault,
                        FAULT_BUSY,
                        "%s is written so often that it could not be repaired between two commits; it is "
                        "tried "
                        "again later",
                        copy->request->database_path);
}

/* A table that lacks a row in the copy would lose it. */
static int require_all_rows(Copy *copy, Fault *fault)
{
        _cleanup_(surviving_rows_done) SurvivingRows live = {0}, copied = {0};
        int r = surviving_rows_count(copy->request->database_path, copy->progress, &live, fault);

        if (r >= 0)
                r = surviving_rows_count(copy->path, copy->progress, &copied, fault);
        /* What was committed meanwhile is in one of the two only. */
        if (r >= 0)
                r = require_unchanged(copy, copy->reader, fault);
        if (r < 0)
                return r;
        if (!live.is_whole || live.n_tables != copied.n_tables)
                return fault_set(fault,
                                FAULT_CORRUPT,
                                "The tables of %s can't be read in full",
                                copy->request->database_path);
        for (size_t i = 0; i < live.n_tables; i++)
                if (!live.tables[i].is_whole || live.tables[i].rows > copied.tables[i].rows)
                        return fault_set(fault,
                                        FAULT_CORRUPT,
                                        "The table %s can't be read in full",
                                        live.tables[i].name);
        return 0;
}

/* Both are called with the lock held. */
static int on_locked(void *userdata, Connection *live, Fault *fault)
{
        Copy *copy = userdata;
        int r = require_unchanged(copy, live, fault);

        /* Before the files are opened raw: closing those would drop the locks of this connection. */
        copy->reader = connection_close(copy->reader);
        TEST_POINT("repair-copy-locked");
        return r;
}

static int on_saved(void *userdata, const char *quarantine, Fault *fault)
{
        const Copy *copy = userdata;
        Remedy intent = {.usec = copy->request->now_usec,
                        .kind = REMEDY_REPAIRED,
                        .quarantine = (char *) quarantine,
                        .objects = (char **) copy->objects};

        return repair_intent_store(copy->request->state_directory_path, &intent, fault);
}

static int measure(RestoreSource *source, Fault *fault)
{
        _cleanup_(connection_closep) Connection *connection = NULL;
        int64_t page_size_bytes = 0;
        struct stat status;
        int r = connection_open(source->path, CONNECTION_PRIVATE, NULL, &connection, fault);

        if (r >= 0)
                r = connection_query_integer(connection, "PRAGMA main.page_size", &page_size_bytes, fault);
        if (r < 0)
                return r;
        if (stat(source->path, &status) < 0)
                return fault_set_errno(fault, errno, "Looking at %s", source->path);
        source->page_size_bytes = (uint64_t) page_size_bytes;
        source->database_bytes = (uint64_t) status.st_size;
        return 0;
}

static int put_in_place(Copy *copy, RepairOutcome *outcome, Fault *fault)
{
        const RepairRequest *request = copy->request;
        RestoreHooks hooks = {.userdata = copy, .locked = on_locked, .saved = on_saved};
        RestoreRequest restore = {
                        .state_directory_path = request->state_directory_path,
                        .database_path = request->database_path,
                        .directory_fd = request->directory_fd,
                        .directory_path = request->directory_path,
                        .quarantine_path = request->quarantine_path,
                        .busy_bound_usec = request->busy_bound_usec,
                        .now_usec = request->now_usec,
                        .hooks = &hooks,
        };
        RestoreSource source = {.directory_fd = request->directory_fd,
                        .file_name = copy->name,
                        .path = copy->path,
                        .healthy = true};
        _cleanup_(restore_outcome_done) RestoreOutcome restored = {0};
        bool impossible;
        int r = measure(&source, fault);

        if (r < 0)
                return r;
        /* Another writer may come before us, and is then found to have. */
        copy->blocker = connection_close(copy->blocker);
        r = restore_in_place(&restore, &source, copy->progress, &restored, &impossible, fault);
        if (r < 0)
                return r;
        outcome->quarantine = TAKE_PTR(restored.quarantine);
        outcome->held_usec = MAX_OF(outcome->held_usec, restored.held_usec);
        return 0;
}

static int attempt(const RepairRequest *request,
                const DamagedIndexes *damaged,
                char *const *objects,
                bool alone,
                Progress *progress,
                RepairOutcome *outcome,
                bool *ret_stale,
                Fault *fault)
{
        _cleanup_(copy_done) Copy copy = {
                        .request = request, .damaged = damaged, .objects = objects, .progress = progress};
        uint64_t begun_usec;
        int r = name_copy(&copy, fault);

        if (r >= 0 && alone)
                r = hold_writers_off(&copy, fault);
        begun_usec = clock_monotonic_usec();
        if (r >= 0)
                r = open_reader(&copy, fault);
        if (r >= 0)
                r = make_copy(&copy, fault);
        if (r >= 0)
                r = require_sound(&copy, fault);
        if (r >= 0)
                r = require_all_rows(&copy, fault);
        if (alone)
                outcome->held_usec = MAX_OF(outcome->held_usec, clock_monotonic_usec() - begun_usec);
        if (r >= 0)
                r = put_in_place(&copy, outcome, fault);
        *ret_stale = copy.stale;
        return r;
}

/* -ENOMEM. */
static int list_done(char *const *objects, char ***ret)
{
        _cleanup_(string_list_freep) char **done = NULL;
        size_t n = 0;

        while (objects[n])
                n++;
        done = calloc(n + 1, sizeof *done);
        for (size_t i = 0; done && i < n; i++)
                if (!(done[i] = strdup(objects[i])))
                        return -ENOMEM;
        if (!done)
                return -ENOMEM;
        *ret = TAKE_PTR(done);
        return 0;
}

int repair_by_copy(const RepairRequest *request,
                const DamagedIndexes *damaged,
                char *const *objects,
                Progress *progress,
                RepairOutcome *outcome,
                bool *ret_changed,
                Fault *fault)
{
        int r = -EAGAIN;
        bool stale = true;

        *ret_changed = false;
        for (unsigned i = 0; i < ATTEMPTS && stale; i++) {
                _cleanup_fault_ Fault met = {0};

                r = attempt(request, damaged, objects, i >= FREE_ATTEMPTS, progress, outcome, &stale, &met);
                if (r < 0 && (!stale || i + 1 == ATTEMPTS) && fault)
                        fault_move(fault, &met);
        }
        if (r < 0)
                return r;
        *ret_changed = true;
        r = list_done(objects, &outcome->objects);
        return r < 0 ? fault_set_errno(fault, r, "Repairing %s", request->database_path) : 0;
}
