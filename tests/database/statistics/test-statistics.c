/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fixture.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "database/statistics/statistics.h"

static void collect(const char *path, Statistics *ret)
{
        _cleanup_(connection_closep) Connection *connection = fixture_connect(path, CONNECTION_READ);
        _cleanup_fault_ Fault fault = {0};

        if (statistics_collect(connection, ret, &fault) < 0)
                fail_msg("%s", fault.message);
}

static void assert_table(const Statistics *statistics, size_t i, const char *name, uint64_t rows)
{
        assert_true(i < statistics->n_tables);
        assert_string_equal(statistics->tables[i].name, name);
        assert_int_equal(statistics->tables[i].rows, rows);
}

static void set_modified(const char *path, time_t seconds)
{
        const struct timespec times[2] = {{.tv_sec = seconds}, {.tv_sec = seconds, .tv_nsec = 123456000}};

        assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void test_numbers_of_a_rollback_database(void **state)
{
        const char *path = fixture_path("plain.db");
        sqlite3 *application = fixture_open(path);
        Statistics statistics = {0};

        fixture_execute(application,
                        "PRAGMA page_size=1024; CREATE TABLE big(a); CREATE TABLE none(a);"
                        "INSERT INTO big VALUES(zeroblob(100000)),(zeroblob(100000)); DELETE FROM big WHERE "
                        "rowid=1");
        fixture_close(application);
        set_modified(path, 1769219181);

        collect(path, &statistics);
        assert_int_equal(statistics.size_bytes, fixture_file_size(path));
        assert_int_equal(statistics.wal_bytes, 0);
        assert_int_equal(statistics.page_size_bytes, 1024);
        assert_int_equal(statistics.pages * 1024, statistics.size_bytes);
        assert_true(statistics.free_pages >= 95 && statistics.free_pages <= 105);
        assert_int_equal(statistics.modified_usec, UINT64_C(1769219181123456));
        assert_string_equal(statistics.journal_mode, "delete");
        assert_int_equal(statistics.n_tables, 2);
        assert_table(&statistics, 0, "big", 1);
        assert_table(&statistics, 1, "none", 0);
        statistics_done(&statistics);
        assert_int_equal(statistics.n_tables, 0);
}

static void test_wal_counts(void **state)
{
        const char *path = fixture_path("wal.db"), *wal = fixture_path("wal.db-wal");
        Statistics statistics = {0};

        fixture_create_with_wal(path, "CREATE TABLE t(a); INSERT INTO t VALUES(1),(2),(3)");
        set_modified(path, 1000);
        set_modified(wal, 2000);
        collect(path, &statistics);
        assert_string_equal(statistics.journal_mode, "wal");
        assert_int_equal(statistics.wal_bytes, fixture_file_size(wal));
        assert_true(statistics.wal_bytes > 0);
        assert_int_equal(statistics.modified_usec, 2000 * USEC_PER_SEC + 123456);
        assert_table(&statistics, 0, "t", 3);
        statistics_done(&statistics);

        set_modified(path, 3000);
        collect(path, &statistics);
        assert_int_equal(statistics.modified_usec, 3000 * USEC_PER_SEC + 123456);
        statistics_done(&statistics);
}

static void test_odd_names_views_and_own_tables(void **state)
{
        const char *path = fixture_path("odd.db");
        sqlite3 *application = fixture_open(path);
        Statistics statistics = {0};

        fixture_execute(application,
                        "CREATE TABLE \"a\"\"b; DROP TABLE z\"(x); INSERT INTO \"a\"\"b; DROP TABLE z\" "
                        "VALUES(1);"
                        "CREATE TABLE \"order\"(id INTEGER PRIMARY KEY AUTOINCREMENT); INSERT INTO "
                        "\"order\" DEFAULT VALUES;"
                        "CREATE TABLE sqliteX(x); CREATE TABLE Z(x); CREATE TABLE \"élan [1]\"(x PRIMARY "
                        "KEY) WITHOUT ROWID;"
                        "CREATE VIEW seen AS SELECT * FROM Z; CREATE VIEW broken AS SELECT * FROM nowhere; "
                        "ANALYZE");
        fixture_close(application);
        collect(path, &statistics);
        assert_int_equal(statistics.n_tables, 5);
        assert_table(&statistics, 0, "Z", 0);
        assert_table(&statistics, 1, "a\"b; DROP TABLE z", 1);
        assert_table(&statistics, 2, "order", 1);
        assert_table(&statistics, 3, "sqliteX", 0);
        assert_table(&statistics, 4, "élan [1]", 0);
        statistics_done(&statistics);
}

static void test_no_table_is_missed(void **state)
{
        const char *path = fixture_path("blob.db");
        sqlite3 *application = fixture_open(path);
        Statistics statistics = {0};

        fixture_execute(application, "CREATE TABLE a(x); CREATE TABLE b(x); INSERT INTO b VALUES(1),(2)");
        fixture_blur_type(application, "b");
        fixture_close(application);
        collect(path, &statistics);
        assert_int_equal(statistics.n_tables, 2);
        assert_table(&statistics, 1, "b", 2);
        statistics_done(&statistics);
}

/* SQLite sorts by the bytes that a UTF-16 database has. */
static void test_order_is_the_same_in_any_encoding(void **state)
{
        const char *path = fixture_path("utf16.db");
        sqlite3 *application = fixture_open(path);
        Statistics statistics = {0};

        fixture_execute(application,
                        "PRAGMA encoding='UTF-16le'; CREATE TABLE \"ā\"(a); CREATE TABLE \"é\"(a)");
        fixture_close(application);
        collect(path, &statistics);
        assert_int_equal(statistics.n_tables, 2);
        assert_table(&statistics, 0, "é", 0);
        assert_table(&statistics, 1, "ā", 0);
        statistics_done(&statistics);
}

static void test_virtual_tables(void **state)
{
        const char *path = fixture_path("virtual.db");
        sqlite3 *application = fixture_open(path);
        Statistics statistics = {0};

        fixture_execute(application,
                        "CREATE TABLE plain(a); INSERT INTO plain VALUES(1);"
                        "CREATE VIRTUAL TABLE search USING fts5(body); INSERT INTO search "
                        "VALUES('un'),('deux');"
                        /* As an application's own extension would leave it. */
                        "PRAGMA writable_schema=ON; INSERT INTO sqlite_schema VALUES('table', 'foreign', "
                        "'foreign', 0,"
                        " 'CREATE VIRTUAL TABLE \"foreign\" USING of_the_application(x)')");
        fixture_close(application);
        collect(path, &statistics);
        assert_int_equal(statistics.n_tables, 2);
        assert_table(&statistics, 0, "plain", 1);
        assert_table(&statistics, 1, "search", 2);
        statistics_done(&statistics);
}

static void test_corrupt_table_is_a_fault(void **state)
{
        const char *path = fixture_path("corrupt.db");
        _cleanup_(connection_closep) Connection *connection = NULL;
        Statistics statistics = {.pages = 7};
        Fault fault = {0};
        char rubbish[4096];

        fixture_create_large(path, 100000);
        memset(rubbish, 0xa5, sizeof rubbish);
        fixture_overwrite(path, 4096, rubbish, sizeof rubbish);
        connection = fixture_connect(path, CONNECTION_READ);
        assert_int_equal(statistics_collect(connection, &statistics, &fault), -EUCLEAN);
        fixture_assert_fault(&fault, FAULT_CORRUPT, path);
        assert_int_equal(statistics.pages, 7);
}

static void test_cancel(void **state)
{
        const char *path = fixture_path("plain.db");
        Connection *connection = NULL;
        Statistics statistics;
        Fault fault = {0};
        Progress progress;

        fixture_create_large(path, 100000);
        progress_init(&progress);
        assert_int_equal(connection_open(path, CONNECTION_READ, &progress, &connection, NULL), 0);
        progress_cancel(&progress);
        assert_int_equal(statistics_collect(connection, &statistics, &fault), -ECANCELED);
        fixture_assert_fault(&fault, FAULT_CANCELLED, "ancelled");
        connection = connection_close(connection);
        progress_done(&progress);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                        TEST(test_numbers_of_a_rollback_database),
                        TEST(test_wal_counts),
                        TEST(test_odd_names_views_and_own_tables),
                        TEST(test_no_table_is_missed),
                        TEST(test_order_is_the_same_in_any_encoding),
                        TEST(test_virtual_tables),
                        TEST(test_corrupt_table_is_a_fault),
                        TEST(test_cancel),
        };

        return cmocka_run_group_tests_name("database/statistics", tests, NULL, NULL);
}
