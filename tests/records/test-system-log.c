/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "../database/fixture.h"

#include <string.h>

#include "database/schema.h"
#include "records/system-log.h"

#define NOW_USEC UINT64_C(1769219181123456) /* 2026-01-24 01:46:21.123456 UTC */

static Connection *connection;

static int setup(void **state)
{
        _cleanup_fault_ Fault fault = {0};
        SchemaReport report = {0};

        if (fixture_setup(state) != 0)
                return -1;
        fixture_close(fixture_open(fixture_path("live.db")));
        fixture_write(fixture_path("live.db"), "", 0);
        assert_int_equal(connection_open(fixture_path("live.db"),
                                         CONNECTION_WRITE,
                                         NULL,
                                         &connection,
                                         &fault),
                        0);
        assert_int_equal(schema_migrate(connection, NOW_USEC, &report, &fault), 0);
        schema_report_done(&report);
        return 0;
}

static int teardown(void **state)
{
        connection = connection_close(connection);
        return fixture_teardown(state);
}

static SystemLogEntry entry(void)
{
        return (SystemLogEntry){
                        .action_type = "database_restored",
                        .message = "Restaur\xc3\xa9 ; rien n'est perdu",
                        .severity = SYSTEM_LOG_WARNING,
                        .extra_data = "{\"backup\":\"backup_20260124_014621\"}",
                        .created_usec = NOW_USEC,
        };
}

static void test_a_row_is_written(void **state)
{
        SystemLogEntry wanted = entry();
        _cleanup_fault_ Fault fault = {0};
        sqlite3 *handle;

        assert_int_equal(system_log_append(connection, &wanted, &fault), 0);
        wanted.extra_data = NULL;
        assert_int_equal(system_log_append(connection, &wanted, &fault), 0);
        handle = fixture_open(fixture_path("live.db"));
        assert_int_equal(fixture_integer(handle,
                                         "SELECT count(*) FROM system_logs WHERE action_type = "
                                         "'database_restored' AND message = 'Restauré ; rien n''est perdu' "
                                         "AND "
                                         "severity = 'warning' AND created_at = '2026-01-24 "
                                         "01:46:21.123456' AND "
                                         "user_id IS NULL"),
                        2);
        assert_int_equal(fixture_integer(handle,
                                         "SELECT extra_data ->> 'backup' = 'backup_20260124_014621' FROM "
                                         "system_logs WHERE id = 1"),
                        1);
        assert_int_equal(fixture_integer(handle, "SELECT extra_data IS NULL FROM system_logs WHERE id = 2"),
                        1);
        fixture_close(handle);
}

static void refuse(const SystemLogEntry *wanted, FaultCode code, const char *words)
{
        Fault fault = {0};

        assert_int_equal(system_log_append(connection, wanted, &fault), fault_errno(code));
        fixture_assert_fault(&fault, code, words);
}

static void test_bad_entries(void **state)
{
        SystemLogEntry wanted = entry();

        wanted.severity = _SYSTEM_LOG_SEVERITY_MAX;
        refuse(&wanted, FAULT_INVALID_ARGUMENT, "severity");
        wanted = entry();
        wanted.action_type = "";
        refuse(&wanted, FAULT_INVALID_ARGUMENT, "action type");
        wanted.action_type = "123456789012345678901234567890123456789012345678901";
        refuse(&wanted, FAULT_INVALID_ARGUMENT, "action type");
        wanted = entry();
        wanted.message = "\xff";
        refuse(&wanted, FAULT_INVALID_ARGUMENT, "UTF-8");
        wanted = entry();
        wanted.extra_data = "\"\xc3\"";
        refuse(&wanted, FAULT_INVALID_ARGUMENT, "UTF-8");
        wanted = entry();
        wanted.created_usec = UINT64_MAX;
        refuse(&wanted, FAULT_INVALID_ARGUMENT, "9999");
}

static void test_a_missing_table(void **state)
{
        SystemLogEntry wanted = entry();
        _cleanup_fault_ Fault fault = {0};

        assert_int_equal(connection_execute(connection, "DROP TABLE system_logs", &fault), 0);
        refuse(&wanted, FAULT_NOT_FOUND, "system_logs");
}

static void test_a_corrupt_database(void **state)
{
        SystemLogEntry wanted = entry();
        _cleanup_fault_ Fault fault = {0};
        char rubbish[4096];
        int64_t root;

        assert_int_equal(connection_query_integer(connection,
                                         "SELECT rootpage FROM sqlite_schema WHERE name = 'system_logs'",
                                         &root,
                                         &fault),
                        0);
        memset(rubbish, 0xa5, sizeof rubbish);
        fixture_overwrite(fixture_path("live.db"), (uint64_t) (root - 1) * 4096, rubbish, sizeof rubbish);
        /* The one that is open may have the page in its cache. */
        connection = connection_close(connection);
        assert_int_equal(connection_open(fixture_path("live.db"),
                                         CONNECTION_WRITE,
                                         NULL,
                                         &connection,
                                         &fault),
                        0);
        refuse(&wanted, FAULT_CORRUPT, "live.db");
}

static void test_severities_have_names(void **state)
{
        for (SystemLogSeverity severity = 0; severity < _SYSTEM_LOG_SEVERITY_MAX; severity++)
                assert_int_equal(system_log_severity_from_string(system_log_severity_to_string(severity)),
                                severity);
        assert_int_equal(system_log_severity_from_string("fatal"), _SYSTEM_LOG_SEVERITY_INVALID);
        assert_null(system_log_severity_to_string(_SYSTEM_LOG_SEVERITY_INVALID));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                        TEST(test_a_row_is_written),
                        TEST(test_bad_entries),
                        TEST(test_a_missing_table),
                        TEST(test_a_corrupt_database),
                        TEST(test_severities_have_names),
        };

        return cmocka_run_group_tests_name("system-log", tests, NULL, NULL);
}
