/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fixture.h"

#include <string.h>

#include "database/connection/table-columns.h"

static Connection *connection;
static sqlite3 *application;

static int setup(void **state)
{
        if (fixture_setup(state) != 0)
                return -1;
        application = fixture_open(fixture_path("app.db"));
        fixture_execute(application,
                        "PRAGMA journal_mode=WAL; CREATE TABLE users(id INTEGER PRIMARY KEY, Name TEXT, "
                        "twice AS (id * 2)); INSERT INTO users(name) VALUES('awa')");
        connection = fixture_connect(fixture_path("app.db"), CONNECTION_WRITE);
        return 0;
}

static int teardown(void **state)
{
        connection = connection_close(connection);
        fixture_close(application);
        return fixture_teardown(state);
}

static bool has(const char *table, const char *column)
{
        Fault fault = {0};
        bool is_there;

        if (table_has_column(connection, table, column, &is_there, &fault) < 0)
                fail_msg("%s", fault.message);
        return is_there;
}

static const char *sql_of(const char *template)
{
        static char text[256];
        sqlite3_stmt *statement = NULL;
        Fault fault = {0};

        if (table_prepare(connection, template, &statement, &fault) < 0)
                fail_msg("%s", fault.message);
        (void) snprintf(text, sizeof text, "%s", sqlite3_sql(statement));
        (void) sqlite3_finalize(statement);
        return text;
}

static void test_columns_that_are_there(void **state)
{
        assert_true(has("users", "id"));
        assert_true(has("USERS", "NAME"));
        assert_false(has("users", "twice"));
        assert_false(has("users", "email"));
        assert_false(has("nowhere", "id"));
}

static void test_a_statement_keeps_to_them(void **state)
{
        static const struct {
                const char *template, *sql;
        } cases[] = {
                        {"SELECT id FROM users", "SELECT id FROM users"},
                        {"SELECT {users.name}, {users.email} FROM users", "SELECT name, NULL FROM users"},
                        {"SELECT {users.name:id|1}, {users.email:x|2} FROM users",
                                        "SELECT id, 2 FROM users"},
                        {"SELECT id{users.name:, name}{users.email:, email} FROM users",
                                        "SELECT id, name FROM users"},
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                assert_string_equal(sql_of(cases[i].template), cases[i].sql);
                /* As it was remembered. */
                assert_string_equal(sql_of(cases[i].template), cases[i].sql);
        }
}

static void test_what_is_needed_is_named(void **state)
{
        static const char *const here[] = {"id", "name", NULL}, *const lacking[] = {"id", "email", NULL};
        Fault fault = {0};

        assert_int_equal(table_require_columns(connection, "users", here, "accounts", &fault), 0);
        assert_int_equal(table_require_columns(connection, "nowhere", lacking, "accounts", &fault), 0);
        assert_int_equal(table_require_columns(connection, "users", lacking, "accounts", &fault),
                        -EOPNOTSUPP);
        fixture_assert_fault(&fault, FAULT_NOT_SUPPORTED, "users has no column email, which accounts");
}

/* Another process adds the column and takes it away. */
static void test_a_changed_schema_is_seen(void **state)
{
        static const char template[] = "SELECT {users.email} FROM users";

        assert_string_equal(sql_of(template), "SELECT NULL FROM users");
        fixture_execute(application, "ALTER TABLE users ADD COLUMN email TEXT");
        assert_string_equal(sql_of(template), "SELECT email FROM users");
        fixture_execute(application, "ALTER TABLE users DROP COLUMN email");
        assert_string_equal(sql_of(template), "SELECT NULL FROM users");
}

static unsigned n_asked;

static int count_asking(unsigned kind, void *userdata, void *statement, void *text)
{
        n_asked += strncmp(text, "PRAGMA main.table_info", strlen("PRAGMA main.table_info")) == 0;
        return 0;
}

static void test_each_version_of_the_schema_is_asked_once(void **state)
{
        assert_int_equal(sqlite3_trace_v2(connection->handle, SQLITE_TRACE_STMT, count_asking, NULL),
                        SQLITE_OK);
        for (int i = 0; i < 3; i++) {
                (void) has("users", "name");
                (void) has("nowhere", "name");
        }
        assert_int_equal(n_asked, 2);
        fixture_execute(application, "CREATE TABLE other(x)");
        (void) has("users", "name");
        assert_int_equal(n_asked, 3);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                        TEST(test_columns_that_are_there),
                        TEST(test_a_statement_keeps_to_them),
                        TEST(test_what_is_needed_is_named),
                        TEST(test_a_changed_schema_is_seen),
                        TEST(test_each_version_of_the_schema_is_asked_once),
        };

        return cmocka_run_group_tests_name("database/table-columns", tests, NULL, NULL);
}
