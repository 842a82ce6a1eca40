/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "log-fixture.h"

#include <string.h>

#include "records/log-page.h"

static LogFilter everything(LogTable table)
{
        return (LogFilter){.table = table, .limit = LOG_PAGE_ROWS_MAX};
}

/* Walks page after page, as clients do, and adds the ids up into `ret`, newest first. Returns how many. */
static size_t read_all(LogFilter filter, int64_t *ret, size_t room, unsigned *ret_pages)
{
        size_t n = 0;

        *ret_pages = 0;
        do {
                LogPage page = {0};

                assert_int_equal(log_page_read(log_connection, &filter, &page, NULL), 0);
                assert_in_range(page.n_rows, 0, filter.limit);
                for (size_t i = 0; i < page.n_rows; i++) {
                        assert_in_range(n, 0, room - 1);
                        ret[n++] = page.rows[i].id;
                }
                filter.before_id = page.next_before_id;
                (*ret_pages)++;
                log_page_done(&page);
        } while (filter.before_id != 0);
        return n;
}

static void expect_ids(LogFilter filter, size_t n, const int64_t *wanted)
{
        int64_t ids[64];
        unsigned pages;

        assert_int_equal(read_all(filter, ids, ELEMENTSOF(ids), &pages), n);
        for (size_t i = 0; i < n; i++)
                assert_int_equal(ids[i], wanted[i]);
}
#define EXPECT_IDS(filter, ...) \
        expect_ids(filter, sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t), (int64_t[]){__VA_ARGS__})

static void execute(const char *sql)
{
        _cleanup_fault_ Fault fault = {0};

        if (connection_execute(log_connection, sql, &fault) < 0)
                fail_msg("%s", fault.message);
}

static void test_every_way_is_bounded(void **state)
{
        for (LogTable table = 0; table < _LOG_TABLE_MAX; table++)
                for (LogWay way = 0; way < _LOG_WAY_MAX; way++)
                        if (log_page_sql(table, way))
                                log_assert_plan(log_page_sql(table, way));
        assert_null(log_page_sql(LOG_ACCESS, LOG_WAY_SEVERITY));
}

static void test_empty_tables(void **state)
{
        expect_ids(everything(LOG_SYSTEM), 0, NULL);
        expect_ids(everything(LOG_ACCESS), 0, NULL);
}

static void test_a_row_reads_as_it_was_written(void **state)
{
        LogEntry system = log_system_entry(), access = log_access_entry();
        LogFilter filter = everything(LOG_SYSTEM);
        LogPage page = {0};

        system.user_id = system.admin_id = 1;
        system.ip_address = "::1";
        (void) log_add(&system);
        access.extra_data = "{}";
        (void) log_add(&access);

        assert_int_equal(log_page_read(log_connection, &filter, &page, NULL), 0);
        assert_int_equal(page.n_rows, 1);
        const LogEntry *entry = page.rows[0].entry;
        assert_int_equal(page.rows[0].id, 1);
        assert_false(page.rows[0].cut);
        assert_int_equal(entry->created_usec, NOW_USEC);
        assert_string_equal(entry->action_type, system.action_type);
        assert_string_equal(entry->message, system.message);
        assert_string_equal(entry->severity, "warning");
        assert_string_equal(entry->extra_data, system.extra_data);
        assert_string_equal(entry->ip_address, "::1");
        assert_int_equal(entry->user_id, 1);
        assert_int_equal(entry->admin_id, 1);
        log_page_done(&page);

        filter.table = LOG_ACCESS;
        assert_int_equal(log_page_read(log_connection, &filter, &page, NULL), 0);
        entry = page.rows[0].entry;
        assert_int_equal(entry->user_id, 1);
        assert_int_equal(entry->match_id, 7);
        assert_int_equal(entry->prediction_id, 0);
        assert_string_equal(entry->subscription_plan, "free");
        assert_string_equal(entry->extra_data, "{}");
        assert_null(entry->message);
        log_page_done(&page);
}

static void test_filters(void **state)
{
        LogFilter filter = everything(LOG_SYSTEM);

        execute("INSERT INTO users(id, username, password) VALUES(2, 'bob', 'x');"
                "INSERT INTO system_logs(action_type, message, severity, user_id, created_at) VALUES"
                "('a', 'm', 'info', 1, '2026-01-24 01:46:20'),"
                "('b', 'm', 'error', 2, '2026-01-24 01:46:21'),"
                "('a', 'm', 'error', 1, '2026-01-24 01:46:21.5'),"
                "('b', 'm', 'info', NULL, '2026-01-24T01:46:22'),"
                "('a', 'm', 'info', 2, NULL),"
                "('a', 'm', 'info', 2, 1769219181)");
        EXPECT_IDS(filter, 6, 5, 4, 3, 2, 1);
        filter.action_type = "a";
        EXPECT_IDS(filter, 6, 5, 3, 1);
        filter.severity = "error";
        EXPECT_IDS(filter, 3);
        filter.action_type = NULL;
        EXPECT_IDS(filter, 3, 2);
        filter.user_id = 2;
        EXPECT_IDS(filter, 2);
        filter = everything(LOG_SYSTEM);
        filter.user_id = 2;
        EXPECT_IDS(filter, 6, 5, 2);
        filter.before_id = 5;
        EXPECT_IDS(filter, 2);
}

static void test_time_is_exact(void **state)
{
        const uint64_t second_usec = NOW_USEC / USEC_PER_SEC * USEC_PER_SEC;
        LogFilter filter = everything(LOG_ACCESS);

        execute("INSERT INTO access_logs(action_type, user_id, created_at) VALUES"
                "('v', 1, '2026-01-24 01:46:20.999999'),"
                "('v', 1, '2026-01-24 01:46:21'),"
                "('v', 1, '2026-01-24 01:46:21.123456'),"
                "('v', 1, '2026-01-24 01:46:22.000000'),"
                "('v', 1, 'yesterday'), ('v', 1, ''), ('v', 1, NULL), ('v', 1, 7)");
        filter.since_usec = second_usec;
        EXPECT_IDS(filter, 4, 3, 2);
        filter.until_usec = second_usec + USEC_PER_SEC;
        EXPECT_IDS(filter, 3, 2);
        filter.until_usec = NOW_USEC;
        EXPECT_IDS(filter, 2);
        filter.since_usec = 0;
        EXPECT_IDS(filter, 2, 1);
        filter.until_usec = UINT64_MAX;
        EXPECT_IDS(filter, 4, 3, 2, 1);
        filter.since_usec = UINT64_MAX;
        expect_ids(filter, 0, NULL);
}

/* More rows than a page may look at, none of them wanted but the oldest and the newest. */
static void test_a_page_ends_rather_than_look_at_too_many(void **state)
{
        LogFilter filter = everything(LOG_SYSTEM);
        int64_t ids[8];
        unsigned pages;

        execute("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 25000) "
                "INSERT INTO system_logs(action_type, message, severity, created_at) "
                "SELECT 'a', 'm', iif(i IN (1, 25000), 'error', 'info'), "
                "datetime(1769219181 + i, 'unixepoch') FROM n");
        filter.action_type = "a";
        filter.severity = "error";
        assert_int_equal(read_all(filter, ids, ELEMENTSOF(ids), &pages), 2);
        assert_int_equal(ids[0], 25000);
        assert_int_equal(ids[1], 1);
        assert_int_equal(pages, 3);

        /* All of it lies in between: the way leads over the type. */
        filter.since_usec = UINT64_C(1769219181) * USEC_PER_SEC;
        assert_int_equal(read_all(filter, ids, ELEMENTSOF(ids), &pages), 2);
        assert_int_equal(pages, 3);

        /* A little of it, far from the newest: one look. */
        filter.severity = NULL;
        filter.since_usec += 10 * USEC_PER_SEC;
        filter.until_usec = filter.since_usec + 2 * USEC_PER_SEC;
        assert_int_equal(read_all(filter, ids, ELEMENTSOF(ids), &pages), 2);
        assert_int_equal(ids[0], 11);
        assert_int_equal(ids[1], 10);
        assert_int_equal(pages, 1);
}

static void test_pages_are_stable_while_rows_are_added(void **state)
{
        LogEntry entry = log_system_entry();
        LogFilter filter = everything(LOG_SYSTEM);
        LogPage page = {0};

        for (unsigned i = 0; i < 5; i++)
                (void) log_add(&entry);
        filter.limit = 2;
        assert_int_equal(log_page_read(log_connection, &filter, &page, NULL), 0);
        assert_int_equal(page.rows[1].id, 4);
        filter.before_id = page.next_before_id;
        log_page_done(&page);
        (void) log_add(&entry);
        assert_int_equal(log_page_read(log_connection, &filter, &page, NULL), 0);
        assert_int_equal(page.n_rows, 2);
        assert_int_equal(page.rows[0].id, 3);
        assert_int_equal(page.rows[1].id, 2);
        filter.before_id = page.next_before_id;
        log_page_done(&page);
        assert_int_equal(log_page_read(log_connection, &filter, &page, NULL), 0);
        assert_int_equal(page.n_rows, 1);
        assert_int_equal(page.next_before_id, 0);
        log_page_done(&page);
}

/* What others put into the table may be anything. */
static void test_hostile_content(void **state)
{
        LogFilter filter = everything(LOG_SYSTEM);
        LogPage page = {0};
        int64_t ids[64];
        unsigned pages;

        execute("INSERT INTO system_logs(action_type, message, severity) VALUES"
                "(x'ff41', x'00', 'b' || char(10) || 'c'),"
                "('big', replace(hex(zeroblob(50000)), '0', 'é'), 'info'),"
                "(7, 8.5, NULL)");
        assert_int_equal(log_page_read(log_connection, &filter, &page, NULL), 0);
        assert_int_equal(page.n_rows, 3);
        assert_string_equal(page.rows[0].entry->action_type, "7");
        assert_null(page.rows[0].entry->severity);
        assert_true(page.rows[1].cut);
        assert_int_equal(strlen(page.rows[1].entry->message), LOG_PAGE_LONGEST_BYTES);
        assert_null(strchr(page.rows[1].entry->message, '?'));
        assert_string_equal(page.rows[2].entry->action_type, "?A");
        assert_string_equal(page.rows[2].entry->message, "");
        log_page_done(&page);

        /* More text than a page holds: more pages. */
        execute("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60) "
                "INSERT INTO access_logs(action_type, user_id, extra_data) "
                "SELECT 'x', 1, hex(zeroblob(20000)) || i FROM n");
        filter = everything(LOG_ACCESS);
        filter.limit = 64;
        assert_int_equal(read_all(filter, ids, ELEMENTSOF(ids), &pages), 60);
        assert_int_equal(pages, 1);
        assert_int_equal(ids[0], 60);
}

static void test_text_of_a_page_is_bounded(void **state)
{
        LogFilter filter = everything(LOG_ACCESS);
        LogPage page = {0};
        int64_t ids[256];
        unsigned pages;

        execute("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200) "
                "INSERT INTO access_logs(action_type, user_id, extra_data) "
                "SELECT 'x', 1, hex(zeroblob(8192)) FROM n");
        assert_int_equal(log_page_read(log_connection, &filter, &page, NULL), 0);
        assert_int_equal(page.n_rows, LOG_PAGE_TEXT_BYTES / LOG_PAGE_LONGEST_BYTES);
        log_page_done(&page);
        assert_int_equal(read_all(filter, ids, ELEMENTSOF(ids), &pages), 200);
        assert_int_equal(pages, 4);
}

static void test_a_missing_table_is_empty(void **state)
{
        LogFilter filter = everything(LOG_ACCESS);
        LogPage page = {0};

        execute("DROP TABLE access_logs");
        assert_int_equal(log_page_read(log_connection, &filter, &page, NULL), 0);
        assert_int_equal(page.n_rows, 0);
        assert_null(page.rows);
}

/* As an older version of the application's models made it. */
static void test_a_missing_column_costs_no_more_than_itself(void **state)
{
        LogFilter filter = everything(LOG_SYSTEM);
        LogPage page = {0};
        Fault fault = {0};

        execute("DROP TABLE system_logs");
        execute("CREATE TABLE system_logs(id INTEGER PRIMARY KEY, action_type TEXT, message TEXT)");
        execute("INSERT INTO system_logs(action_type, message) VALUES('a', 'm')");
        assert_int_equal(log_page_read(log_connection, &filter, &page, NULL), 0);
        assert_int_equal(page.n_rows, 1);
        assert_string_equal(page.rows[0].entry->message, "m");
        assert_null(page.rows[0].entry->severity);
        log_page_done(&page);
        filter.severity = "error";
        assert_int_equal(log_page_read(log_connection, &filter, &page, &fault), -EOPNOTSUPP);
        fixture_assert_fault(&fault, FAULT_NOT_SUPPORTED, "no column severity");
        filter.severity = NULL;
        filter.since_usec = 1;
        assert_int_equal(log_page_read(log_connection, &filter, &page, &fault), -EOPNOTSUPP);
        fixture_assert_fault(&fault, FAULT_NOT_SUPPORTED, "no column created_at");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, log_setup, log_teardown)
        const struct CMUnitTest tests[] = {
                        TEST(test_every_way_is_bounded),
                        TEST(test_empty_tables),
                        TEST(test_a_row_reads_as_it_was_written),
                        TEST(test_filters),
                        TEST(test_time_is_exact),
                        TEST(test_a_page_ends_rather_than_look_at_too_many),
                        TEST(test_pages_are_stable_while_rows_are_added),
                        TEST(test_hostile_content),
                        TEST(test_text_of_a_page_is_bounded),
                        TEST(test_a_missing_table_is_empty),
                        TEST(test_a_missing_column_costs_no_more_than_itself),
        };

        return cmocka_run_group_tests_name("log-page", tests, NULL, NULL);
}
