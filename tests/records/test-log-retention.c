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

static LogRetention of(LogTable table, uint64_t before_usec)
{
        return (LogRetention){.table = table, .before_usec = before_usec, .all = true};
}

static unsigned step(LogRetention *retention)
{
        unsigned n = UINT32_MAX;

        assert_int_equal(log_retention_step(log_connection, retention, &n, NULL), 0);
        return n;
}

static void test_which_rows_go(void **state)
{
        static const struct {
                const char *type, *created;
                bool own, all;
        } cases[] = {
                        {"persistence.backup", "2026-01-24 01:46:21.123456", true, true},
                        {"database_restored", "2026-01-24T01:46:21Z", true, true},
                        {"persistence.backup", "2026-01-25 00:00:00", false, false},
                        {"persistence.backup", "2026-01-25 01:30:00+02:00", true, true},
                        {"login", "2026-01-24 01:46:21", false, true},
                        {"sign_in", "2026-01-24 01:46:21", false, true}, /* of the access log alone */
                        {NULL, "2026-01-24 01:46:21", false, true},
                        /* What is not understood may be of today. */
                        {"persistence.backup", "01/24/2026 01:46:21", false, false},
                        {"persistence.backup", "24.01.2026 01:46:21", false, false},
                        {"persistence.backup", "2026-13-24 01:46:21", false, false},
                        {"persistence.backup", "2026-01-24", false, false},
                        {"persistence.backup", "1769219181", false, false},
                        {"persistence.backup", "0000-00-00 00:00:00", false, false},
                        {"persistence.backup", "", false, false},
                        {"persistence.backup", NULL, false, false},
        };
        LogRetention retention = of(LOG_SYSTEM, UINT64_C(1769299200) * USEC_PER_SEC);

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                retention.all = false;
                assert_int_equal(log_retention_wants(&retention, cases[i].type, cases[i].created),
                                cases[i].own);
                retention.all = true;
                assert_int_equal(log_retention_wants(&retention, cases[i].type, cases[i].created),
                                cases[i].all);
        }
        retention = (LogRetention){.table = LOG_ACCESS, .before_usec = NOW_USEC};
        assert_true(log_retention_wants(&retention, "sign_in_failed", "2020-01-01 00:00:00"));
        assert_false(log_retention_wants(&retention, "database_restored", "2020-01-01 00:00:00"));
}

static void test_old_rows_go_in_steps(void **state)
{
        const uint64_t cut_sec = NOW_USEC / USEC_PER_SEC;
        LogRetention retention = of(LOG_SYSTEM, cut_sec * USEC_PER_SEC);

        add_rows("system_logs", 1200, cut_sec - 5000);
        add_rows("system_logs", LOG_RETENTION_KEPT_ROWS, cut_sec);
        add_rows("access_logs", 2000, cut_sec - 5000);
        assert_int_equal(step(&retention), LOG_RETENTION_STEP_ROWS);
        assert_int_equal(count("SELECT min(id) FROM system_logs"), LOG_RETENTION_STEP_ROWS + 1);
        assert_int_equal(step(&retention), LOG_RETENTION_STEP_ROWS);
        assert_int_equal(step(&retention), 200);
        /* The newest rows are not looked at. */
        assert_int_equal(retention.after_id, 0);
        assert_int_equal(count("SELECT count(*) FROM system_logs"), LOG_RETENTION_KEPT_ROWS);
        assert_int_equal(count("SELECT count(*) FROM access_logs"), 2000);
        retention = of(LOG_ACCESS, cut_sec * USEC_PER_SEC);
        assert_int_equal(step(&retention), LOG_RETENTION_STEP_ROWS);
}

/* The application's rows stay between those that go. */
static void test_the_application_s_rows_stay(void **state)
{
        LogRetention retention = {.table = LOG_SYSTEM, .before_usec = NOW_USEC};

        add_rows("system_logs", 3 * LOG_RETENTION_SCAN_ROWS, 1000);
        assert_int_equal(connection_execute(log_connection,
                                         "UPDATE system_logs SET action_type = 'persistence.backup' WHERE "
                                         "id IN "
                                         "(1, 5001, 5002, 12000)",
                                         NULL),
                        0);
        assert_int_equal(step(&retention), 1);
        assert_int_equal(step(&retention), 2);
        assert_int_equal(step(&retention), 1);
        assert_int_equal(retention.after_id, 0);
        assert_int_equal(count("SELECT count(*) FROM system_logs"), 3 * LOG_RETENTION_SCAN_ROWS - 4);
}

static void test_the_newest_stay_whatever_their_age(void **state)
{
        LogRetention retention = of(LOG_SYSTEM, NOW_USEC);

        add_rows("system_logs", LOG_RETENTION_KEPT_ROWS - 1, 1000);
        assert_int_equal(step(&retention), 0);
        add_rows("system_logs", 11, 5000);
        assert_int_equal(step(&retention), 10);
        assert_int_equal(step(&retention), 0);
        assert_int_equal(count("SELECT count(*) FROM system_logs"), LOG_RETENTION_KEPT_ROWS);
}

static void test_what_has_no_moment_stays(void **state)
{
        LogRetention retention = of(LOG_SYSTEM, NOW_USEC);

        assert_int_equal(connection_execute(log_connection,
                                         "INSERT INTO system_logs(action_type, message, created_at) "
                                         "VALUES('a', 'm', NULL), ('a', 'm', 5), ('a', 'm', x'00'),"
                                         "('a', 'm', '2020-01-01 00:00:00' || char(0) || 'x')",
                                         NULL),
                        0);
        add_rows("system_logs", LOG_RETENTION_KEPT_ROWS + 1, 1000);
        assert_int_equal(step(&retention), 1);
        assert_int_equal(count("SELECT count(*) FROM system_logs WHERE id <= 4"), 4);
}

static void test_a_table_without_the_columns_is_left_alone(void **state)
{
        LogRetention retention = of(LOG_SYSTEM, NOW_USEC);

        assert_int_equal(connection_execute(log_connection,
                                         "DROP TABLE system_logs; CREATE TABLE system_logs(id INTEGER "
                                         "PRIMARY "
                                         "KEY, message TEXT)",
                                         NULL),
                        0);
        assert_int_equal(step(&retention), 0);
        assert_int_equal(connection_execute(log_connection, "DROP TABLE system_logs", NULL), 0);
        assert_int_equal(step(&retention), 0);
        assert_int_equal(retention.after_id, 0);
}

static void test_steps_are_bounded(void **state)
{
        for (LogTable table = 0; table < _LOG_TABLE_MAX; table++)
                log_assert_plan(log_retention_sql(table));
}

static void test_a_writer_in_the_way(void **state)
{
        sqlite3 *handle = fixture_open(fixture_path("live.db"));
        LogRetention retention = of(LOG_SYSTEM, NOW_USEC);
        Fault fault = {0};
        unsigned n;

        add_rows("system_logs", LOG_RETENTION_KEPT_ROWS + 1, 1000);
        fixture_execute(handle, "BEGIN IMMEDIATE");
        assert_int_equal(
                        log_retention_step(log_connection, &retention, &n, &fault), fault_errno(FAULT_BUSY));
        fixture_assert_fault(&fault, FAULT_BUSY, "lock");
        fixture_close(handle);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, log_setup, log_teardown)
        const struct CMUnitTest tests[] = {
                        TEST(test_which_rows_go),
                        TEST(test_old_rows_go_in_steps),
                        TEST(test_the_application_s_rows_stay),
                        TEST(test_a_table_without_the_columns_is_left_alone),
                        TEST(test_the_newest_stay_whatever_their_age),
                        TEST(test_what_has_no_moment_stays),
                        TEST(test_steps_are_bounded),
                        TEST(test_a_writer_in_the_way),
        };

        return cmocka_run_group_tests_name("log-retention", tests, NULL, NULL);
}
