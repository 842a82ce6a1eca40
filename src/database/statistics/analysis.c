/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "database/statistics/analysis.h"

#define STRINGIFY_AGAIN(number) #number
#define STRINGIFY(number) STRINGIFY_AGAIN(number)

/* *ret is the number of rows at the last analysis, -1 when there was none. Every row of the table begins
 * with it ("1000 20 1"). */
static int last_rows(Connection *connection, const char *table, int64_t *ret, Fault *fault)
{
        static const char exists[] = "SELECT count(*) FROM main.sqlite_schema WHERE name = 'sqlite_stat1'";
        static const char sql[] = "SELECT max(CAST(stat AS INTEGER)) FROM main.sqlite_stat1 WHERE tbl = ?1";
        _cleanup_(statement_finalizep) sqlite3_stmt *statement = NULL;
        int64_t n;
        int code, r = connection_query_integer(connection, exists, &n, fault);

        if (r < 0)
                return r;
        *ret = -1;
        if (n == 0)
                return 0;
        r = connection_prepare(connection, sql, &statement, fault);
        if (r < 0)
                return r;
        code = sqlite3_bind_text(statement, 1, table, -1, SQLITE_STATIC);
        if (code == SQLITE_OK)
                code = sqlite3_step(statement);
        if (code != SQLITE_ROW)
                return connection_fault(connection, code, fault, sql);
        if (sqlite3_column_type(statement, 0) != SQLITE_NULL)
                *ret = sqlite3_column_int64(statement, 0);
        return 0;
}

int analysis_pays(Connection *connection, const char *table, uint64_t rows, bool *ret, Fault *fault)
{
        int64_t last;
        int r;

        if (rows < ANALYSIS_ROWS_MIN) {
                *ret = false;
                return 0;
        }
        r = last_rows(connection, table, &last, fault);
        if (r < 0)
                return r;
        *ret = last < 0 || (uint64_t) last > rows * ANALYSIS_FACTOR ||
               (uint64_t) last < rows / ANALYSIS_FACTOR;
        return 0;
}

int analysis_run(Connection *connection, const char *table, Fault *fault)
{
        char *sql = sqlite3_mprintf("ANALYZE main.\"%w\"", table);
        int r;

        if (!sql)
                return connection_fault(connection, SQLITE_NOMEM, fault, "Analyzing a table");
        r = connection_execute(connection, "PRAGMA analysis_limit=" STRINGIFY(ANALYSIS_ROWS_READ), fault);
        if (r >= 0)
                r = connection_execute(connection, sql, fault);
        sqlite3_free(sql);
        return r;
}
