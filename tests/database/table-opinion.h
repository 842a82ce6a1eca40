/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What SQLite says of one table: the other side of what the index proof is tested and fuzzed against. */

#include "database/check/check-pragma.h"

/* Whether that pragma, of the table alone, finds nothing: no damage, and no row that breaks a rule. */
static inline bool table_says_ok(Connection *connection, const char *pragma, const char *table)
{
        _cleanup_(check_result_done) CheckResult result = {0};
        char *sql = sqlite3_mprintf("PRAGMA main.%s(%Q)", pragma, table);
        uint64_t rows;
        int r = check_pragma_run(connection, sql, &result, &rows, NULL);

        sqlite3_free(sql);
        return r >= 0 && result.n_findings == 0 && result.constraint_violations == 0;
}
