/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "database/snapshot.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/test-hook.h"

/* Copied between two looks at the cancel flag: a few milliseconds of disk. */
#define CHUNK_BYTES MIB

typedef struct Copying {
        Connection *source;
        Connection *target;
        Progress *progress;
        const char *target_path;
        bool target_created;
} Copying;

static void remove_target(const char *path)
{
        static const char *const suffixes[] = {"", "-journal", "-wal"};

        for (size_t i = 0; i < ELEMENTSOF(suffixes); i++) {
                _cleanup_free_ char *name = NULL;

                if (asprintf(&name, "%s%s", path, suffixes[i]) >= 0)
                        (void) unlink(name);
        }
}

static void copying_done(Copying *copying)
{
        copying->source = connection_close(copying->source);
        copying->target = connection_close(copying->target);
        if (copying->target_created)
                remove_target(copying->target_path);
}

static int create_target(Copying *copying, Fault *fault)
{
        const char *path = copying->target_path;
        _cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

        if (fd < 0 && errno == EEXIST)
                return fault_set(fault,
                                FAULT_INVALID_ARGUMENT,
                                "%s exists already and is left as it is; move it away first",
                                path);
        if (fd < 0)
                return fault_set_errno(fault, errno, "Creating %s", path);
        /* A -journal or -wal that a killed run left under this name is no danger: beside an empty file
         * SQLite deletes it instead of replaying it. */
        copying->target_created = true;
        return 0;
}

/* Whose fault was it? sqlite3_backup gives one code for both files. */
static const Connection *blame(const Copying *copying, int code)
{
        switch (code) {
        case SQLITE_IOERR_WRITE:
        case SQLITE_IOERR_FSYNC:
        case SQLITE_IOERR_DIR_FSYNC:
        case SQLITE_IOERR_TRUNCATE:
        case SQLITE_IOERR_DELETE:
                return copying->target;
        }
        switch (code & 0xff) {
        case SQLITE_FULL:
        case SQLITE_READONLY:
        case SQLITE_CANTOPEN:
                return copying->target;
        default:
                return copying->source;
        }
}

static int step_through(Copying *copying, sqlite3_backup *backup, uint64_t page_size_bytes, Fault *fault)
{
        uint64_t done_pages = 0;
        bool past_half = false;
        int code = SQLITE_OK;

        while (code == SQLITE_OK) {
                uint64_t total_pages, copied_pages;

                if (copying->progress) {
                        int r = progress_check(copying->progress, fault);

                        if (r < 0)
                                return r;
                }
                /* BUSY and LOCKED end the loop as well: the source is pinned and the target private, so
                 * there is nobody whom waiting would help. */
                code = sqlite3_backup_step(backup, (int) (CHUNK_BYTES / page_size_bytes));
                total_pages = (uint64_t) sqlite3_backup_pagecount(backup);
                copied_pages = total_pages - (uint64_t) sqlite3_backup_remaining(backup);
                if (copying->progress)
                        progress_add(copying->progress, (copied_pages - done_pages) * page_size_bytes);
                done_pages = copied_pages;
                if (!past_half && copied_pages >= total_pages / 2) {
                        past_half = true;
                        TEST_POINT("snapshot-half");
                }
        }
        return code == SQLITE_DONE ? 0 : code;
}

static int copy_pages(Copying *copying, uint64_t page_size_bytes, Fault *fault)
{
        sqlite3_backup *backup = sqlite3_backup_init(
                        copying->target->handle, "main", copying->source->handle, "main");
        int r, code;

        if (!backup)
                return connection_fault(copying->target,
                                sqlite3_extended_errcode(copying->target->handle),
                                fault,
                                "Copying the database");
        /* 0, a negative errno with the fault filled, or SQLite's positive code. */
        r = step_through(copying, backup, page_size_bytes, fault);
        code = sqlite3_backup_finish(backup);
        if (r == 0 && code != SQLITE_OK)
                r = code;
        if (r > 0)
                return connection_fault(blame(copying, r), r, fault, "Copying the database");
        return r;
}

static int copy_pinned(Copying *copying, Snapshot *ret, Fault *fault)
{
        _cleanup_(statement_finalizep) sqlite3_stmt *pin = NULL;
        uint64_t pinned_usec = clock_monotonic_usec();
        int64_t page_size_bytes = 0, pages = 0;
        int r;

        r = connection_pin(copying->source, &pin, fault);
        if (r >= 0)
                r = connection_query_integer(
                                copying->source, "PRAGMA main.page_size", &page_size_bytes, fault);
        if (r >= 0)
                r = connection_query_integer(copying->source, "PRAGMA main.page_count", &pages, fault);
        if (r < 0)
                return r;
        if (copying->progress)
                progress_begin(copying->progress, "copying", (uint64_t) page_size_bytes * (uint64_t) pages);
        TEST_POINT("snapshot-pinned");

        r = copy_pages(copying, (uint64_t) page_size_bytes, fault);
        if (r < 0)
                return r;
        (void) sqlite3_finalize(TAKE_PTR(pin));
        *ret = (Snapshot){
                        .page_size_bytes = (uint64_t) page_size_bytes,
                        .held_usec = clock_monotonic_usec() - pinned_usec,
        };
        return 0;
}

/* A copy of a WAL database is itself flagged WAL; whoever opened it would give it a -wal of its own. */
static int leave_wal(Copying *copying, Snapshot *snapshot, Fault *fault)
{
        _cleanup_(statement_finalizep) sqlite3_stmt *statement = NULL;
        int64_t pages = 0;
        int r;

        r = connection_query_row(copying->target, "PRAGMA main.journal_mode=DELETE", &statement, fault);
        if (r < 0)
                return r;
        if (sqlite3_stricmp((const char *) sqlite3_column_text(statement, 0), "delete") != 0)
                return fault_set(fault,
                                FAULT_FAILED,
                                "%s stays in WAL mode, and a backup must not depend on a -wal",
                                copying->target_path);
        (void) sqlite3_finalize(TAKE_PTR(statement));
        /* Counted in the copy: an empty source of 0 pages becomes a database of one. */
        r = connection_query_integer(copying->target, "PRAGMA main.page_count", &pages, fault);
        if (r < 0)
                return r;
        snapshot->pages = (uint64_t) pages;
        return 0;
}

int snapshot_copy(const char *source_path,
                const char *target_path,
                Progress *progress,
                Snapshot *ret,
                Fault *fault)
{
        _cleanup_(copying_done) Copying copying = {.progress = progress, .target_path = target_path};
        Snapshot snapshot = {0};
        int r;

        r = connection_open(source_path, CONNECTION_READ, progress, &copying.source, fault);
        if (r >= 0)
                r = create_target(&copying, fault);
        if (r >= 0)
                r = connection_open(target_path, CONNECTION_PRIVATE, NULL, &copying.target, fault);
        /* Nobody reads the copy before it is whole, so its journal needs no file. */
        if (r >= 0)
                r = connection_execute(copying.target, "PRAGMA main.journal_mode=MEMORY", fault);
        if (r >= 0)
                r = copy_pinned(&copying, &snapshot, fault);
        if (r < 0)
                return r;

        copying.source = connection_close(copying.source);
        TEST_POINT("snapshot-copied");
        r = leave_wal(&copying, &snapshot, fault);
        if (r < 0)
                return r;
        copying.target = connection_close(copying.target);
        copying.target_created = false;
        *ret = snapshot;
        return 0;
}
