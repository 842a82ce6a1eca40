/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fixture.h"

#include <string.h>

#include "database/connection/connection.h"
#include "database/connection/statement-bound.h"

/* What whoever may write the database can put into it. */
#define ENDLESS_SQL                                                                           \
        "CREATE TABLE t(a); CREATE TABLE other(a); CREATE TRIGGER endless AFTER INSERT ON t " \
        "BEGIN INSERT INTO other SELECT 1 FROM (WITH RECURSIVE n(i) AS "                      \
        "(SELECT 1 UNION ALL SELECT i+1 FROM n) SELECT i FROM n WHERE i < 0); END;"           \
        "CREATE VIEW v AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n) "     \
        "SELECT i FROM n WHERE i < 0"

static Connection *connect(const char *sql, ConnectionMode mode)
{
        const char *path = fixture_path("live.db");
        sqlite3 *application = fixture_open(path);

        fixture_execute(application, sql);
        fixture_close(application);
        return fixture_connect(path, mode);
}

static void assert_runs(Connection *connection, const char *sql)
{
        Fault fault = {0};

        if (connection_execute(connection, sql, &fault) < 0)
                fail_msg("%s", fault.message);
}

static void test_a_trigger_that_never_ends_is_ended(void **state)
{
        _cleanup_(connection_closep) Connection *connection = connect(ENDLESS_SQL, CONNECTION_WRITE);
        Fault fault = {0};

        assert_int_equal(connection->bound.bound_usec, CONNECTION_STATEMENT_BOUND_USEC);
        connection->bound.bound_usec = 20 * USEC_PER_MSEC;
        assert_true(connection_execute(connection, "INSERT INTO t VALUES(1)", &fault) < 0);
        fixture_assert_fault(&fault, FAULT_FAILED, "took too long");
        /* The next one has its own time. */
        assert_runs(connection, "INSERT INTO other VALUES(1)");
        assert_true(connection_execute(connection, "SELECT * FROM v", &fault) < 0);
        fixture_assert_fault(&fault, FAULT_FAILED, "took too long");
        assert_runs(connection, "INSERT INTO other VALUES(2)");
}

static bool is_wanted(void *target)
{
        return *(bool *) target;
}

static void test_a_reader_yields_to_who_waits(void **state)
{
        _cleanup_(connection_closep) Connection *connection = connect(ENDLESS_SQL, CONNECTION_READ);
        bool wanted = true;
        Fault fault = {0};

        assert_int_equal(connection->bound.bound_usec, 0);
        connection->bound.must_yield = is_wanted;
        connection->bound.must_yield_target = &wanted;
        assert_true(connection_execute(connection, "SELECT * FROM v", &fault) < 0);
        fixture_assert_fault(&fault, FAULT_BUSY, "a restore waits");
        /* What is short goes on, and what nobody waits for. */
        assert_runs(connection, "SELECT count(*) FROM other");
}

static void test_a_value_has_a_bound(void **state)
{
        _cleanup_(connection_closep) Connection *connection = connect(
                        "CREATE TABLE t(a); CREATE TABLE u(a); CREATE TRIGGER greedy AFTER INSERT ON t "
                        "BEGIN INSERT INTO u VALUES(hex(zeroblob(499999999))); END",
                        CONNECTION_WRITE);
        Fault fault = {0};

        assert_true(connection_execute(connection, "INSERT INTO t VALUES(1)", &fault) < 0);
        fixture_assert_fault(&fault, FAULT_FAILED, "too big");
        assert_runs(connection, "INSERT INTO u VALUES(zeroblob(1000000))");
}

static void test_all_memory_has_a_bound(void **state)
{
        void *most = sqlite3_malloc64(STATEMENT_HEAP_MAX_BYTES - MIB), *moved;

        assert_non_null(most);
        assert_null(sqlite3_malloc64(2 * MIB));
        assert_null(sqlite3_realloc64(most, STATEMENT_HEAP_MAX_BYTES + MIB));
        /* What is small is not counted. */
        moved = sqlite3_malloc64(1000);
        assert_non_null(moved);
        sqlite3_free(moved);
        moved = sqlite3_realloc64(most, MIB);
        assert_non_null(moved);
        most = sqlite3_malloc64(STATEMENT_HEAP_MAX_BYTES - 2 * MIB);
        assert_non_null(most);
        sqlite3_free(most);
        sqlite3_free(moved);
        most = sqlite3_malloc64(STATEMENT_HEAP_MAX_BYTES - MIB);
        assert_non_null(most);
        sqlite3_free(most);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                        TEST(test_a_trigger_that_never_ends_is_ended),
                        TEST(test_a_reader_yields_to_who_waits),
                        TEST(test_a_value_has_a_bound),
                        TEST(test_all_memory_has_a_bound),
        };

        statement_bound_heap();
        return cmocka_run_group_tests_name("database/statement-bound", tests, NULL, NULL);
}
