/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Which other processes have a database open, so that a fault can name them and a replacement can refuse.
 * Three sources, since a sandboxed daemon may not look into other users' processes: the descriptors in
 * /proc/PID/fd where that is permitted, the locks in /proc/locks (a connection in WAL mode keeps one on
 * the -shm as long as it is open), and a write lease, which the kernel grants only on a file that nobody
 * else has open. Nothing here writes to the database. Any thread. */

#include <sys/types.h>

#include "base/fault.h"

#define OPEN_FILES_NAME_MAX 64

typedef struct OpenFilesHolder {
        pid_t pid;
        char name[OPEN_FILES_NAME_MAX]; /* the process's own name; "?" when it can't be read */
        bool on_replaced_file;          /* holds a file that was deleted or replaced at this path */
} OpenFilesHolder;

typedef struct OpenFiles {
        OpenFilesHolder *holders; /* by pid, this process left out */
        size_t n_holders;
        bool complete; /* every process could be looked into */
} OpenFiles;

void open_files_done(OpenFiles *open_files);

/* Who has `path`, its -wal, -shm or -journal open, or a deleted predecessor of one of them. Reads /proc and
 * inodes only, so it may be called while SQLite connections exist. A path that doesn't exist still finds
 * those who hold its predecessor. */
int open_files_find(const char *path, OpenFiles *ret, Fault *fault);

/* "gunicorn (pid 412) and python3 (pid 977)", owned by the caller; at most five are named, then "and 3
 * more". "other processes" for an empty list. NULL when out of memory. */
char *open_files_describe(const OpenFiles *open_files);

typedef enum OpenFilesUse {
        OPEN_FILES_UNUSED,  /* proved: nobody else has the file open */
        OPEN_FILES_IN_USE,  /* proved: somebody has */
        OPEN_FILES_UNKNOWN, /* the kernel gives this process no lease (file of another user, file system
                             * without leases) */
} OpenFilesUse;

/* Asks the kernel through a write lease, which is given back at once. Opens and closes the file, which
 * drops every POSIX lock that this process has on it: no SQLite connection of this process may have it
 * open. CANNOT_OPEN when there is no such file. */
int open_files_probe(const char *path, OpenFilesUse *ret, Fault *fault);
