/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fixture.h"

#include "database/schema/table-list.h"

static Connection *create(const char *sql, const char *blurred)
{
        const char *path = fixture_path("tables.db");
        sqlite3 *application = fixture_open(path);

        fixture_execute(application, sql);
        fixture_blur_type(application, blurred);
        fixture_close(application);
        return fixture_connect(path, CONNECTION_READ);
}

static void assert_entry(const TableList *list, size_t i, const char *name, TableKind kind, bool is_internal)
{
        assert_true(i < list->n_tables);
        assert_string_equal(list->tables[i].name, name);
        assert_int_equal(list->tables[i].kind, kind);
        assert_int_equal(list->tables[i].is_internal, is_internal);
}

static void test_all_tables_in_the_order_of_their_creation(void **state)
{
        _cleanup_(connection_closep) Connection *connection = create(
                        "CREATE TABLE z(x); CREATE TABLE \"a 'b\"(k INTEGER PRIMARY KEY AUTOINCREMENT);"
                        "CREATE VIEW v AS SELECT * FROM nowhere; CREATE VIRTUAL TABLE m USING fts4(body);"
                        "CREATE TABLE c(k PRIMARY KEY) WITHOUT ROWID; CREATE INDEX i ON c(k);"
                        "CREATE TRIGGER z AFTER INSERT ON c BEGIN SELECT 1; END",
                        "c");
        _cleanup_(table_list_done) TableList list = {0};

        assert_int_equal(table_list_load(connection, &list, NULL), 0);
        assert_int_equal(list.n_tables, 11);
        assert_entry(&list, 0, "z", TABLE_ORDINARY, false);
        assert_entry(&list, 1, "a 'b", TABLE_ORDINARY, false);
        assert_entry(&list, 2, "sqlite_sequence", TABLE_ORDINARY, true);
        assert_entry(&list, 3, "m", TABLE_VIRTUAL, false);
        for (size_t i = 4; i < 9; i++)
                assert_int_equal(list.tables[i].kind, TABLE_SHADOW);
        assert_entry(&list, 9, "c", TABLE_ORDINARY, false);
        assert_entry(&list, 10, "sqlite_schema", TABLE_ORDINARY, true);
}

static bool exists(Connection *connection, const char *name)
{
        bool is_there = false;

        assert_int_equal(table_exists(connection, name, &is_there, NULL), 0);
        return is_there;
}

static void test_one_table_by_its_name(void **state)
{
        _cleanup_(connection_closep) Connection *connection =
                        create("CREATE TABLE \"it's\"(x); CREATE VIEW v AS SELECT 1", "it's");

        assert_true(exists(connection, "it's"));
        assert_true(exists(connection, "IT'S"));
        assert_false(exists(connection, "it"));
        assert_false(exists(connection, "v"));
}

/* What another process has made since this connection read the schema. */
static void test_a_new_table_is_seen(void **state)
{
        _cleanup_(connection_closep) Connection *connection = create("CREATE TABLE a(x)", "a");
        sqlite3 *application = fixture_open(fixture_path("tables.db"));

        assert_false(exists(connection, "b"));
        fixture_execute(application, "CREATE TABLE b(x)");
        assert_true(exists(connection, "b"));
        fixture_close(application);
}

/* A table with the name of the pragma, in whose place it would be asked by a SELECT. */
static void test_no_table_answers_for_the_pragma(void **state)
{
        _cleanup_(connection_closep) Connection *connection =
                        create("CREATE TABLE pragma_table_list(schema, name, type)", "pragma_table_list");
        _cleanup_(table_list_done) TableList list = {0};

        assert_int_equal(table_list_load(connection, &list, NULL), 0);
        assert_int_equal(list.n_tables, 2);
        assert_entry(&list, 0, "pragma_table_list", TABLE_ORDINARY, false);
}

static int schema_bytes(Connection *connection)
{
        int bytes = 0, most;

        assert_int_equal(
                        sqlite3_db_status(connection->handle, SQLITE_DBSTATUS_SCHEMA_USED, &bytes, &most, 0),
                        SQLITE_OK);
        return bytes;
}

/* SQLite keeps what it has found out about a view. Such views double what there is to look at, each time. */
static void test_views_are_not_looked_at(void **state)
{
        _cleanup_(connection_closep) Connection *connection = create(
                        "CREATE TABLE t(x); CREATE VIEW a AS SELECT x FROM t UNION ALL SELECT x FROM t;"
                        "CREATE VIEW b AS SELECT x FROM a UNION ALL SELECT x FROM a",
                        "t");
        _cleanup_(table_list_done) TableList list = {0};
        int bytes;

        assert_int_equal(table_list_load(connection, &list, NULL), 0);
        assert_int_equal(list.n_tables, 2);
        bytes = schema_bytes(connection);
        assert_true(exists(connection, "t"));
        assert_int_equal(schema_bytes(connection), bytes);
        assert_int_equal(sqlite3_exec(connection->handle, "PRAGMA table_list", NULL, NULL, NULL), SQLITE_OK);
        assert_true(schema_bytes(connection) > bytes);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                        TEST(test_all_tables_in_the_order_of_their_creation),
                        TEST(test_one_table_by_its_name),
                        TEST(test_a_new_table_is_seen),
                        TEST(test_no_table_answers_for_the_pragma),
                        TEST(test_views_are_not_looked_at),
        };

        return cmocka_run_group_tests_name("database/table-list", tests, NULL, NULL);
}
