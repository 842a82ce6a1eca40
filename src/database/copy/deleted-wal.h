/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Who still has a -wal or -shm of a database that was deleted, or replaced by another of its name. Who opens
 * the database then gets new ones, and the two sides neither see each other's commits nor heed each other's
 * locks. Reads links in /proc only: no descriptor of the files is opened. Any thread. */

#include "base/fault.h"

typedef struct DeletedWal {
        bool by_us;    /* this process has it open */
        char *holders; /* owned; the others, as "python3 (pid 9)"; NULL for none that can be seen */
} DeletedWal;

void deleted_wal_done(DeletedWal *deleted);

/* Looks through the descriptors of this process, and with `others` of all. 0 with *ret, or negative. */
int deleted_wal_find(const char *path, bool others, DeletedWal *ret);

/* DATABASE_IN_USE, with the way out, when another process has one open: what is read through new files lacks
 * what that process has committed. Waits up to two seconds until this process has none; not for the loop. */
int deleted_wal_refuse(const char *path, Fault *fault);
