/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "records/extra-data.h"

/* json_type() fails on what is no JSON, and AND promises no order. Newer ones take JSON5, which the
 * application's reader does not. */
static const char sql[] = "SELECT CASE WHEN json_valid(?1) THEN json_type(?1) = 'object' ELSE 0 END";

int extra_data_is_object(Connection *connection, sqlite3_stmt **statement, const char *text, Fault *fault)
{
        bool is_object;
        int code, r = *statement ? 0 : connection_prepare(connection, sql, statement, fault);

        if (r < 0)
                return r;
        code = sqlite3_bind_text(*statement, 1, text, -1, SQLITE_STATIC);
        if (code == SQLITE_OK)
                code = sqlite3_step(*statement);
        is_object = code == SQLITE_ROW && sqlite3_column_int(*statement, 0);
        (void) sqlite3_reset(*statement);
        return code == SQLITE_ROW ? is_object
                                  : connection_fault(connection, code, fault, "Reading extra_data");
}
