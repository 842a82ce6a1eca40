/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "log-fixture.h"

#include "records/log-retention.h"

static void add_rows(const char *table, unsigned n, uint64_t from_sec)
{
        char sql[512];

        (void) snprintf(sql,
                        sizeof sql,
                        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %u) "
                        "INSERT INTO %s(action_type, user_id, created_at%s) "
                        "SELECT 'a', 1, datetime(%llu + i, 'unixepoch')%s FROM n",
                        n,
                        table,
                        table[0] == 's' ? ", message" : "",
                        (unsigned long long) from_sec,
                        table[0] == 's' ? ", 'm'" : "");
        assert_int_equal(connection_execute(log_connection, sql, NULL), 0);
}

static int64_t count(const char *sql)
{
        int64_t n;

        assert_int_equal(connection_query_integer(log_connection, sql, &n, NULL), 0);
        return n;
}

static unsigned step(LogTable table, uint64_t before_usec)
{
        unsigned n = UINT32_MAX;

        assert_int_equal(log_retention_step(log_connection, table, before_usec, &n, NULL), 0);
        return n;
}

static void test_old_rows_go_in_steps(void **state)
{
        const uint64_t cut_sec = NOW_USEC / USEC_PER_SEC;

        add_rows("system_logs", 1200, cut_sec - 5000);
        add_rows("system_logs", LOG_RETENTION_KEPT_ROWS, cut_sec);
        add_rows("access_logs", 2000, cut_sec - 5000);
        assert_int_equal(step(LOG_SYSTEM, cut_sec * USEC_PER_SEC), LOG_RETENTION_STEP_ROWS);
        /* The oldest first. */
        assert_int_equal(count("SELECT min(id) FROM system_logs"), LOG_RETENTION_STEP_ROWS + 1);
        assert_int_equal(step(LOG_SYSTEM, cut_sec * USEC_PER_SEC), LOG_RETENTION_STEP_ROWS);
        assert_int_equal(step(LOG_SYSTEM, cut_sec * USEC_PER_SEC), 200);
        assert_int_equal(step(LOG_SYSTEM, cut_sec * USEC_PER_SEC), 0);
        assert_int_equal(count("SELECT count(*) FROM system_logs"), LOG_RETENTION_KEPT_ROWS);
        assert_int_equal(count("SELECT count(*) FROM access_logs"), 2000);
        assert_int_equal(step(LOG_ACCESS, cut_sec * USEC_PER_SEC), LOG_RETENTION_STEP_ROWS);
}

static void test_the_newest_stay_whatever_their_age(void **state)
{
        add_rows("system_logs", LOG_RETENTION_KEPT_ROWS - 1, 1000);
        assert_int_equal(step(LOG_SYSTEM, NOW_USEC), 0);
        add_rows("system_logs", 11, 5000);
        assert_int_equal(step(LOG_SYSTEM, NOW_USEC), 10);
        assert_int_equal(step(LOG_SYSTEM, NOW_USEC), 0);
        assert_int_equal(count("SELECT count(*) FROM system_logs"), LOG_RETENTION_KEPT_ROWS);
}

static void test_what_has_no_moment_stays(void **state)
{
        assert_int_equal(connection_execute(log_connection,
                                         "INSERT INTO system_logs(action_type, message, created_at) "
                                         "VALUES('a', 'm', NULL), ('a', 'm', 5), ('a', 'm', x'00')",
                                         NULL),
                        0);
        add_rows("system_logs", LOG_RETENTION_KEPT_ROWS + 1, 1000);
        assert_int_equal(step(LOG_SYSTEM, NOW_USEC), 1);
        assert_int_equal(count("SELECT count(*) FROM system_logs WHERE id <= 3"), 3);
}

static void test_steps_are_bounded(void **state)
{
        for (LogTable table = 0; table < _LOG_TABLE_MAX; table++)
                log_assert_plan(log_retention_sql(table));
}

static void test_a_writer_in_the_way(void **state)
{
        sqlite3 *handle = fixture_open(fixture_path("live.db"));
        Fault fault = {0};
        unsigned n;

        fixture_execute(handle, "BEGIN IMMEDIATE");
        assert_int_equal(log_retention_step(log_connection, LOG_SYSTEM, NOW_USEC, &n, &fault),
                        fault_errno(FAULT_BUSY));
        fixture_assert_fault(&fault, FAULT_BUSY, "lock");
        fixture_close(handle);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, log_setup, log_teardown)
        const struct CMUnitTest tests[] = {
                        TEST(test_old_rows_go_in_steps),
                        TEST(test_the_newest_stay_whatever_their_age),
                        TEST(test_what_has_no_moment_stays),
                        TEST(test_steps_are_bounded),
                        TEST(test_a_writer_in_the_way),
        };

        return cmocka_run_group_tests_name("log-retention", tests, NULL, NULL);
}
