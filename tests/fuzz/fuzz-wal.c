/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Any bytes as the -wal of a small database: where the service copies the files itself, the copy is byte for
 * byte what SQLite reads in the same transaction. Each input is tried as it is, then with salts and
 * checksums set right, which no fuzzer would guess, then with what a checkpoint can bring home brought home.
 */

#include <string.h>
#include <sys/mman.h>

#include "base/io.h"
#include "database/copy/raw-copy.h"
#include "database/page/page-file.h"
#include "database/page/wal-index.h"
#include "fuzz.h"
#include "scratch.h"

#define PAGE_BYTES 512
#define WAL_HEADER_BYTES 32
#define FRAME_HEADER_BYTES 24

/* A commit may say that the database has any size. The service asks for as much room before it copies. */
#define COPY_MAX_BYTES (4 * MIB)

/* A frame whose salts begin with it is not set right: so the sound ones can end anywhere. */
#define LEFT_ALONE 0xff

static const char content_sql[] =
                "PRAGMA page_size=512; PRAGMA journal_mode=WAL; CREATE TABLE t(a INTEGER PRIMARY KEY, b);"
                "CREATE INDEX i ON t(b); WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n"
                " WHERE i < 40) INSERT INTO t SELECT i, printf('%030d', i) FROM n";

/* The main file, made once. */
static void write_database(const Scratch *scratch)
{
        static unsigned char *content;
        static size_t content_bytes;

        if (!content) {
                sqlite3_int64 n_bytes = 0;
                sqlite3 *handle;

                require(sqlite3_open(scratch->path, &handle) == SQLITE_OK);
                require(sqlite3_exec(handle, content_sql, NULL, NULL, NULL) == SQLITE_OK);
                content = sqlite3_serialize(handle, "main", &n_bytes, 0);
                require(content && sqlite3_close(handle) == SQLITE_OK);
                content_bytes = (size_t) n_bytes;
        }
        scratch_write(scratch, "", content, content_bytes);
}

static void put4(unsigned char *at, uint32_t value)
{
        for (int i = 0; i < 4; i++)
                at[i] = (unsigned char) (value >> (24 - 8 * i));
}

static void set_right(unsigned char *wal, size_t size)
{
        bool big_endian = size >= WAL_HEADER_BYTES && (wal[3] & 1);
        uint32_t sum[2] = {0};
        size_t frame_bytes;

        if (size < WAL_HEADER_BYTES)
                return;
        frame_bytes = FRAME_HEADER_BYTES + (size_t) page_get4(wal + 8);
        wal_checksum(big_endian, wal, 24, sum);
        put4(wal + 24, sum[0]);
        put4(wal + 28, sum[1]);
        if (frame_bytes % 8 != 0)
                return;
        for (size_t left = size - WAL_HEADER_BYTES; left >= frame_bytes; left -= frame_bytes) {
                unsigned char *frame = wal + size - left;

                if (frame[8] == LEFT_ALONE)
                        continue;
                memcpy(frame + 8, wal + 16, 8);
                wal_checksum(big_endian, frame, 8, sum);
                wal_checksum(big_endian, frame + FRAME_HEADER_BYTES, frame_bytes - FRAME_HEADER_BYTES, sum);
                put4(frame + 16, sum[0]);
                put4(frame + 20, sum[1]);
        }
}

/* Whether the file holds just what SQLite reads. */
static void require_same(Connection *connection, int fd, uint64_t copy_bytes)
{
        sqlite3_int64 n_bytes = 0;
        unsigned char *expected = sqlite3_serialize(connection->handle, "main", &n_bytes, 0);
        _cleanup_free_ unsigned char *copied = malloc((size_t) n_bytes + 1);
        size_t n;

        require(expected && copied);
        require(io_read_full_at(fd, copied, (size_t) n_bytes + 1, 0, &n) == 0);
        require(n == (size_t) n_bytes && n == copy_bytes && memcmp(copied, expected, n) == 0);
        sqlite3_free(expected);
}

static void try_copy(Connection *connection)
{
        _cleanup_(statement_finalizep) sqlite3_stmt *pin = NULL;
        _cleanup_close_ int fd = memfd_create("copy", MFD_CLOEXEC);
        CopyTarget target = {.fd = fd, .path = "copy"};
        _cleanup_fault_ Fault fault = {0};
        int64_t page_bytes, n_pages;
        const char *doubt = NULL;
        int r;

        require(fd >= 0);
        if (connection_pin(connection, &pin, NULL) < 0 ||
                        connection_query_integer(connection, "PRAGMA main.page_size", &page_bytes, NULL) <
                                        0 ||
                        connection_query_integer(connection, "PRAGMA main.page_count", &n_pages, NULL) < 0 ||
                        page_bytes * n_pages > (int64_t) COPY_MAX_BYTES)
                return;
        r = raw_copy(connection, (uint64_t) page_bytes, (uint64_t) n_pages, &target, NULL, &doubt, &fault);
        require(r >= 0 ? fault.code == FAULT_NONE : fault.message && fault.message[0]);
        if (r > 0)
                require_same(connection, fd, (uint64_t) (page_bytes * n_pages));
        else if (r == 0)
                require(doubt && doubt[0]);
}

static void try_wal(const unsigned char *wal, size_t size, bool checkpoint)
{
        _cleanup_(connection_closep) Connection *connection = NULL;
        Scratch scratch;

        scratch_begin(&scratch);
        write_database(&scratch);
        scratch_write(&scratch, "-wal", wal, size);
        if (connection_open(scratch.path, CONNECTION_READ, NULL, &connection, NULL) >= 0) {
                try_copy(connection);
                if (checkpoint) {
                        (void) sqlite3_exec(connection->handle,
                                        "PRAGMA query_only=OFF; PRAGMA wal_checkpoint(PASSIVE)",
                                        NULL,
                                        NULL,
                                        NULL);
                        try_copy(connection);
                }
        }
        connection = connection_close(connection);
        scratch_end(&scratch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_free_ unsigned char *wal = malloc(size + 1);

        require(wal != NULL);
        try_wal(data, size, false);
        memcpy(wal, data, size);
        set_right(wal, size);
        try_wal(wal, size, true);
        return 0;
}
