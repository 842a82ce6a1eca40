/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "database/copy/snapshot.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/test-hook.h"
#include "database/connection/placement.h"

/* Copied between two looks at the cancel flag: a few milliseconds of disk. */
#define CHUNK_BYTES MIB

typedef struct Copying {
        Connection *source;
        Connection *target;
        Progress *progress;
        DiskRead *disk;  /* or NULL */
        CopyTarget file; /* the target, its descriptor only until SQLite opens it */
        bool target_created;
} Copying;

/* Of what SQLite may have under a database's name, from `first` on. 0, or the first error's errno. */
static int remove_files(const char *path, size_t first)
{
        static const char *const suffixes[] = {"", "-journal", "-wal"};
        int r = 0;

        for (size_t i = first; i < ELEMENTSOF(suffixes); i++) {
                _cleanup_free_ char *name = NULL;

                if (asprintf(&name, "%s%s", path, suffixes[i]) < 0) {
                        name = NULL;
                        return -ENOMEM;
                }
                if (unlink(name) < 0 && errno != ENOENT && r == 0)
                        r = -errno;
        }
        return r;
}

static void copying_done(Copying *copying)
{
        copying->source = connection_close(copying->source);
        copying->target = connection_close(copying->target);
        closep(&copying->file.fd);
        if (copying->target_created)
                (void) remove_files(copying->file.path, 0);
}

static int create_target(Copying *copying, Fault *fault)
{
        const char *path = copying->file.path;
        int r;

        copying->file.fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (copying->file.fd < 0 && errno == EEXIST)
                return fault_set(fault,
                                FAULT_INVALID_ARGUMENT,
                                "%s exists already and is left as it is; move it away first",
                                path);
        if (copying->file.fd < 0)
                return fault_set_errno(fault, errno, "Creating %s", path);
        copying->target_created = true;
        /* SQLite would replay into the copy what a killed run left under this name. */
        r = remove_files(path, 1);
        if (r < 0)
                return fault_set_errno(fault, r, "Removing what was left beside %s", path);
        return 0;
}

/* From here on the target is SQLite's. */
static int open_target(Copying *copying, Fault *fault)
{
        closep(&copying->file.fd);
        copying->file.fd = -EBADF;
        return connection_open(copying->file.path, CONNECTION_PRIVATE, NULL, &copying->target, fault);
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

static int copy_pages(Copying *copying, uint64_t page_size_bytes, uint64_t pages, Fault *fault)
{
        sqlite3_backup *backup;
        int r, code;

        if (ftruncate(copying->file.fd, 0) < 0)
                return fault_set_errno(fault, errno, "Emptying %s", copying->file.path);
        r = open_target(copying, fault);
        /* Nobody reads the copy before it is whole, so its journal needs no file. */
        if (r >= 0)
                r = connection_execute(copying->target, "PRAGMA main.journal_mode=MEMORY", fault);
        if (r < 0)
                return r;
        if (copying->progress)
                progress_begin(copying->progress, "copying", page_size_bytes * pages);
        backup = sqlite3_backup_init(copying->target->handle, "main", copying->source->handle, "main");
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
        const char *doubt = NULL;
        int r;

        r = connection_pin(copying->source, &pin, fault);
        if (r >= 0)
                r = connection_query_integer(
                                copying->source, "PRAGMA main.page_size", &page_size_bytes, fault);
        if (r >= 0)
                r = connection_query_integer(copying->source, "PRAGMA main.page_count", &pages, fault);
        if (r < 0)
                return r;
        /* What is in the -wal counts, too, and it may say that the database has any size. */
        r = placement_require_space(
                        copying->file.path, (uint64_t) page_size_bytes * (uint64_t) pages, fault);
        if (r < 0)
                return r;
        if (copying->progress)
                progress_begin(copying->progress, "copying", (uint64_t) page_size_bytes * (uint64_t) pages);
        TEST_POINT("snapshot-pinned");

        r = raw_copy(copying->source,
                        (uint64_t) page_size_bytes,
                        (uint64_t) pages,
                        &copying->file,
                        copying->disk,
                        &doubt,
                        fault);
        if (r == 0)
                r = copy_pages(copying, (uint64_t) page_size_bytes, (uint64_t) pages, fault);
        else
                doubt = NULL;
        if (r < 0)
                return r;
        (void) sqlite3_finalize(TAKE_PTR(pin));
        *ret = (Snapshot){
                        .by_page_because = doubt,
                        .page_size_bytes = (uint64_t) page_size_bytes,
                        .held_usec = clock_monotonic_usec() - pinned_usec,
        };
        return 0;
}

/* A copy of a WAL database is itself flagged WAL; whoever opened it would give it a -wal of its own. */
static int leave_wal(Copying *copying, Snapshot *snapshot, Fault *fault)
{
        int64_t pages = 0;
        bool left;
        int r;

        r = connection_pragma_is(copying->target, "PRAGMA main.journal_mode=DELETE", "delete", &left, fault);
        if (r < 0)
                return r;
        if (!left)
                return fault_set(fault,
                                FAULT_FAILED,
                                "%s stays in WAL mode, and a backup must not depend on a -wal",
                                copying->file.path);
        /* Counted in the copy: an empty source of 0 pages becomes a database of one. */
        r = connection_query_integer(copying->target, "PRAGMA main.page_count", &pages, fault);
        if (r < 0)
                return r;
        snapshot->pages = (uint64_t) pages;
        return 0;
}

int snapshot_copy_disk(const char *source_path,
                const char *target_path,
                DiskRead *disk,
                Progress *progress,
                Snapshot *ret,
                Fault *fault)
{
        _cleanup_(copying_done) Copying copying = {
                        .progress = progress, .disk = disk, .file = {.fd = -EBADF, .path = target_path}};
        Snapshot snapshot = {0};
        int r;

        r = connection_open(source_path, CONNECTION_READ, progress, &copying.source, fault);
        if (r >= 0)
                r = connection_read_schema(copying.source, fault);
        if (r >= 0)
                r = create_target(&copying, fault);
        if (r >= 0)
                r = copy_pinned(&copying, &snapshot, fault);
        if (r < 0)
                return r;

        copying.source = connection_close(copying.source);
        TEST_POINT("snapshot-copied");
        r = copying.target ? 0 : open_target(&copying, fault);
        if (r >= 0)
                r = leave_wal(&copying, &snapshot, fault);
        if (r < 0)
                return r;
        copying.target = connection_close(copying.target);
        copying.target_created = false;
        *ret = snapshot;
        return 0;
}

int snapshot_copy(const char *source_path,
                const char *target_path,
                Progress *progress,
                Snapshot *ret,
                Fault *fault)
{
        return snapshot_copy_disk(source_path, target_path, NULL, progress, ret, fault);
}
