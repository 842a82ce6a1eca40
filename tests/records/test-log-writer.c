/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "log-fixture.h"

#include <string.h>

static void test_rows_are_written(void **state)
{
        LogEntry system = log_system_entry(), access = log_access_entry();
        sqlite3 *handle;

        assert_int_equal(log_add(&system), 1);
        system.extra_data = NULL;
        system.user_id = system.admin_id = 1;
        assert_int_equal(log_add(&system), 2);
        assert_int_equal(log_add(&access), 1);
        handle = fixture_open(fixture_path("live.db"));
        assert_int_equal(fixture_integer(handle,
                                         "SELECT count(*) FROM system_logs WHERE action_type = "
                                         "'database_restored' AND message = 'Restauré ; rien n''est perdu' "
                                         "AND severity = 'warning' AND created_at = '2026-01-24 "
                                         "01:46:21.123456'"),
                        2);
        assert_int_equal(fixture_integer(handle,
                                         "SELECT extra_data ->> 'backup' = 'backup_20260124_014621' AND "
                                         "user_id IS NULL AND admin_id IS NULL AND ip_address IS NULL FROM "
                                         "system_logs WHERE id = 1"),
                        1);
        assert_int_equal(fixture_integer(handle,
                                         "SELECT extra_data IS NULL AND user_id = 1 AND admin_id = 1 FROM "
                                         "system_logs WHERE id = 2"),
                        1);
        assert_int_equal(fixture_integer(handle,
                                         "SELECT user_id = 1 AND action_type = 'sign_in' AND match_id = 7 "
                                         "AND "
                                         "prediction_id IS NULL AND subscription_plan = 'free' AND "
                                         "ip_address = '2001:db8::1' AND extra_data IS NULL FROM "
                                         "access_logs"),
                        1);
        fixture_close(handle);
}

/* One row with a user who is not there, one with extra data that is no object: the others are written. */
static void test_a_bad_row_keeps_no_other_out(void **state)
{
        static const char *const wrong[] = {"{", "[1]", "\"x\"", "NaN", "{'a': 1}", ""};
        LogEntry entries[3 + ELEMENTSOF(wrong)];
        LogItem items[ELEMENTSOF(entries)] = {0}, *pointers[ELEMENTSOF(entries)];
        sqlite3 *handle = fixture_open(fixture_path("live.db"));
        Fault fault = {0};

        for (size_t i = 0; i < ELEMENTSOF(entries); i++) {
                entries[i] = i % 2 == 0 ? log_system_entry() : log_access_entry();
                if (i >= 3)
                        entries[i].extra_data = wrong[i - 3];
                items[i].entry = &entries[i];
                pointers[i] = &items[i];
        }
        entries[1].user_id = 99;
        assert_int_equal(log_write(log_connection, pointers, ELEMENTSOF(items), &fault), 0);
        fixture_assert_fault(&items[1].fault, FAULT_NOT_FOUND, "not there");
        for (size_t i = 3; i < ELEMENTSOF(items); i++)
                fixture_assert_fault(&items[i].fault, FAULT_INVALID_ARGUMENT, "JSON object");
        assert_int_equal(items[0].fault.code, FAULT_NONE);
        assert_int_equal(items[0].id, 1);
        assert_int_equal(items[2].id, 2);
        assert_int_equal(fixture_integer(handle, "SELECT count(*) FROM system_logs"), 2);
        assert_int_equal(fixture_integer(handle, "SELECT count(*) FROM access_logs"), 0);
        fixture_close(handle);
}

static void refuse_one(FaultCode code, const char *words)
{
        LogEntry entry = log_system_entry();
        LogItem item = {.entry = &entry}, *items[] = {&item};
        Fault fault = {0};

        assert_int_equal(log_write(log_connection, items, 1, &fault), fault_errno(code));
        fixture_assert_fault(&fault, code, words);
        assert_int_equal(item.fault.code, FAULT_NONE);
        /* Nothing is left open. */
        assert_int_equal(sqlite3_get_autocommit(log_connection->handle), 1);
}

static void test_a_missing_table_takes_all_back(void **state)
{
        LogEntry access = log_access_entry(), system = log_system_entry();
        LogItem first = {.entry = &access}, second = {.entry = &system}, *items[] = {&first, &second};
        sqlite3 *handle = fixture_open(fixture_path("live.db"));
        Fault fault = {0};

        fixture_execute(handle, "DROP TABLE system_logs");
        assert_int_equal(log_write(log_connection, items, 2, &fault), fault_errno(FAULT_NOT_FOUND));
        fixture_assert_fault(&fault, FAULT_NOT_FOUND, "system_logs");
        assert_int_equal(fixture_integer(handle, "SELECT count(*) FROM access_logs"), 0);
        fixture_close(handle);
        refuse_one(FAULT_NOT_FOUND, "system_logs");
}

static void test_a_writer_in_the_way(void **state)
{
        sqlite3 *handle = fixture_open(fixture_path("live.db"));
        LogEntry entry = log_system_entry();

        fixture_execute(handle, "BEGIN IMMEDIATE");
        refuse_one(FAULT_BUSY, "lock");
        fixture_execute(handle, "ROLLBACK");
        assert_int_equal(log_add(&entry), 1);
        fixture_close(handle);
}

static void test_a_corrupt_database(void **state)
{
        _cleanup_fault_ Fault fault = {0};
        char rubbish[4096];
        int64_t root;

        assert_int_equal(connection_query_integer(log_connection,
                                         "SELECT rootpage FROM sqlite_schema WHERE name = 'system_logs'",
                                         &root,
                                         &fault),
                        0);
        (void) memset(rubbish, 0xa5, sizeof rubbish);
        fixture_overwrite(fixture_path("live.db"), (uint64_t) (root - 1) * 4096, rubbish, sizeof rubbish);
        /* The one that is open may have the page in its cache. */
        log_connection = connection_close(log_connection);
        log_connection = fixture_connect(fixture_path("live.db"), CONNECTION_WRITE);
        refuse_one(FAULT_CORRUPT, "live.db");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, log_setup, log_teardown)
        const struct CMUnitTest tests[] = {
                        TEST(test_rows_are_written),
                        TEST(test_a_bad_row_keeps_no_other_out),
                        TEST(test_a_missing_table_takes_all_back),
                        TEST(test_a_writer_in_the_way),
                        TEST(test_a_corrupt_database),
        };

        return cmocka_run_group_tests_name("log-writer", tests, NULL, NULL);
}
