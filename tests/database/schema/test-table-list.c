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

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                        TEST(test_all_tables_in_the_order_of_their_creation),
                        TEST(test_one_table_by_its_name),
                        TEST(test_a_new_table_is_seen),
                        TEST(test_no_table_answers_for_the_pragma),
        };

        return cmocka_run_group_tests_name("database/table-list", tests, NULL, NULL);
}
