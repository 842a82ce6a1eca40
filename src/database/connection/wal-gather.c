/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "database/connection/wal-gather.h"

#include <pthread.h>
#include <sqlite3.h>
#include <string.h>

#define GATHERED_BYTES ((int) (64 * KIB))

/* The real file follows it in the memory that SQLite gives for one. */
typedef struct WalFile {
        sqlite3_file base;
        sqlite3_file *real;
        int failed;                 /* what became of a write that SQLite was told had succeeded */
        sqlite3_int64 offset_bytes; /* of what is gathered */
        int n_gathered;
        int room_bytes;
        unsigned char *gathered;
} WalFile;

static WalFile *wal_file(sqlite3_file *file)
{
        return (WalFile *) file;
}

/* A failure stays: it may be told to a read, after which a transaction can go on, and what lacks a part of
 * the log must never be committed. */
static int put_out(WalFile *file)
{
        int n = file->n_gathered;

        if (n == 0 || file->failed != SQLITE_OK)
                return file->failed;
        file->n_gathered = 0;
        file->failed = file->real->pMethods->xWrite(file->real, file->gathered, n, file->offset_bytes);
        return file->failed;
}

/* What is still gathered was never synced, so nobody was told of it. */
static int gather_close(sqlite3_file *base)
{
        WalFile *file = wal_file(base);

        free(file->gathered);
        return file->real->pMethods->xClose(file->real);
}

static int gather_read(sqlite3_file *base, void *data, int size, sqlite3_int64 offset_bytes)
{
        WalFile *file = wal_file(base);
        int code = put_out(file);

        return code == SQLITE_OK ? file->real->pMethods->xRead(file->real, data, size, offset_bytes) : code;
}

static int gather_write(sqlite3_file *base, const void *data, int size, sqlite3_int64 offset_bytes)
{
        WalFile *file = wal_file(base);
        int code = file->failed;

        if (size > file->room_bytes - file->n_gathered ||
                        offset_bytes != file->offset_bytes + file->n_gathered)
                code = put_out(file);
        if (code != SQLITE_OK)
                return code;
        if (size > file->room_bytes)
                return file->real->pMethods->xWrite(file->real, data, size, offset_bytes);
        if (file->n_gathered == 0)
                file->offset_bytes = offset_bytes;
        memcpy(file->gathered + file->n_gathered, data, (size_t) size);
        file->n_gathered += size;
        return SQLITE_OK;
}

static int gather_truncate(sqlite3_file *base, sqlite3_int64 size_bytes)
{
        WalFile *file = wal_file(base);
        int code = put_out(file);

        return code == SQLITE_OK ? file->real->pMethods->xTruncate(file->real, size_bytes) : code;
}

static int gather_sync(sqlite3_file *base, int flags)
{
        WalFile *file = wal_file(base);
        int code = put_out(file);

        return code == SQLITE_OK ? file->real->pMethods->xSync(file->real, flags) : code;
}

static int gather_size(sqlite3_file *base, sqlite3_int64 *ret)
{
        WalFile *file = wal_file(base);
        int code = put_out(file);

        return code == SQLITE_OK ? file->real->pMethods->xFileSize(file->real, ret) : code;
}

static int gather_lock(sqlite3_file *base, int level)
{
        WalFile *file = wal_file(base);

        return file->real->pMethods->xLock(file->real, level);
}

static int gather_unlock(sqlite3_file *base, int level)
{
        WalFile *file = wal_file(base);

        return file->real->pMethods->xUnlock(file->real, level);
}

static int gather_reserved(sqlite3_file *base, int *ret)
{
        WalFile *file = wal_file(base);

        return file->real->pMethods->xCheckReservedLock(file->real, ret);
}

static int gather_control(sqlite3_file *base, int operation, void *argument)
{
        WalFile *file = wal_file(base);
        int code = put_out(file);

        return code == SQLITE_OK ? file->real->pMethods->xFileControl(file->real, operation, argument)
                                 : code;
}

static int gather_sector(sqlite3_file *base)
{
        WalFile *file = wal_file(base);

        return file->real->pMethods->xSectorSize(file->real);
}

static int gather_device(sqlite3_file *base)
{
        WalFile *file = wal_file(base);

        return file->real->pMethods->xDeviceCharacteristics(file->real);
}

/* Version 1: SQLite never maps a WAL, and locks and shares through the main file. */
static const sqlite3_io_methods gather_methods = {
                .iVersion = 1,
                .xClose = gather_close,
                .xRead = gather_read,
                .xWrite = gather_write,
                .xTruncate = gather_truncate,
                .xSync = gather_sync,
                .xFileSize = gather_size,
                .xLock = gather_lock,
                .xUnlock = gather_unlock,
                .xCheckReservedLock = gather_reserved,
                .xFileControl = gather_control,
                .xSectorSize = gather_sector,
                .xDeviceCharacteristics = gather_device,
};

static sqlite3_vfs *real_vfs;

static int gather_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *base, int flags, int *ret_flags)
{
        WalFile *file = wal_file(base);
        int code;

        if (!(flags & SQLITE_OPEN_WAL))
                return real_vfs->xOpen(real_vfs, name, base, flags, ret_flags);
        *file = (WalFile){.real = (sqlite3_file *) (file + 1), .gathered = malloc(GATHERED_BYTES)};
        if (!file->gathered)
                return SQLITE_NOMEM;
        code = real_vfs->xOpen(real_vfs, name, file->real, flags, ret_flags);
        if (code != SQLITE_OK) {
                /* SQLite closes what has methods, opened or not. */
                if (file->real->pMethods)
                        (void) file->real->pMethods->xClose(file->real);
                free(file->gathered);
                return code;
        }
        /* Without it SQLite writes the rest of a commit after its sync (walWriteToLog() in wal.c); Debian's
         * has it. */
        if (file->real->pMethods->xDeviceCharacteristics(file->real) & SQLITE_IOCAP_POWERSAFE_OVERWRITE)
                file->room_bytes = GATHERED_BYTES;
        file->base.pMethods = &gather_methods;
        return SQLITE_OK;
}

static sqlite3_vfs gather_vfs;
static int registered = SQLITE_ERROR;

static void register_vfs(void)
{
        real_vfs = sqlite3_vfs_find(NULL);
        if (!real_vfs)
                return;
        gather_vfs = *real_vfs;
        gather_vfs.pNext = NULL;
        gather_vfs.zName = "oracxpred-wal-gather";
        gather_vfs.szOsFile += (int) sizeof(WalFile);
        gather_vfs.xOpen = gather_open;
        registered = sqlite3_vfs_register(&gather_vfs, 0);
}

int wal_gather_vfs(const char **ret, Fault *fault)
{
        static pthread_once_t once = PTHREAD_ONCE_INIT;

        (void) pthread_once(&once, register_vfs);
        if (registered != SQLITE_OK)
                return fault_set(fault, FAULT_FAILED, "SQLite takes no VFS: %s", sqlite3_errstr(registered));
        *ret = gather_vfs.zName;
        return 0;
}
