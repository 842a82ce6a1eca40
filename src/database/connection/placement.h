/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Where the database lies, and whether SQLite's promises hold there: directories with their owner and mode,
 * the file system, hard and symbolic links, room left. Looks at names and inodes only: it never opens a
 * database that was there before, since closing any descriptor of it would drop the locks SQLite holds in
 * this process. Any thread. */

#include <sys/types.h>

#include "base/fault.h"

typedef struct DiskSpace {
        uint64_t total_bytes;
        uint64_t free_bytes; /* for an unprivileged process */
} DiskSpace;

/* Creates `path` with mode (setgid dropped when the sandbox forbids it) when it is missing, and returns a
 * descriptor of it. Its parent must exist, and is synced. An existing directory keeps its owner and mode;
 * one that this process can't list and write is PERMISSION with the command that mends it (READ_ONLY on a
 * read-only file system); a usable one returns 0. */
int placement_open_directory(const char *path, mode_t mode, int *ret_fd, Fault *fault);

/* Files of this size and less have no content: SQLite takes one of a single byte for an empty database, too
 * (it once wrote such a byte for a file system that could not lock empty files), and builds a new database
 * over it. */
#define PLACEMENT_NOTHING_BYTES 1

/* Creates an empty database file with mode 0660, whatever the umask, and syncs its directory; or leaves
 * alone whatever has that name. *ret_created says which. */
int placement_create_database(const char *path, bool *ret_created, Fault *fault);

/* UNSAFE_FILE_SYSTEM for a network or FUSE file system, for a database with more than one hard link, and
 * for a symbolic link (SQLite's locks and journals go by name); PERMISSION or READ_ONLY when it, its -wal,
 * -shm or -journal, or its directory can't be read and written; CANNOT_OPEN when it is no regular file. 0
 * when all is well. Of a file that does not exist yet the directory is checked; 0 without one. */
int placement_check(const char *path, Fault *fault);

/* Room on the file system of `path` (a file or directory). */
int placement_disk_space(const char *path, DiskSpace *ret, Fault *fault);

/* NO_SPACE with the numbers in words when fewer than `needed_bytes` are free at `path`. */
int placement_require_space(const char *path, uint64_t needed_bytes, Fault *fault);

/* The file system's name ("ext4", "nfs", or its magic number in hex) for f_type of statfs(2). A static
 * string, or one that lasts until this thread's next call. */
const char *placement_file_system_name(long magic);
