/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "database/copy/raw-copy.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/test-hook.h"
#include "database/connection/file-guard.h"
#include "database/page/page-file.h"
#include "database/page/wal-frames.h"

/* The one VFS that is known to give the bytes of the file as they are, in pieces of any size: one on top of
 * it may encrypt pages, or check them. */
#define PLAIN_VFS "unix"

/* Beyond the size of the database, a -wal is no less work than SQLite's own way; up to that many it doesn't
 * matter. */
#define FEW_FRAMES 4096

/* One read past the page cache: nothing is read ahead then. A multiple of what any disk wants. */
#define DISK_CHUNK_BYTES MIB
#define DISK_ALIGNMENT 4096

/* https://www.sqlite.org/fileformat2.html#the_database_header */
#define HEADER_PAGE_BYTES 16
#define HEADER_CHANGE_COUNTER 24
#define HEADER_N_PAGES 28
#define HEADER_VERSION_VALID_FOR 92
#define HEADER_BYTES 100

typedef struct RawCopy {
        Connection *source;
        sqlite3_file *file; /* the connection's */
        uint64_t page_bytes;
        uint64_t n_pages;
        const CopyTarget *target;
        bool has_frames; /* of which the main file may lack some */
        WalIndex index;
        DiskRead *disk; /* or NULL */
        int disk_fd;    /* negative: SQLite's own way of reading */
} RawCopy;

static bool is_plain_file(RawCopy *copy)
{
        sqlite3 *handle = copy->source->handle;
        char *name = NULL;
        bool plain;

        if (sqlite3_file_control(handle, "main", SQLITE_FCNTL_FILE_POINTER, &copy->file) != SQLITE_OK ||
                        !copy->file || !copy->file->pMethods ||
                        sqlite3_file_control(handle, "main", SQLITE_FCNTL_VFSNAME, &name) != SQLITE_OK)
                return false;
        plain = name && strcmp(name, PLAIN_VFS) == 0;
        sqlite3_free(name);
        return plain;
}

/* What is to be copied of a database in WAL mode. NULL, or why that is not understood. */
static const char *look_at_wal(RawCopy *copy)
{
        WalIndex *index = &copy->index;

        if (!wal_index_read(copy->file, index))
                return "the wal-index can't be read";
        if (index->n_backfilled > index->n_frames)
                return "the -wal is being begun anew";
        if (index->n_backfilled == index->n_frames)
                return index->n_pages == 0 || index->n_pages == copy->n_pages
                                       ? NULL
                                       : "the wal-index has another number of pages";
        if (index->page_bytes != copy->page_bytes)
                return "the -wal has another page size";
        if (index->n_frames > FEW_FRAMES && index->n_frames > index->n_pages)
                return "the -wal is longer than the database";
        /* Each page that was added has a frame, but for some that were free again at once. A size that makes
         * no sense would fill the disk with zeros before the header tells. */
        if (index->n_pages > copy->n_pages + index->n_frames)
                return "the wal-index has more pages than there can be";
        copy->has_frames = true;
        copy->n_pages = index->n_pages;
        return NULL;
}

/* 1, or 0 with *ret_doubt set, or negative. */
static int look(RawCopy *copy, const char **ret_doubt, Fault *fault)
{
        bool normal_locking, wal, rollback;
        int r;

        *ret_doubt = "the VFS is not plain";
        if (!is_plain_file(copy))
                return 0;
        /* Else the wal-index is in this process's memory, and locks are not taken as described. */
        r = connection_pragma_is(copy->source, "PRAGMA main.locking_mode", "normal", &normal_locking, fault);
        if (r >= 0)
                r = connection_is_wal(copy->source, &wal, fault);
        /* What this connection would use itself, if it wrote; other rollback modes lock in the same way. */
        if (r >= 0)
                r = connection_pragma_is(
                                copy->source, "PRAGMA main.journal_mode", "delete", &rollback, fault);
        if (r < 0)
                return r;
        *ret_doubt = "the locking or journal mode is not the usual one";
        if (!normal_locking || (!wal && !rollback))
                return 0;
        *ret_doubt = wal ? look_at_wal(copy) : NULL;
        if (!*ret_doubt && copy->n_pages == 0)
                *ret_doubt = "there is no page";
        return !*ret_doubt;
}

/* Another file may have the name by now. */
static bool has_moved(const RawCopy *copy)
{
        int moved = 1;

        return sqlite3_file_control(copy->source->handle, "main", SQLITE_FCNTL_HAS_MOVED, &moved) !=
                               SQLITE_OK ||
               moved != 0;
}

static void leave_disk(RawCopy *copy)
{
        if (copy->disk_fd >= 0)
                file_guard_close_reader(copy->disk_fd);
        copy->disk_fd = -EBADF;
}

static void begin_disk(RawCopy *copy)
{
        if (!copy->disk)
                return;
        *copy->disk = (DiskRead){0};
        copy->disk_fd = file_guard_open_reader(copy->source->path);
        if (has_moved(copy))
                leave_disk(copy);
}

/* What the file system says to a read that it does not do in this way, not what the disk says. */
static bool is_refusal(int error)
{
        return error == EINVAL || error == EOPNOTSUPP || error == ENOMEM;
}

/* 1; 0 when the file system does not do it; negative with the fault filled. What is beyond the end of the
 * file is filled with zeros, as SQLite does. */
static int read_disk(RawCopy *copy, unsigned char *buffer, uint64_t at, Fault *fault)
{
        size_t done = 0;

        while (done < DISK_CHUNK_BYTES) {
                ssize_t n = pread(
                                copy->disk_fd, buffer + done, DISK_CHUNK_BYTES - done, (off_t) (at + done));

                if (n < 0 && errno == EINTR)
                        continue;
                /* The end of the file comes at any length, and there is no reading on from there. */
                if (n == 0 || (n < 0 && errno == EINVAL && done % DISK_ALIGNMENT != 0))
                        break;
                if (n < 0 && is_refusal(errno))
                        return 0;
                if (n < 0) {
                        copy->disk->failed = true;
                        return fault_set(fault,
                                        FAULT_IO,
                                        "%s: the disk can't read it at byte %" PRIu64
                                        ": %s; look into the kernel's log (journalctl -k)",
                                        copy->source->path,
                                        at + done,
                                        strerrordesc_np(errno));
                }
                done += (size_t) n;
        }
        memset(buffer + done, 0, DISK_CHUNK_BYTES - done);
        return 1;
}

/* The next piece, from `at` on; the number of its bytes in *ret_n. */
static int read_piece(RawCopy *copy,
                unsigned char *buffer,
                uint64_t at,
                uint64_t left,
                uint64_t *ret_n,
                Fault *fault)
{
        int code, r = copy->disk_fd >= 0 ? read_disk(copy, buffer, at, fault) : 0;

        *ret_n = MIN_OF(r > 0 ? DISK_CHUNK_BYTES : COPY_TARGET_CHUNK_BYTES, left);
        if (r != 0)
                return r;
        leave_disk(copy);
        code = copy->file->pMethods->xRead(copy->file, buffer, (int) *ret_n, (sqlite3_int64) at);
        /* The rest has been filled with zeros, which is how SQLite reads such pages, too. */
        if (code != SQLITE_OK && code != SQLITE_IOERR_SHORT_READ)
                return connection_fault(copy->source, code, fault, "Copying the database");
        return 1;
}

static int copy_main_file(RawCopy *copy, Fault *fault)
{
        Progress *progress = copy->source->progress;
        uint64_t n, total_bytes = copy->n_pages * copy->page_bytes;
        _cleanup_free_ unsigned char *buffer = aligned_alloc(DISK_ALIGNMENT, DISK_CHUNK_BYTES);
        bool past_half = false;
        int r;

        if (!buffer)
                return fault_set_errno(fault, ENOMEM, "Copying %s", copy->source->path);
        if (progress)
                progress_begin(progress, "copying", total_bytes);
        for (uint64_t done = 0; done < total_bytes; done += n) {
                r = progress ? progress_check(progress, fault) : 0;
                if (r >= 0)
                        r = read_piece(copy, buffer, done, total_bytes - done, &n, fault);
                if (r < 0)
                        return r;
                r = copy_target_write(copy->target, buffer, n, done, fault);
                if (r < 0)
                        return r;
                if (progress)
                        progress_add(progress, n);
                if (!past_half && done + n >= total_bytes / 2) {
                        past_half = true;
                        TEST_POINT("snapshot-half");
                }
        }
        return 1;
}

static bool is_header_meant(const RawCopy *copy, const unsigned char *header)
{
        uint64_t page_bytes = (uint64_t) header[HEADER_PAGE_BYTES] << 8 |
                              (uint64_t) header[HEADER_PAGE_BYTES + 1] << 16;

        return page_bytes == copy->page_bytes && page_get4(header + HEADER_N_PAGES) == copy->n_pages &&
               page_get4(header + HEADER_CHANGE_COUNTER) == page_get4(header + HEADER_VERSION_VALID_FOR);
}

/* Where the header of the first page gives another size than the -wal or the file, SQLite has rules for
 * which one counts (lockBtree() in btree.c), and for writers that didn't know the field. A header that is
 * wrong on the disk alone can't come from a writer. */
static int compare_header(const RawCopy *copy, Fault *fault)
{
        unsigned char header[HEADER_BYTES];
        size_t n;
        int r = io_read_full_at(copy->target->fd, header, sizeof header, 0, &n);

        if (r < 0)
                return fault_set_errno(fault, r, "Reading %s", copy->target->path);
        if (n == sizeof header && is_header_meant(copy, header))
                return 1;
        if (!copy->disk || !copy->disk->done)
                return 0;
        copy->disk->done = false;
        if (copy->file->pMethods->xRead(copy->file, header, sizeof header, 0) != SQLITE_OK ||
                        !is_header_meant(copy, header))
                return 0;
        copy->disk->failed = true;
        return fault_set(fault,
                        FAULT_IO,
                        "The disk holds another header of %s than the kernel's memory: leave this machine "
                        "running, run `oracxpredctl backup`, and look at the disk",
                        copy->source->path);
}

int raw_copy(Connection *source,
                uint64_t page_bytes,
                uint64_t n_pages,
                const CopyTarget *target,
                DiskRead *disk,
                const char **ret_doubt,
                Fault *fault)
{
        RawCopy copy = {
                        .source = source,
                        .page_bytes = page_bytes,
                        .n_pages = n_pages,
                        .target = target,
                        .disk = disk,
                        .disk_fd = -EBADF,
        };
        int r;

        r = look(&copy, ret_doubt, fault);
        if (r > 0) {
                begin_disk(&copy);
                r = copy_main_file(&copy, fault);
                if (disk)
                        disk->done = r > 0 && copy.disk_fd >= 0;
                leave_disk(&copy);
        }
        if (r > 0 && copy.has_frames)
                r = wal_frames_overlay(source, &copy.index, target, ret_doubt, fault);
        if (r == 0 && disk)
                disk->done = false; /* what takes its place is read by SQLite */
        if (r <= 0)
                return r;
        *ret_doubt = "the header has another number of pages";
        return compare_header(&copy, fault);
}
