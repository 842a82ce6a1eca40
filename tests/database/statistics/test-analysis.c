/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fixture.h"

#include "database/statistics/analysis.h"

static bool pays(Connection *connection, const char *table, uint64_t rows)
{
        Fault fault = {0};
        bool answer = false;

        if (analysis_pays(connection, table, rows, &answer, &fault) < 0)
                fail_msg("%s", fault.message);
        return answer;
}

static void test_an_analysis_pays_once_and_when_much_has_changed(void **state)
{
        _cleanup_(connection_closep) Connection *connection = NULL;
        sqlite3 *application = fixture_open(fixture_path("live.db"));
        _cleanup_fault_ Fault fault = {0};
        int64_t n;

        fixture_execute(application,
                        "PRAGMA journal_mode=WAL; CREATE TABLE \"a \"\"b\"(x, y); "
                        "CREATE INDEX i ON \"a \"\"b\"(x);"
                        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) "
                        "INSERT INTO \"a \"\"b\" SELECT i % 10, i FROM n");
        connection = fixture_connect(fixture_path("live.db"), CONNECTION_WRITE);
        assert_false(pays(connection, "a \"b", ANALYSIS_ROWS_MIN - 1));
        assert_true(pays(connection, "a \"b", 20000));
        assert_int_equal(analysis_run(connection, "a \"b", &fault), 0);
        assert_false(pays(connection, "a \"b", 20000));
        assert_true(pays(connection, "a \"b", 20000 * 9));
        assert_true(pays(connection, "a \"b", 2000));
        assert_true(pays(connection, "another", 20000));
        /* The application's planner uses it. */
        assert_int_equal(fixture_integer(application,
                                         "SELECT count(*) FROM sqlite_stat1 WHERE tbl = 'a \"b' AND idx = "
                                         "'i'"),
                        1);
        n = fixture_integer(application, "SELECT CAST(stat AS INTEGER) FROM sqlite_stat1 WHERE idx = 'i'");
        assert_in_range(n, 20000 / ANALYSIS_FACTOR, 20000 * ANALYSIS_FACTOR);
        fixture_close(application);
}

static void test_a_table_that_is_gone_is_a_fault(void **state)
{
        _cleanup_(connection_closep) Connection *connection = NULL;
        Fault fault = {0};

        fixture_create_large(fixture_path("live.db"), 1000);
        connection = fixture_connect(fixture_path("live.db"), CONNECTION_WRITE);
        assert_true(analysis_run(connection, "gone", &fault) < 0);
        fixture_assert_fault(&fault, FAULT_FAILED, "gone");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
        const struct CMUnitTest tests[] = {
                        TEST(test_an_analysis_pays_once_and_when_much_has_changed),
                        TEST(test_a_table_that_is_gone_is_a_fault),
        };

        return cmocka_run_group_tests_name("analysis", tests, NULL, NULL);
}
