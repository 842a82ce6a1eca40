/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup/restore/restore-in-place.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "backup/quarantine/quarantine.h"
#include "backup/restore/restore-record.h"
#include "backup/restore/restore-rescue.h"
#include "base/clock.h"
#include "base/quantity.h"
#include "base/test-hook.h"
#include "database/connection/open-files.h"

/* Copied between two looks at the cancel flag. */
#define CHUNK_BYTES MIB
#define WAIT_MSEC 20

/* The wait for other processes' locks, all of it counted against one bound. */
typedef struct Waiting {
        Progress *progress;
        uint64_t begun_usec; /* monotonic */
        uint64_t bound_usec;
} Waiting;

typedef struct InPlace {
        const RestoreRequest *request;
        Progress *progress;
        Waiting waiting;
        QuarantineFiles files; /* closed after `live`: closing them drops its locks */
        Connection *live;
        Connection *copy;
        sqlite3_backup *backup; /* holds the write lock from its first step to its end */
        char *quarantine;
        RestoreRecord earlier;  /* what last-restore.json said before; source NULL for nothing */
        int64_t schema_version; /* of the old database */
        int64_t n_pages;        /* of the new one */
        bool recorded;
        bool committed;
        bool uncertain; /* the commit failed half-way, and nobody can tell what the next one to open it sees
                         */
} InPlace;

static int forget_record(const InPlace *in_place)
{
        const char *directory = in_place->request->state_directory_path;

        if (in_place->earlier.source)
                return restore_record_store(directory, &in_place->earlier, NULL);
        return restore_record_remove(directory, NULL);
}

static void in_place_done(InPlace *in_place)
{
        if (in_place->backup)
                (void) sqlite3_backup_finish(in_place->backup);
        in_place->copy = connection_close(in_place->copy);
        in_place->live = connection_close(in_place->live);
        quarantine_files_close(&in_place->files);
        if (!in_place->committed && !in_place->uncertain) {
                int r = in_place->recorded ? forget_record(in_place) : 0;

                if (in_place->quarantine)
                        (void) quarantine_remove(
                                        in_place->quarantine, in_place->request->database_path, NULL);
                /* On a full disk there is room for it only now. */
                if (r < 0)
                        (void) forget_record(in_place);
        }
        restore_record_done(&in_place->earlier);
        free(in_place->quarantine);
}

static bool wait_goes_on(const Waiting *waiting)
{
        return !atomic_load(&waiting->progress->cancelled) &&
               clock_monotonic_usec() - waiting->begun_usec < waiting->bound_usec;
}

/* Called by SQLite with what it has got so far: giving up and asking anew would let new readers in before us
 * again and again. */
static int on_busy(void *userdata, int n_before)
{
        struct timespec delay = {.tv_nsec = WAIT_MSEC * 1000 * 1000};

        if (!wait_goes_on(userdata))
                return 0;
        (void) nanosleep(&delay, NULL);
        return 1;
}

static int busy_fault(const InPlace *in_place, Fault *fault)
{
        _cleanup_(open_files_done) OpenFiles open_files = {0};
        _cleanup_free_ char *holders = NULL;
        char bound[QUANTITY_MAX];

        if (progress_check(in_place->progress, fault) < 0)
                return fault_errno(FAULT_CANCELLED);
        if (open_files_find(in_place->request->database_path, &open_files, NULL) >= 0)
                holders = open_files_describe(&open_files);
        quantity_format_span(in_place->waiting.bound_usec, bound);
        return fault_set(fault,
                        FAULT_BUSY,
                        "%s was read or written by others for all of %s, and nothing was restored; it is "
                        "open in "
                        "%s: let them finish or stop them, then try again",
                        in_place->request->database_path,
                        bound,
                        holders ? holders : "other processes");
}

static int open_live(InPlace *in_place, bool *ret_impossible, Fault *fault)
{
        _cleanup_fault_ Fault met = {0};
        int r;

        do
                r = connection_open(in_place->request->database_path,
                                CONNECTION_REPLACE,
                                in_place->progress,
                                &in_place->live,
                                &met);
        while (r < 0 && met.code == FAULT_BUSY && wait_goes_on(&in_place->waiting));
        if (r < 0 && met.code == FAULT_BUSY)
                return busy_fault(in_place, fault);
        if (r < 0) {
                *ret_impossible = met.code == FAULT_CORRUPT || met.code == FAULT_NOT_A_DATABASE;
                if (fault)
                        fault_move(fault, &met);
                return r;
        }
        (void) sqlite3_busy_handler(in_place->live->handle, on_busy, &in_place->waiting);
        return 0;
}

/* Whose fault a code of sqlite3_backup is can't be told from the code alone; the copy was read in full a
 * moment ago, so it is the live file. */
static int backup_fault(InPlace *in_place, int code, bool *ret_impossible, Fault *fault)
{
        switch (code & 0xff) {
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
                return busy_fault(in_place, fault);
        case SQLITE_READONLY: /* the page size of a WAL database can't change; that it is writable is known
                               */
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB:
                *ret_impossible = true;
        }
        return connection_fault(in_place->live, code, fault, "Restoring into the database");
}

/* A process that has read the database has chosen its encoding for as long as it stays connected. It follows
 * another page size, in a rollback mode, and another auto_vacuum. */
static int require_same_encoding(InPlace *in_place, bool *ret_impossible, Fault *fault)
{
        _cleanup_(statement_finalizep) sqlite3_stmt *now = NULL, *then = NULL;
        const char *now_text, *then_text;
        int r = connection_query_row(in_place->live, "PRAGMA main.encoding", &now, fault);

        if (r >= 0)
                r = connection_query_row(in_place->copy, "PRAGMA main.encoding", &then, fault);
        if (r < 0)
                return r;
        now_text = (const char *) sqlite3_column_text(now, 0);
        then_text = (const char *) sqlite3_column_text(then, 0);
        if (now_text && then_text && strcmp(now_text, then_text) == 0)
                return 0;
        *ret_impossible = true;
        return fault_set(fault,
                        FAULT_NOT_SUPPORTED,
                        "%s has the encoding %s, and what is restored has %s: no connected process can "
                        "follow",
                        in_place->request->database_path,
                        now_text ? now_text : "?",
                        then_text ? then_text : "?");
}

static int lock_live(InPlace *in_place, const RestoreSource *source, bool *ret_impossible, Fault *fault)
{
        int code, r;

        r = connection_open(source->path, CONNECTION_PRIVATE, NULL, &in_place->copy, fault);
        if (r >= 0)
                r = open_live(in_place, ret_impossible, fault);
        /* Before the backup begins, which a statement of this connection would end. */
        if (r >= 0)
                r = require_same_encoding(in_place, ret_impossible, fault);
        if (r >= 0)
                r = connection_query_integer(in_place->live,
                                "PRAGMA main.schema_version",
                                &in_place->schema_version,
                                fault);
        if (r < 0)
                return r;
        in_place->backup =
                        sqlite3_backup_init(in_place->live->handle, "main", in_place->copy->handle, "main");
        if (!in_place->backup)
                return connection_fault(in_place->live,
                                sqlite3_extended_errcode(in_place->live->handle),
                                fault,
                                "Restoring into the database");
        /* No page yet: this only takes the lock. */
        code = sqlite3_backup_step(in_place->backup, 0);
        if (code != SQLITE_OK)
                return backup_fault(in_place, code, ret_impossible, fault);
        TEST_POINT("restore-locked");
        if (in_place->request->hooks)
                return in_place->request->hooks->locked(
                                in_place->request->hooks->userdata, in_place->live, fault);
        return 0;
}

/* What sqlite3_backup writes has the number that the schema had before, and one more. 0 for neither state:
 * somebody has changed the database since. */
static int recognize(const InPlace *in_place, Connection *connection, bool *ret_restored)
{
        int64_t schema_version = 0, n_pages = 0;
        int r = connection_query_integer(connection, "PRAGMA main.schema_version", &schema_version, NULL);

        if (r >= 0)
                r = connection_query_integer(connection, "PRAGMA main.page_count", &n_pages, NULL);
        if (r < 0)
                return r;
        *ret_restored = (uint32_t) schema_version == (uint32_t) in_place->schema_version + 1 &&
                        n_pages == in_place->n_pages;
        return *ret_restored || schema_version == in_place->schema_version;
}

static int commit_something(Connection *connection)
{
        _cleanup_free_ char *sql = NULL;
        int64_t user_version = 0;
        int r = connection_query_integer(connection, "PRAGMA main.user_version", &user_version, NULL);

        if (r < 0)
                return r;
        if (asprintf(&sql, "PRAGMA main.user_version=%" PRId64 "; COMMIT", user_version) < 0) {
                sql = NULL;
                return -ENOMEM;
        }
        return connection_execute(connection, sql, NULL);
}

/* Which of the two states the database has, made certain by a commit: in a -wal it takes the place of
 * whatever is left there of one that failed. False when that can't be told. */
static bool settle(const InPlace *in_place, bool *ret_restored)
{
        _cleanup_(connection_closep) Connection *connection = NULL;
        bool wal = false;

        if (connection_open(in_place->request->database_path, CONNECTION_WRITE, NULL, &connection, NULL) <
                                        0 ||
                        connection_execute(connection, "BEGIN IMMEDIATE", NULL) < 0 ||
                        recognize(in_place, connection, ret_restored) <= 0 ||
                        connection_is_wal(connection, &wal, NULL) < 0)
                return false;
        /* In a rollback mode the old state is there only after its journal was played back. */
        if (!wal && !*ret_restored)
                return true;
        return commit_something(connection) >= 0;
}

/* The pages and the commit were written and could not be synced. Whoever is connected goes on with the old
 * state; whoever opens the database when all are gone finds the commit in the -wal. */
static void tell_what_is_in_force(InPlace *in_place, Fault *fault)
{
        bool restored = false, settled;

        (void) sqlite3_backup_finish(TAKE_PTR(in_place->backup));
        TEST_POINT("restore-commit-failed");
        /* First beside the connection of the restore, which keeps the old state in memory. */
        settled = settle(in_place, &restored);
        if (!settled) {
                in_place->copy = connection_close(in_place->copy);
                in_place->live = connection_close(in_place->live);
                quarantine_files_close(&in_place->files);
                settled = settle(in_place, &restored);
        }
        in_place->committed = settled && restored;
        in_place->uncertain = !settled;
        if (in_place->uncertain)
                (void) fault_prefix(fault,
                                0,
                                "The commit of the restore failed, and nobody can tell whether %s is the "
                                "old database "
                                "or the restored one; the old one is kept in %s, and once the disk works "
                                "`oracxpredctl undo` brings it back",
                                in_place->request->database_path,
                                in_place->quarantine);
}

/* With the lock held there is nothing that anybody was told was committed and that the copy lacks. A
 * checkpoint may run meanwhile, but what it moves is in the -wal as well, which nobody can start over now.
 */
static int save_files(InPlace *in_place, Fault *fault)
{
        const RestoreRequest *request = in_place->request;
        int r = quarantine_files_open(request->database_path, &in_place->files, fault);

        if (r < 0)
                return r;
        progress_begin(in_place->progress, "saving", quarantine_files_bytes(&in_place->files));
        r = quarantine_copy(&in_place->files,
                        request->database_path,
                        request->quarantine_path,
                        request->now_usec,
                        in_place->progress,
                        &in_place->quarantine,
                        fault);
        if (r < 0)
                return r;
        TEST_POINT("restore-saved");
        return 0;
}

/* Before the commit: killed after it, the restore could not be undone without. Killed before it, an undo
 * brings back what is there. */
static int record_intent(InPlace *in_place, Fault *fault)
{
        const RestoreRequest *request = in_place->request;
        const char *source = request->source ? request->source->name : request->source_quarantine;
        RestoreRecord record = {
                        .source = (char *) source,
                        .database = (char *) request->database_path,
                        .quarantine = in_place->quarantine,
                        .method = RESTORE_IN_PLACE,
                        .automatic = request->automatic,
                        .damaged = request->automatic, /* until that is known */
                        .untold = request->automatic,
                        .restored_usec = request->now_usec,
        };
        int r;

        if (request->hooks)
                return request->hooks->saved(request->hooks->userdata, in_place->quarantine, fault);
        (void) restore_record_load(request->state_directory_path, &in_place->earlier, NULL);
        in_place->recorded = true;
        r = restore_record_store(request->state_directory_path, &record, fault);
        TEST_POINT("restore-recorded");
        return r;
}

static int write_pages(InPlace *in_place, const RestoreSource *source, bool *ret_impossible, Fault *fault)
{
        int chunk_pages = (int) MAX_OF(CHUNK_BYTES / source->page_size_bytes, UINT64_C(1));
        uint64_t done_bytes = 0;
        bool past_half = false;
        int code = SQLITE_OK;

        in_place->n_pages = (int64_t) (source->database_bytes / source->page_size_bytes);
        progress_begin(in_place->progress, "restoring", source->database_bytes);
        while (code == SQLITE_OK) {
                uint64_t now_bytes;
                int r = progress_check(in_place->progress, fault);

                if (r < 0)
                        return r;
                code = sqlite3_backup_step(in_place->backup, chunk_pages);
                now_bytes = source->database_bytes -
                            MIN_OF(source->database_bytes,
                                            (uint64_t) sqlite3_backup_remaining(in_place->backup) *
                                                            source->page_size_bytes);
                progress_add(in_place->progress, now_bytes - done_bytes);
                done_bytes = now_bytes;
                if (!past_half && done_bytes >= source->database_bytes / 2) {
                        past_half = true;
                        TEST_POINT("restore-half");
                }
        }
        if (code != SQLITE_DONE) {
                bool all_written = sqlite3_backup_remaining(in_place->backup) == 0;
                int r = backup_fault(in_place, code, ret_impossible, fault);

                if (all_written)
                        tell_what_is_in_force(in_place, fault);
                return in_place->committed ? 0 : r;
        }
        in_place->committed = true;
        TEST_POINT("restore-committed");
        (void) sqlite3_backup_finish(TAKE_PTR(in_place->backup));
        return 0;
}

int restore_in_place(const RestoreRequest *request,
                const RestoreSource *source,
                Progress *progress,
                RestoreOutcome *outcome,
                bool *ret_impossible,
                Fault *fault)
{
        _cleanup_(in_place_done) InPlace in_place = {
                        .request = request,
                        .progress = progress,
                        .files = QUARANTINE_FILES_NONE,
                        .waiting = {.progress = progress,
                                        .begun_usec = clock_monotonic_usec(),
                                        .bound_usec = request->busy_bound_usec ? request->busy_bound_usec
                                                                               : RESTORE_BUSY_BOUND_USEC},
        };
        uint64_t locked_usec;
        int r;

        *ret_impossible = false;
        progress_begin(progress, "waiting", 0);
        r = lock_live(&in_place, source, ret_impossible, fault);
        if (r < 0)
                return r;
        locked_usec = clock_monotonic_usec();
        r = save_files(&in_place, fault);
        if (r >= 0)
                r = restore_rescue_require_current(request, source, in_place.quarantine, fault);
        if (r >= 0)
                r = record_intent(&in_place, fault);
        if (r >= 0)
                r = write_pages(&in_place, source, ret_impossible, fault);
        if (r < 0)
                return r;

        outcome->method = RESTORE_IN_PLACE;
        outcome->quarantine = TAKE_PTR(in_place.quarantine);
        outcome->waited_usec = locked_usec - in_place.waiting.begun_usec;
        outcome->held_usec = clock_monotonic_usec() - locked_usec;
        return 0;
}
