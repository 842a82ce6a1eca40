/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "database/import/import-schema.h"

static const char doing[] = "Writing the schema";

static int run(Connection *connection,
                const char *sql,
                const char *const *values,
                size_t n_values,
                Fault *fault)
{
        _cleanup_(statement_finalizep) sqlite3_stmt *statement = NULL;
        int code = SQLITE_OK, r = connection_prepare(connection, sql, &statement, fault);

        if (r < 0)
                return r;
        for (size_t i = 0; code == SQLITE_OK && i < n_values; i++)
                code = sqlite3_bind_text(statement, (int) i + 1, values[i], -1, SQLITE_STATIC);
        if (code == SQLITE_OK)
                code = sqlite3_step(statement);
        return code == SQLITE_DONE ? 0 : connection_fault(connection, code, fault, doing);
}

int import_schema_write(Connection *connection,
                const char *sql,
                const char *const *values,
                size_t n_values,
                Fault *fault)
{
        int r;

        (void) sqlite3_db_config(connection->handle, SQLITE_DBCONFIG_DEFENSIVE, 0, NULL);
        r = connection_execute(connection, "PRAGMA writable_schema = ON", fault);
        if (r >= 0)
                r = run(connection, sql, values, n_values, fault);
        if (connection_execute(connection, "PRAGMA writable_schema = RESET", r >= 0 ? fault : NULL) < 0 &&
                        r >= 0)
                r = fault_errno(FAULT_FAILED);
        (void) sqlite3_db_config(connection->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
        return r;
}
