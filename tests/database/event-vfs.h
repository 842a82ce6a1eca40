/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The real VFS with a bell in it: a test is told when SQLite reads a page or meets a lock, at the very
 * moment, and can answer with an input/output error as a broken disk would. Replaces waiting by guesswork.
 */

#include <sqlite3.h>

typedef enum EventVfsCall {
        EVENT_VFS_READ,      /* about to read from a main database file */
        EVENT_VFS_WAL_READ,  /* about to read from a -wal */
        EVENT_VFS_WAL_SYNC,  /* about to sync a -wal */
        EVENT_VFS_SHM_LOCK,  /* about to lock a byte of the wal-index for reading */
        EVENT_VFS_LOCK_BUSY, /* a lock on a main database file was refused */
} EventVfsCall;

/* SQLITE_OK lets the read or the sync go on; another code is given to SQLite in its place. Ignored for
 * locks. */
typedef int (*EventVfsHook)(EventVfsCall call, void *userdata);

/* Makes it the default VFS (NULL: takes the bell out again). */
void event_vfs_set_hook(EventVfsHook hook, void *userdata);

/* Until the next hook it is known by its own name, as a VFS on top of another should be. */
void event_vfs_show_itself(void);
