/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup/restore-in-place.h"

#include <string.h>
#include <time.h>

#include "backup/quarantine.h"
#include "backup/restore-record.h"
#include "base/clock.h"
#include "base/quantity.h"
#include "base/test-hook.h"
#include "database/open-files.h"

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
        RestoreRecord earlier; /* what last-restore.json said before; source NULL for nothing */
        bool recorded;
        bool committed;
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
        if (!in_place->committed) {
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

static int lock_live(InPlace *in_place, const RestoreSource *source, bool *ret_impossible, Fault *fault)
{
        int code, r;

        r = connection_open(source->path, CONNECTION_PRIVATE, NULL, &in_place->copy, fault);
        if (r >= 0)
                r = open_live(in_place, ret_impossible, fault);
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
        return 0;
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
                        .untold = request->automatic,
                        .restored_usec = request->now_usec,
        };
        int r;

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
        if (code != SQLITE_DONE)
                return backup_fault(in_place, code, ret_impossible, fault);
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
