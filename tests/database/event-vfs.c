/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "event-vfs.h"

#include <pthread.h>

#include "base/macro.h"

static sqlite3_vfs *real_vfs, event_vfs;
static const sqlite3_io_methods *real_main_methods, *real_wal_methods; /* a -wal has no locks */
static sqlite3_io_methods main_methods, wal_methods;
static EventVfsHook current_hook;
static void *current_userdata;
static bool shows_itself;

static int ring(EventVfsCall call)
{
        return current_hook ? current_hook(call, current_userdata) : SQLITE_OK;
}

static int read_main(sqlite3_file *file, void *data, int n_bytes, sqlite3_int64 offset_bytes)
{
        int code = ring(EVENT_VFS_READ);

        return code != SQLITE_OK ? code : real_main_methods->xRead(file, data, n_bytes, offset_bytes);
}

static int read_wal(sqlite3_file *file, void *data, int n_bytes, sqlite3_int64 offset_bytes)
{
        int code = ring(EVENT_VFS_WAL_READ);

        return code != SQLITE_OK ? code : real_wal_methods->xRead(file, data, n_bytes, offset_bytes);
}

static int sync_wal(sqlite3_file *file, int flags)
{
        int code = ring(EVENT_VFS_WAL_SYNC);

        return code != SQLITE_OK ? code : real_wal_methods->xSync(file, flags);
}

static int lock_main(sqlite3_file *file, int level)
{
        int code = real_main_methods->xLock(file, level);

        if (code == SQLITE_BUSY)
                (void) ring(EVENT_VFS_LOCK_BUSY);
        return code;
}

static int lock_shm(sqlite3_file *file, int offset, int n, int flags)
{
        if (flags == (SQLITE_SHM_LOCK | SQLITE_SHM_SHARED))
                (void) ring(EVENT_VFS_SHM_LOCK);
        return real_main_methods->xShmLock(file, offset, n, flags);
}

static int control_main(sqlite3_file *file, int operation, void *argument)
{
        if (operation == SQLITE_FCNTL_VFSNAME && shows_itself) {
                *(char **) argument = sqlite3_mprintf("event/unix");
                return SQLITE_OK;
        }
        return real_main_methods->xFileControl(file, operation, argument);
}

/* The first file of each kind, opened by whichever thread, tells what the real methods are. */
static void take_methods(sqlite3_file *file, int flags)
{
        static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

        (void) pthread_mutex_lock(&mutex);
        if ((flags & SQLITE_OPEN_WAL) && !real_wal_methods) {
                real_wal_methods = file->pMethods;
                wal_methods = *real_wal_methods;
                wal_methods.xRead = read_wal;
                wal_methods.xSync = sync_wal;
        } else if (!(flags & SQLITE_OPEN_WAL) && !real_main_methods) {
                real_main_methods = file->pMethods;
                main_methods = *real_main_methods;
                main_methods.xRead = read_main;
                main_methods.xLock = lock_main;
                main_methods.xShmLock = lock_shm;
                main_methods.xFileControl = control_main;
        }
        file->pMethods = flags & SQLITE_OPEN_WAL ? &wal_methods : &main_methods;
        (void) pthread_mutex_unlock(&mutex);
}

static int open_file(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *ret_flags)
{
        int code = real_vfs->xOpen(real_vfs, name, file, flags, ret_flags);

        if (code == SQLITE_OK && (flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL)))
                take_methods(file, flags);
        return code;
}

void event_vfs_set_hook(EventVfsHook hook, void *userdata)
{
        if (!real_vfs) {
                real_vfs = sqlite3_vfs_find(NULL);
                event_vfs = *real_vfs;
                event_vfs.zName = "event";
                event_vfs.xOpen = open_file;
                (void) sqlite3_vfs_register(&event_vfs, 1);
        }
        shows_itself = false;
        current_userdata = userdata;
        current_hook = hook;
}

void event_vfs_show_itself(void)
{
        shows_itself = true;
}
