/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "records/log-retention.h"

#include "base/timestamp.h"

#define REMOVE(table)                                                                               \
        "DELETE FROM main." table " WHERE id IN (SELECT id FROM main." table                        \
        " WHERE created_at >= '' AND created_at < ?1"                                               \
        " AND id < (SELECT id FROM main." table " WHERE id > 0 ORDER BY id DESC LIMIT 1 OFFSET ?3)" \
        " ORDER BY created_at LIMIT ?2)"

static const char *const statements[_LOG_TABLE_MAX] = {
                [LOG_SYSTEM] = REMOVE("system_logs"),
                [LOG_ACCESS] = REMOVE("access_logs"),
};

const char *log_retention_sql(LogTable table)
{
        return statements[table];
}

int log_retention_step(Connection *connection,
                LogTable table,
                uint64_t before_usec,
                unsigned *ret_removed,
                Fault *fault)
{
        _cleanup_(statement_finalizep) sqlite3_stmt *statement = NULL;
        char before[TIMESTAMP_RFC3339_MAX];
        int code, r;

        r = timestamp_format_datetime(before_usec, before);
        if (r < 0)
                return fault_set_errno(fault, r, "Removing old rows of %s", log_table_to_string(table));
        r = connection_prepare(connection, log_retention_sql(table), &statement, fault);
        if (r < 0)
                return r;
        code = sqlite3_bind_text(statement, 1, before, -1, SQLITE_STATIC);
        if (code == SQLITE_OK)
                code = sqlite3_bind_int(statement, 2, LOG_RETENTION_STEP_ROWS);
        if (code == SQLITE_OK)
                code = sqlite3_bind_int(statement, 3, LOG_RETENTION_KEPT_ROWS - 1);
        if (code == SQLITE_OK)
                code = sqlite3_step(statement);
        if (code != SQLITE_DONE)
                return connection_fault(connection, code, fault, "Removing old rows of the log");
        *ret_removed = (unsigned) sqlite3_changes(connection->handle);
        return 0;
}
