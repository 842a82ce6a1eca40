/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "import-fixture.h"

#include <string.h>

#define SCHEMA(entries) IMPORT_HEADER ",\"schema\":[" entries "],\"tables\":{}}"
#define PLAIN_TABLE IMPORT_ENTRY("table", "t", "t", "CREATE TABLE t(a)")
#define TABLE(sql) IMPORT_ENTRY("table", "t", "t", sql)

/* What a stranger's document may try: nothing but the one CREATE that it declares is run. */
static void test_hostile_sql(void **state)
{
        static const char *const statements[] = {
                        "ATTACH '/tmp/oracxpred-import-guard' AS x",
                        "ATTACH 'oracxpred-import-guard' AS x; CREATE TABLE t(a)",
                        "CREATE TABLE t(a); ATTACH '/tmp/oracxpred-import-guard' AS x",
                        "CREATE TABLE t(a); CREATE TABLE u(a)",
                        "VACUUM INTO '/tmp/oracxpred-import-guard'",
                        "PRAGMA writable_schema=ON",
                        "PRAGMA journal_mode=WAL",
                        "SELECT load_extension('/tmp/x.so')",
                        "INSERT INTO sqlite_schema VALUES('table','t','t',0,'CREATE TABLE t(a)')",
                        "UPDATE sqlite_master SET sql = 'x'",
                        "DELETE FROM sqlite_master",
                        "DROP TABLE t",
                        "CREATE TEMP TABLE t(a)",
                        "CREATE TABLE temp.t(a)",
                        "CREATE TABLE u(a)",
                        "CREATE VIEW t AS SELECT 1",
                        "CREATE VIRTUAL TABLE u USING fts5(a)",
                        "CREATE VIRTUAL TABLE temp.t USING fts5(a)",
                        "CREATE VIRTUAL TABLE main.t USING fts5(a)",
                        "CREATE VIRTUAL TABLE t USING fts5(a); CREATE TABLE u(a)",
                        "CREATE VIRTUAL TABLE t USING fts5(a); ATTACH 'oracxpred-import-guard' AS x",
                        "EXPLAIN CREATE VIRTUAL TABLE t USING fts5(a)",
                        "CREATE TABLE t AS SELECT 1 AS a",
                        "CREATE TABLE sqlite_stat1(tbl,idx,stat)",
                        "EXPLAIN CREATE TABLE t(a)",
                        "ALTER TABLE t ADD COLUMN b",
                        "COMMIT",
                        "ROLLBACK",
                        "SAVEPOINT x",
                        "REINDEX",
                        "ANALYZE",
                        "",
                        ";",
                        "-- nothing",
                        "CREATE TABLE t(",
        };

        for (size_t i = 0; i < ELEMENTSOF(statements); i++) {
                _cleanup_free_ char *text = NULL;

                assert_true(asprintf(&text, SCHEMA(TABLE("%s")), statements[i]) > 0);
                assert_non_null(strstr(
                                import_assert_refused(text, FAULT_INVALID_ARGUMENT, "refused"), "Line 1"));
        }
        assert_int_equal(fixture_file_size("/tmp/oracxpred-import-guard"), -1);
}

static void test_declared_must_be_what_is_created(void **state)
{
        static const char *const entries[] = {
                        IMPORT_ENTRY("index", "i", "t", "CREATE INDEX j ON t(a)"),
                        IMPORT_ENTRY("index", "i", "u", "CREATE INDEX i ON t(a)"),
                        IMPORT_ENTRY("index", "i", "t", "CREATE INDEX i ON missing(a)"),
                        IMPORT_ENTRY("index", "i", "t", "CREATE TABLE i(a)"),
                        IMPORT_ENTRY("view", "v", "v", "CREATE TEMP VIEW v AS SELECT 1"),
                        IMPORT_ENTRY("view", "v", "w", "CREATE VIEW v AS SELECT 1"),
                        IMPORT_ENTRY("trigger",
                                        "x",
                                        "t",
                                        "CREATE TEMP TRIGGER x AFTER INSERT ON t BEGIN SELECT 1; END"),
                        IMPORT_ENTRY("trigger",
                                        "x",
                                        "t",
                                        "CREATE TRIGGER y AFTER INSERT ON t BEGIN SELECT 1; END"),
                        IMPORT_ENTRY("virtual", "x", "t", "CREATE VIRTUAL TABLE x USING fts5(a)"),
        };

        for (size_t i = 0; i < ELEMENTSOF(entries); i++) {
                _cleanup_free_ char *text = NULL;

                assert_true(asprintf(&text,
                                            IMPORT_HEADER
                                            ",\"schema\":[" PLAIN_TABLE
                                            ",%s],\"tables\":{\"t\":{\"columns\":[\"a\"],\"rows\":[]}}}",
                                            entries[i]) > 0);
                (void) import_assert_refused(text, FAULT_INVALID_ARGUMENT, "refused");
        }
}

/* A function in the schema must be one of SQLite's harmless ones, when it is created and when rows come. */
static void test_functions_are_not_trusted(void **state)
{
        (void) import_assert_refused(SCHEMA(TABLE("CREATE TABLE t(a, CHECK(load_extension('x')))")),
                        FAULT_INVALID_ARGUMENT,
                        "refused");
        (void) import_assert_refused(SCHEMA(TABLE("CREATE TABLE t(a, b AS (no_such_function(a)))")),
                        FAULT_INVALID_ARGUMENT,
                        "no such function");
        (void) import_assert_taken(IMPORT_HEADER ",\"schema\":[" TABLE(
                        "CREATE TABLE t(a, b AS (upper(a)), CHECK(length(a) > 0))") "],\"tables\":{\"t\":{"
                                                                                    "\"columns\":[\"a\"],"
                                                                                    "\"rows\":[[\"x\"]]}}}");
}

/* No module is run for a virtual table: neither one that this SQLite has, nor one that it has not. */
static void test_virtual_tables_are_recorded_alone(void **state)
{
        const char *path = import_assert_taken(IMPORT_HEADER ",\"schema\":[" TABLE(
                        "CREATE VIRTUAL TABLE t USING fts5(a)") "," IMPORT_ENTRY("table",
                        "u",
                        "u",
                        "create virtual table u using no_such_module(a)") "],\"tables\":{}}");
        sqlite3 *handle = fixture_open(path);

        assert_int_equal(fixture_integer(handle, "SELECT count(*) FROM sqlite_schema"), 2);
        assert_int_equal(fixture_integer(handle,
                                         "SELECT count(*) FROM pragma_table_list WHERE type = 'virtual'"),
                        2);
        fixture_close(handle);
        (void) import_assert_refused(SCHEMA(TABLE("CREATE VIRTUAL TABLE t USING fts5(a)") "," TABLE(
                                                     "CREATE VIRTUAL TABLE t USING fts5(a)")),
                        FAULT_INVALID_ARGUMENT,
                        "Line 1");
}

static void test_what_sqlite_adds_by_itself_is_fine(void **state)
{
        const char *path = import_assert_taken(IMPORT_HEADER ",\"schema\":[" TABLE(
                        "CREATE TABLE t(id INTEGER PRIMARY KEY AUTOINCREMENT, a UNIQUE, b, "
                        "UNIQUE(a, b))") "],\"tables\":{\"t\":{\"columns\":[\"id\",\"a\","
                                         "\"b\"],\"rows\":[[4,1,2]]},"
                                         "\"sqlite_sequence\":{\"columns\":[\"name\","
                                         "\"seq\"],\"rows\":[[\"t\",9]]}}}");
        sqlite3 *handle = fixture_open(path);

        assert_int_equal(fixture_integer(handle, "SELECT seq FROM sqlite_sequence"), 9);
        fixture_close(handle);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                        TEST(test_hostile_sql),
                        TEST(test_declared_must_be_what_is_created),
                        TEST(test_functions_are_not_trusted),
                        TEST(test_virtual_tables_are_recorded_alone),
                        TEST(test_what_sqlite_adds_by_itself_is_fine),
        };

        return cmocka_run_group_tests_name("database/import-guard", tests, NULL, NULL);
}
