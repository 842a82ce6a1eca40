/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fixture.h"

#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>

#include "base/io.h"
#include "database/export/export.h"
#include "database/import/import.h"

static int document_fd(const char *text, size_t size_bytes)
{
        int fd = memfd_create("document", MFD_CLOEXEC);

        assert_true(fd >= 0);
        assert_int_equal(io_write_all(fd, text, size_bytes), 0);
        assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
        return fd;
}

static char *export_text(const char *path, ExportStyle style)
{
        _cleanup_close_ int fd = memfd_create("export", MFD_CLOEXEC);
        _cleanup_fault_ Fault fault = {0};
        ExportResult result;
        size_t n;
        char *text;

        if (export_run(path, &(ExportOptions){.style = style}, fd, NULL, &result, &fault) < 0)
                fail_msg("%s", fault.message);
        text = calloc(1, result.bytes + 1);
        assert_non_null(text);
        assert_int_equal(io_read_full_at(fd, text, result.bytes, 0, &n), 0);
        return text;
}

static ImportResult import_text(const char *text, const char *path)
{
        _cleanup_close_ int fd = document_fd(text, strlen(text));
        _cleanup_fault_ Fault fault = {0};
        ImportResult result;

        if (import_run(fd, path, 0, NULL, &result, &fault) < 0)
                fail_msg("%s", fault.message);
        assert_int_equal(result.bytes, strlen(text));
        return result;
}

static void assert_same_again(const char *path)
{
        for (ExportStyle style = 0; style < _EXPORT_STYLE_MAX; style++) {
                const char *copy = fixture_path("copy.db");
                _cleanup_free_ char *before = export_text(path, style), *after = NULL;

                (void) import_text(before, copy);
                after = export_text(copy, style);
                assert_string_equal(after, before);
                assert_int_equal(unlink(copy), 0);
        }
}

static uint64_t random_next(uint64_t *seed)
{
        *seed ^= *seed << 13;
        *seed ^= *seed >> 7;
        *seed ^= *seed << 17;
        return *seed;
}

/* A value of any kind, with a liking for the edges. */
static int bind_random(sqlite3_stmt *statement, int index, uint64_t *seed)
{
        static const int64_t integers[] = {0, 1, -1, INT64_MAX, INT64_MIN, INT64_C(9007199254740993)};
        static const double reals[] = {
                        0.0, -0.0, 1.0, 0.1, 5e-324, 1.7976931348623157e308, 1e15, 1e16, 123456.0};
        char bytes[64];
        uint64_t bits = random_next(seed);
        size_t n = random_next(seed) % sizeof bytes;
        double real;

        for (size_t i = 0; i < n; i++)
                bytes[i] = (char) (bits & 64 ? random_next(seed) : random_next(seed) % 128);
        switch (bits % 9) {
        case 0:
                return sqlite3_bind_null(statement, index);
        case 1:
                return sqlite3_bind_int64(statement, index, integers[bits / 9 % ELEMENTSOF(integers)]);
        case 2:
                return sqlite3_bind_int64(statement, index, (int64_t) random_next(seed));
        case 3:
                return sqlite3_bind_double(statement, index, reals[bits / 9 % ELEMENTSOF(reals)]);
        case 4:
                memcpy(&real, &bits, sizeof real);
                return sqlite3_bind_double(statement, index, real);
        case 5:
                return sqlite3_bind_double(statement, index, bits & 16 ? __builtin_inf() : -__builtin_inf());
        case 6:
                return sqlite3_bind_blob(statement, index, bytes, (int) n, SQLITE_TRANSIENT);
        case 7:
                /* Bytes of any kind as a text, in the encoding of the database. */
                return sqlite3_bind_text64(
                                statement, index, bytes, n & ~(size_t) 1, SQLITE_TRANSIENT, SQLITE_UTF16LE);
        default:
                return sqlite3_bind_text(statement, index, bytes, (int) n, SQLITE_TRANSIENT);
        }
}

static void fill_random(const char *path, const char *sql, uint64_t seed)
{
        sqlite3 *handle = fixture_open(path);
        sqlite3_stmt *statement = NULL;

        fixture_execute(handle, sql);
        fixture_execute(handle, "BEGIN");
        assert_int_equal(sqlite3_prepare_v2(handle,
                                         "INSERT INTO t(a, b, c, d, e) VALUES(?1, ?2, ?3, ?4, ?5)",
                                         -1,
                                         &statement,
                                         NULL),
                        SQLITE_OK);
        for (unsigned row = 0; row < 200; row++) {
                for (int i = 1; i <= 5; i++)
                        assert_int_equal(bind_random(statement, i, &seed), SQLITE_OK);
                assert_int_equal(sqlite3_step(statement), SQLITE_DONE);
                assert_int_equal(sqlite3_reset(statement), SQLITE_OK);
        }
        (void) sqlite3_finalize(statement);
        fixture_execute(handle, "COMMIT");
        fixture_close(handle);
}

#define RANDOM_TABLE "CREATE TABLE t(a, b INTEGER, c TEXT, d REAL, e NUMERIC)"

static void test_values_of_any_kind_give_the_same_bytes(void **state)
{
        static const char *const tables[] = {
                        RANDOM_TABLE,
                        "PRAGMA encoding='UTF-16le'; " RANDOM_TABLE,
                        "PRAGMA encoding='UTF-16be'; " RANDOM_TABLE,
                        "CREATE TABLE t(k INTEGER PRIMARY KEY AUTOINCREMENT, a, b BLOB, c, d REAL, e,"
                        " g AS (typeof(a)) STORED)",
        };

        for (uint64_t seed = 1; seed <= 20; seed++) {
                const char *path = fixture_path("random.db");

                fill_random(path, tables[seed % ELEMENTSOF(tables)], seed * UINT64_C(0x9e3779b97f4a7c15));
                assert_same_again(path);
                assert_int_equal(unlink(path), 0);
        }
}

/* The same values, asked from SQLite itself and not only from a second export. */
static void test_values_are_those_of_the_source(void **state)
{
        const char *path = fixture_path("random.db"), *copy = fixture_path("copy.db");
        _cleanup_free_ char *document = NULL;
        char *sql;
        sqlite3 *handle;

        fill_random(path, RANDOM_TABLE, 77);
        document = export_text(path, EXPORT_COMPACT);
        (void) import_text(document, copy);
        handle = fixture_open(path);
        sql = sqlite3_mprintf("ATTACH %Q AS copy", copy);
        fixture_execute(handle, sql);
        sqlite3_free(sql);
        assert_int_equal(fixture_integer(handle, "SELECT count(*) FROM copy.t"), 200);
        assert_int_equal(fixture_integer(handle,
                                         "SELECT count(*) FROM main.t AS m JOIN copy.t AS n ON m.rowid = "
                                         "n.rowid"
                                         " WHERE m.a IS n.a AND typeof(m.a) = typeof(n.a)"
                                         " AND hex(CAST(m.a AS BLOB)) = hex(CAST(n.a AS BLOB))"
                                         " AND m.b IS n.b AND typeof(m.b) = typeof(n.b) AND m.c IS n.c"
                                         " AND m.d IS n.d AND m.e IS n.e AND typeof(m.e) = typeof(n.e)"),
                        200);
        fixture_close(handle);
}

/* In UTF-16: half a surrogate, half a unit, byte order marks, and what SQLite replaces. */
static void test_odd_texts_in_utf16(void **state)
{
        const char *path = fixture_path("odd.db");
        sqlite3 *handle = fixture_open(path);

        fixture_execute(handle,
                        "PRAGMA encoding='UTF-16le'; CREATE TABLE t(a);"
                        "INSERT INTO t VALUES(CAST(x'00d8' AS TEXT)),(CAST(x'fffe4100' AS TEXT)),"
                        "(CAST(x'fffe00d8' AS TEXT)),(CAST(x'feff00d8' AS TEXT)),(CAST(x'ffff' AS TEXT)),"
                        "(CAST(x'feff' AS TEXT)),(CAST(x'fffe' AS TEXT)),(''),('a' || char(0) || 'b')");
        assert_int_equal(fixture_integer(handle, "SELECT count(DISTINCT hex(CAST(a AS BLOB))) FROM t"), 9);
        fixture_close(handle);
        assert_same_again(path);
}

static void test_schema_of_every_kind(void **state)
{
        const char *path = fixture_path("schema.db"), *copy = fixture_path("again.db");
        _cleanup_free_ char *document = NULL;
        sqlite3 *handle = fixture_open(path);
        ImportResult result;

        fixture_execute(handle,
                        "PRAGMA user_version=-3; PRAGMA application_id=77;"
                        "CREATE TABLE child(id INTEGER PRIMARY KEY AUTOINCREMENT, p REFERENCES parent(id),"
                        " u UNIQUE ON CONFLICT REPLACE, g AS (upper(u)) VIRTUAL, CHECK(length(u) < 99));"
                        "CREATE TABLE parent(id INTEGER PRIMARY KEY, name TEXT COLLATE NOCASE);"
                        "CREATE TABLE w(k TEXT, n INT, PRIMARY KEY(k, n DESC)) WITHOUT ROWID;"
                        "CREATE TABLE s(i INTEGER, t ANY) STRICT;"
                        "CREATE TABLE \"odd \"\"na'me\"(rowid, \"select\" DEFAULT (1+2));"
                        "CREATE UNIQUE INDEX one ON parent(name) WHERE name IS NOT NULL;"
                        "CREATE INDEX two ON child(lower(u), p DESC);"
                        "CREATE VIEW later AS SELECT * FROM nothing_yet;"
                        "CREATE TRIGGER fires AFTER INSERT ON parent BEGIN INSERT INTO w VALUES(new.name, "
                        "1); END;"
                        "INSERT INTO parent VALUES(1,'ann'),(2,'bob');"
                        "INSERT INTO child(id,p,u) VALUES(5,1,'x'),(9,44,'y'); DELETE FROM child WHERE id = "
                        "9;"
                        "INSERT INTO child(id,p,u) VALUES(6,44,'y'); INSERT INTO s VALUES(1,x'00');"
                        "INSERT INTO \"odd \"\"na'me\"(rowid) VALUES(1); ANALYZE");
        fixture_close(handle);
        assert_same_again(path);

        document = export_text(path, EXPORT_LINES);
        result = import_text(document, copy);
        assert_int_equal(result.foreign_key_violations, 1);
        handle = fixture_open(copy);
        /* The trigger did not fire on the rows that were put back, and does on new ones. */
        assert_int_equal(fixture_integer(handle, "SELECT count(*) FROM w"), 2);
        fixture_execute(handle, "INSERT INTO parent VALUES(3,'eve')");
        assert_int_equal(fixture_integer(handle, "SELECT count(*) FROM w"), 3);
        /* A key that was given once is not given again. */
        fixture_execute(handle, "INSERT INTO child(u) VALUES('z')");
        assert_int_equal(fixture_integer(handle, "SELECT max(id) FROM child"), 10);
        fixture_close(handle);
}

static void test_chosen_tables_make_a_database(void **state)
{
        static const char *const chosen[] = {"b", NULL};
        const char *path = fixture_path("plain.db"), *copy = fixture_path("copy.db");
        _cleanup_close_ int fd = memfd_create("export", MFD_CLOEXEC);
        sqlite3 *handle = fixture_open(path);
        ExportResult exported;
        ImportResult imported;

        fixture_execute(handle,
                        "CREATE TABLE a(id INTEGER PRIMARY KEY AUTOINCREMENT);"
                        "CREATE TABLE b(id INTEGER PRIMARY KEY AUTOINCREMENT);"
                        "INSERT INTO a VALUES(1); INSERT INTO b VALUES(2)");
        fixture_close(handle);
        assert_int_equal(export_run(path, &(ExportOptions){.tables = chosen}, fd, NULL, &exported, NULL), 0);
        assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
        assert_int_equal(import_run(fd, copy, 0, NULL, &imported, NULL), 0);
        handle = fixture_open(copy);
        assert_int_equal(
                        fixture_integer(handle, "SELECT count(*) FROM sqlite_sequence WHERE name = 'b'"), 1);
        assert_int_equal(fixture_integer(handle, "SELECT count(*) FROM sqlite_sequence"), 1);
        fixture_close(handle);
}

static void test_existing_target_is_left_alone(void **state)
{
        const char *path = fixture_path("there.db");
        _cleanup_close_ int fd = -EBADF;
        _cleanup_free_ char *document = NULL;
        const char *empty = fixture_path("empty.db");
        ImportResult result;
        Fault fault = {0};

        fixture_write(empty, "", 0);
        document = export_text(empty, EXPORT_PRETTY);
        fd = document_fd(document, strlen(document));
        fixture_write(path, "mine", 4);
        assert_int_equal(import_run(fd, path, 0, NULL, &result, &fault), -EINVAL);
        fixture_assert_fault(&fault, FAULT_INVALID_ARGUMENT, "exists already");
        assert_int_equal(fixture_file_size(path), 4);
}

/* Values far larger than what SQLite holds by itself go through, one row at a time. */
static void test_large_values(void **state)
{
        const char *path = fixture_path("large.db");
        sqlite3 *handle = fixture_open(path);

        fixture_execute(handle,
                        "CREATE TABLE t(a, b); CREATE TABLE w(k PRIMARY KEY, v) WITHOUT ROWID;"
                        "INSERT INTO t(rowid, a, b) VALUES(-9223372036854775808, 1, zeroblob(3000001)),"
                        "(5, replace(hex(zeroblob(1500000)), '0', 'é'), 'x'),"
                        "(6, 'x' || replace(hex(zeroblob(1500000)), '0', 'é'), 'x'),"
                        "(7, CAST(x'ff' || zeroblob(2000000) AS TEXT), NULL),"
                        "(9223372036854775807, replace(hex(zeroblob(1000000)), '0', '\"'), 2.5);"
                        "INSERT INTO w VALUES(1, zeroblob(2000000)),(2, 'small')");
        fixture_close(handle);
        assert_same_again(path);
}

static void test_full_disk(void **state)
{
        const char *path = fixture_path("large.db"), *directory = fixture_mount_small(MIB);
        _cleanup_free_ char *document = NULL, *target = NULL;
        _cleanup_close_ int fd = -EBADF;
        ImportResult result;
        Fault fault = {0};

        fixture_create_large(path, 4 * MIB);
        document = export_text(path, EXPORT_COMPACT);
        fd = document_fd(document, strlen(document));
        assert_true(asprintf(&target, "%s/target.db", directory) > 0);
        assert_int_equal(import_run(fd, target, 0, NULL, &result, &fault), -ENOSPC);
        fixture_assert_fault(&fault, FAULT_NO_SPACE, "make room");
        assert_int_equal(fixture_file_size(target), -1);
}

/* Cancels when all that ever comes has been read. */
static void *cancel_when_read(void *userdata)
{
        Progress *progress = userdata;

        while (atomic_load(&progress->done_bytes) == 0)
                (void) sched_yield();
        progress_cancel(progress);
        return NULL;
}

/* The document never ends: the pipe stays open. */
static void test_cancel(void **state)
{
        static const char beginning[] = "{\"format\":\"oracxpred-export\",\"version\":1,\"redacted\":false,"
                                        "\"encoding\":\"UTF-8\","
                                        "\"user_version\":0,\"application_id\":0,\"schema\":[{\"type\":"
                                        "\"table\",\"name\":\"t\","
                                        "\"table\":\"t\",\"sql\":\"CREATE TABLE "
                                        "t(a)\"}],\"tables\":{\"t\":{\"columns\":[\"a\"],"
                                        "\"rows\":[[1],[2]";
        const char *path = fixture_path("cancelled.db");
        ImportResult result;
        Progress progress;
        pthread_t thread;
        Fault fault = {0};
        int fds[2];

        assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
        assert_int_equal(io_write_all(fds[1], beginning, sizeof beginning - 1), 0);
        progress_init(&progress);
        assert_int_equal(pthread_create(&thread, NULL, cancel_when_read, &progress), 0);
        assert_int_equal(import_run(fds[0], path, 0, &progress, &result, &fault), -ECANCELED);
        assert_int_equal(pthread_join(thread, NULL), 0);
        fixture_assert_fault(&fault, FAULT_CANCELLED, "ancelled");
        assert_int_equal(fixture_file_size(path), -1);
        progress_done(&progress);
        (void) close(fds[0]);
        (void) close(fds[1]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                        TEST(test_values_of_any_kind_give_the_same_bytes),
                        TEST(test_values_are_those_of_the_source),
                        TEST(test_odd_texts_in_utf16),
                        TEST(test_schema_of_every_kind),
                        TEST(test_chosen_tables_make_a_database),
                        TEST(test_existing_target_is_left_alone),
                        TEST(test_large_values),
                        TEST(test_full_disk),
                        TEST(test_cancel),
        };

        return cmocka_run_group_tests_name("database/import", tests, NULL, NULL);
}
