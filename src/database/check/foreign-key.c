/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "database/check/foreign-key.h"

#include <string.h>

/* For a table: how many keys it has, and one row for each that joins well, with the names of the child's
 * column, the parent table and its column.
 *
 * The pragma converts the child's value to the type of the parent's column and compares it as the parent's
 * index does. Between two single columns that are both INTEGER (a declared type with INT in it) and BINARY,
 * "=" does the same, and a parent's column that is its table's whole primary key, or has a UNIQUE index to
 * itself, is one that the pragma accepts. Which columns those are is asked of SQLite, in the words of its
 * own catalogue. */
static const char keys_sql[] =
                "SELECT min(f.\"from\"), min(p.name), min(t.name), count(*)"
                " FROM pragma_foreign_key_list(?1, 'main') AS f"
                " LEFT JOIN main.sqlite_schema AS p ON p.type = 'table' AND p.rootpage > 0"
                "  AND p.name = f.\"table\" COLLATE NOCASE"
                " LEFT JOIN pragma_table_xinfo(p.name, 'main') AS t"
                "  ON t.hidden = 0 AND CASE WHEN f.\"to\" IS NULL THEN t.pk = 1"
                "   ELSE t.name = f.\"to\" COLLATE NOCASE END"
                "  AND t.type LIKE '%INT%'"
                "  AND EXISTS (SELECT 1 FROM pragma_table_xinfo(?1, 'main') AS c"
                "   WHERE c.hidden = 0 AND c.name = f.\"from\" COLLATE NOCASE AND c.type LIKE '%INT%')"
                "  AND (t.pk = 1 AND (SELECT max(pk) FROM pragma_table_xinfo(p.name, 'main')) = 1"
                "   OR EXISTS (SELECT 1 FROM pragma_index_list(p.name, 'main') AS l"
                "    WHERE l.\"unique\" AND NOT l.partial"
                "    AND (SELECT count(*) = 1 AND max(i.name = t.name AND i.coll = 'BINARY')"
                "     FROM pragma_index_xinfo(l.name, 'main') AS i WHERE i.key)))"
                " GROUP BY f.id";

static int count_by_pragma(Connection *connection, const char *table, uint64_t *violations, Fault *fault)
{
        _cleanup_(statement_finalizep) sqlite3_stmt *statement = NULL;
        char *sql = sqlite3_mprintf("PRAGMA main.foreign_key_check(%Q)", table);
        int code;

        if (!sql)
                return fault_set_errno(fault, ENOMEM, "Checking foreign keys");
        code = sqlite3_prepare_v2(connection->handle, sql, -1, &statement, NULL);
        sqlite3_free(sql);
        if (code == SQLITE_OK)
                while ((code = sqlite3_step(statement)) == SQLITE_ROW)
                        (*violations)++;
        if (code == SQLITE_ERROR) { /* "foreign key mismatch": the schema is at fault, not the content */
                (*violations)++;
                return 0;
        }
        if (code != SQLITE_DONE)
                return connection_fault(connection, code, fault, "Checking foreign keys");
        return 0;
}

static bool is_binary(Connection *connection, const char *table, const char *column)
{
        const char *collation = NULL;

        return sqlite3_table_column_metadata(connection->handle,
                               "main",
                               table,
                               column,
                               NULL,
                               &collation,
                               NULL,
                               NULL,
                               NULL) == SQLITE_OK &&
               collation && strcmp(collation, "BINARY") == 0;
}

/* The query that counts one key's violations, to be freed with sqlite3_free(); NULL when it has none that
 * means the same. */
static char *join_sql(Connection *connection, const char *table, sqlite3_stmt *key)
{
        const char *from = (const char *) sqlite3_column_text(key, 0);
        const char *parent = (const char *) sqlite3_column_text(key, 1);
        const char *to = (const char *) sqlite3_column_text(key, 2);

        if (sqlite3_column_int(key, 3) != 1 || !from || !parent || !to ||
                        !is_binary(connection, table, from) || !is_binary(connection, parent, to))
                return NULL;
        return sqlite3_mprintf("SELECT count(*) FROM main.\"%w\" AS c LEFT JOIN main.\"%w\" AS p"
                               " ON p.\"%w\" = c.\"%w\" WHERE c.\"%w\" IS NOT NULL AND p.\"%w\" IS NULL",
                        table,
                        parent,
                        to,
                        from,
                        from,
                        to);
}

int foreign_keys_count(Connection *connection, const char *table, uint64_t *violations, Fault *fault)
{
        _cleanup_(statement_finalizep) sqlite3_stmt *keys = NULL;
        uint64_t counted = 0;
        int code, r;

        if (connection_shadows_pragmas(connection))
                return count_by_pragma(connection, table, violations, fault);
        r = connection_prepare(connection, keys_sql, &keys, fault);
        if (r < 0)
                return r;
        code = sqlite3_bind_text(keys, 1, table, -1, SQLITE_STATIC);
        if (code != SQLITE_OK)
                return connection_fault(connection, code, fault, "Reading the schema");
        while ((code = sqlite3_step(keys)) == SQLITE_ROW) {
                char *sql = join_sql(connection, table, keys);
                int64_t found = 0;

                if (!sql) /* one that does not join well sends the whole table to the pragma */
                        return count_by_pragma(connection, table, violations, fault);
                r = connection_query_integer(connection, sql, &found, fault);
                sqlite3_free(sql);
                if (r < 0)
                        return r;
                counted += (uint64_t) found;
        }
        if (code != SQLITE_DONE)
                return connection_fault(connection, code, fault, "Reading the schema");
        *violations += counted;
        return 0;
}
