/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "log-fixture.h"

#include <string.h>

#include "database/connection/table-columns.h"
#include "database/schema/schema.h"

Connection *log_connection;

int log_setup(void **state)
{
        _cleanup_fault_ Fault fault = {0};
        SchemaReport report = {0};

        if (fixture_setup(state) != 0)
                return -1;
        fixture_write(fixture_path("live.db"), "", 0);
        log_connection = fixture_connect(fixture_path("live.db"), CONNECTION_WRITE);
        assert_int_equal(schema_migrate(log_connection, NOW_USEC, &report, &fault), 0);
        schema_report_done(&report);
        assert_int_equal(connection_execute(log_connection,
                                         "INSERT INTO users(id, username, password) VALUES(1, 'ann', 'x')",
                                         &fault),
                        0);
        return 0;
}

int log_teardown(void **state)
{
        log_connection = connection_close(log_connection);
        return fixture_teardown(state);
}

LogEntry log_system_entry(void)
{
        return (LogEntry){
                        .table = LOG_SYSTEM,
                        .created_usec = NOW_USEC,
                        .action_type = "database_restored",
                        .message = "Restaur\xc3\xa9 ; rien n'est perdu",
                        .severity = "warning",
                        .extra_data = "{\"backup\":\"backup_20260124_014621\"}",
        };
}

LogEntry log_access_entry(void)
{
        return (LogEntry){
                        .table = LOG_ACCESS,
                        .created_usec = NOW_USEC,
                        .action_type = "sign_in",
                        .user_id = 1,
                        .ip_address = "2001:db8::1",
                        .subscription_plan = "free",
                        .match_id = 7,
        };
}

int64_t log_add(const LogEntry *entry)
{
        LogEntry copy = *entry;
        LogItem item = {.entry = &copy}, *items[] = {&item};
        Fault fault = {0};

        assert_int_equal(log_write(log_connection, items, 1, &fault), 0);
        assert_int_equal(item.fault.code, FAULT_NONE);
        return item.id;
}

void log_assert_plan(const char *sql)
{
        _cleanup_(statement_finalizep) sqlite3_stmt *statement = NULL;
        _cleanup_free_ char *expanded = NULL;
        char *explain;

        assert_int_equal(table_expand(log_connection, sql, &expanded, NULL), 0);
        explain = sqlite3_mprintf("EXPLAIN QUERY PLAN %s", expanded);
        assert_non_null(explain);
        assert_int_equal(connection_prepare(log_connection, explain, &statement, NULL), 0);
        sqlite3_free(explain);
        while (sqlite3_step(statement) == SQLITE_ROW) {
                const char *step = (const char *) sqlite3_column_text(statement, 3);

                if (strstr(step, "TEMP B-TREE") || strncmp(step, "SCAN main.", strlen("SCAN main.")) == 0)
                        fail_msg("%s: %s", sql, step);
        }
}
