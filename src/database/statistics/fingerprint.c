/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "database/statistics/fingerprint.h"

#include <string.h>
#include <sys/stat.h>

#include "database/page/wal-index.h"

/* https://www.sqlite.org/fileformat2.html#the_database_header */
#define CHANGE_COUNTER_OFFSET 24
#define CHANGE_COUNTER_BYTES 4

/* Identity, size and times; "" for a file that is not there or empty. 0 when it was written just now. */
static int describe_file(const char *path, const char *suffix, uint64_t now_usec, char *ret, size_t size)
{
        _cleanup_free_ char *name = NULL;
        struct stat status;
        struct timespec changed;
        uint64_t changed_usec;

        if (asprintf(&name, "%s%s", path, suffix) < 0) {
                name = NULL;
                return -ENOMEM;
        }
        ret[0] = '\0';
        if (stat(name, &status) < 0)
                return errno == ENOENT ? 1 : -errno;
        if (status.st_size == 0)
                return 1;
        /* SQLite changes the owner of a -wal at every opening by root, to what it was: that is no write. */
        changed = suffix[0] ? status.st_mtim : status.st_ctim;
        (void) snprintf(ret,
                        size,
                        "%s %jx:%jx:%jd:%jd.%09ld:%jd.%09ld",
                        suffix,
                        (uintmax_t) status.st_dev,
                        (uintmax_t) status.st_ino,
                        (intmax_t) status.st_size,
                        (intmax_t) status.st_mtim.tv_sec,
                        status.st_mtim.tv_nsec,
                        (intmax_t) changed.tv_sec,
                        changed.tv_nsec);
        changed_usec = (uint64_t) MAX_OF(changed.tv_sec, status.st_mtim.tv_sec) * USEC_PER_SEC +
                       USEC_PER_SEC;
        return changed_usec + FINGERPRINT_QUIET_USEC <= now_usec;
}

static void put_hex(char *target, const unsigned char *bytes, size_t n)
{
        static const char digits[] = "0123456789abcdef";

        for (size_t i = 0; i < n; i++) {
                target[2 * i] = digits[bytes[i] >> 4];
                target[2 * i + 1] = digits[bytes[i] & 15];
        }
        target[2 * n] = '\0';
}

/* Through SQLite's own descriptor: closing another one of the file would drop this process's locks on it. */
static bool read_change_counter(sqlite3_file *file, char ret_hex[static 2 * CHANGE_COUNTER_BYTES + 1])
{
        unsigned char counter[CHANGE_COUNTER_BYTES];

        if (file->pMethods->xRead(file, counter, sizeof counter, CHANGE_COUNTER_OFFSET) != SQLITE_OK)
                return false;
        put_hex(ret_hex, counter, sizeof counter);
        return true;
}

/* In a read transaction, so that the wal-index is mapped. 1 when all could be told. */
static int describe(Connection *connection, bool wal, uint64_t now_usec, char *ret, size_t size)
{
        char file_text[FINGERPRINT_MAX / 3], log_text[FINGERPRINT_MAX / 3];
        char counter[2 * CHANGE_COUNTER_BYTES + 1], index[2 * WAL_INDEX_STATE_BYTES + 1] = "";
        sqlite3_file *file = NULL;
        WalIndex wal_index;
        int r;

        if (sqlite3_file_control(connection->handle, "main", SQLITE_FCNTL_FILE_POINTER, &file) !=
                                        SQLITE_OK ||
                        !file || !file->pMethods)
                return 0;
        /* An empty -wal is made and removed with every first and last connection; there is nothing in it. */
        r = describe_file(connection->path, "", now_usec, file_text, sizeof file_text);
        if (r > 0 && !file_text[0])
                r = 0;
        if (r > 0)
                r = describe_file(connection->path, "-wal", now_usec, log_text, sizeof log_text);
        if (r > 0 && wal && log_text[0]) {
                if (wal_index_read(file, &wal_index))
                        put_hex(index, wal_index.state, sizeof wal_index.state);
                else
                        r = 0;
        }
        if (r > 0 && !read_change_counter(file, counter))
                r = 0;
        if (r > 0)
                (void) snprintf(ret,
                                size,
                                "%s %s%s%s %s",
                                file_text,
                                counter,
                                log_text[0] ? " " : "",
                                log_text,
                                index);
        return r;
}

int fingerprint_take(
                Connection *connection, uint64_t now_usec, char ret[static FINGERPRINT_MAX], Fault *fault)
{
        _cleanup_(statement_finalizep) sqlite3_stmt *pin = NULL;
        char text[FINGERPRINT_MAX] = "", journal[FINGERPRINT_MAX / 3];
        bool wal = false;
        int r;

        r = connection_is_wal(connection, &wal, fault);
        if (r >= 0)
                r = connection_pin(connection, &pin, fault);
        if (r < 0)
                return r;
        r = describe_file(connection->path, "-journal", now_usec, journal, sizeof journal);
        if (r > 0 && journal[0])
                r = 0;
        if (r > 0)
                r = describe(connection, wal, now_usec, text, sizeof text);
        if (r == -ENOMEM)
                return fault_set_errno(fault, r, "Looking at %s", connection->path);
        (void) memcpy(ret, r > 0 ? text : "", r > 0 ? strlen(text) + 1 : 1);
        return 0;
}
