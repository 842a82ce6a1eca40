/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "database/statistics/surviving-rows.h"

#include <string.h>

#include "database/schema/table-list.h"

void surviving_rows_done(SurvivingRows *survivors)
{
        for (size_t i = 0; i < survivors->n_tables; i++)
                free(survivors->tables[i].name);
        free(survivors->tables);
        *survivors = (SurvivingRows){0};
}

/* Steps through the rows instead of asking for count(*), so that damage halfway leaves the number before it.
 */
static bool count_rows(Connection *connection, char *sql, uint64_t *ret_rows)
{
        _cleanup_(statement_finalizep) sqlite3_stmt *statement = NULL;
        int code = SQLITE_NOMEM;
        uint64_t rows = 0;

        if (sql)
                code = sqlite3_prepare_v2(connection->handle, sql, -1, &statement, NULL);
        sqlite3_free(sql);
        if (code == SQLITE_OK)
                while ((code = sqlite3_step(statement)) == SQLITE_ROW)
                        rows++;
        *ret_rows = rows;
        return code == SQLITE_DONE;
}

/* The indexes that have one entry for each row, or with `keys` those of a primary key; NULL-terminated, or
 * NULL. Read to the end before any is counted: damage that a count meets could make an open statement begin
 * again. */
static char **whole_indexes(Connection *connection, const char *table, bool keys)
{
        enum { COLUMN_NAME = 1, COLUMN_ORIGIN = 3, COLUMN_PARTIAL = 4 };
        _cleanup_(statement_finalizep) sqlite3_stmt *statement = NULL;
        _cleanup_(string_list_freep) char **names = NULL;
        char *sql = sqlite3_mprintf("PRAGMA main.index_list(%Q)", table);
        size_t n_names = 0;
        int code = SQLITE_NOMEM;

        if (sql)
                code = sqlite3_prepare_v2(connection->handle, sql, -1, &statement, NULL);
        sqlite3_free(sql);
        while (code == SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW) {
                const char *origin = (const char *) sqlite3_column_text(statement, COLUMN_ORIGIN);
                char **larger;

                if (sqlite3_column_int(statement, COLUMN_PARTIAL) || (keys && strcmp(origin, "pk") != 0))
                        continue;
                larger = reallocarray(names, n_names + 2, sizeof *names);
                if (!larger)
                        return NULL;
                names = larger;
                names[n_names + 1] = NULL;
                names[n_names] = strdup((const char *) sqlite3_column_text(statement, COLUMN_NAME));
                if (!names[n_names++])
                        return NULL;
        }
        return TAKE_PTR(names);
}

/* Such a table answers as its own index does. table_list looks at every view as well, see table-list.c. */
static bool is_without_rowid(Connection *connection, const char *table)
{
        _cleanup_(statement_finalizep) sqlite3_stmt *statement = NULL;
        char *sql = sqlite3_mprintf("PRAGMA main.index_xinfo(%Q)", table);
        int code = SQLITE_NOMEM;

        if (sql)
                code = sqlite3_prepare_v2(connection->handle, sql, -1, &statement, NULL);
        sqlite3_free(sql);
        return code == SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW;
}

/* The rows themselves. A table WITHOUT ROWID is its primary key's tree, and NOT INDEXED does not keep SQLite
 * from counting another index of it. */
static bool count_table(Connection *connection, const char *table, uint64_t *ret_rows)
{
        _cleanup_(string_list_freep) char **keys = NULL;

        if (!is_without_rowid(connection, table))
                return count_rows(connection,
                                sqlite3_mprintf("SELECT 1 FROM main.\"%w\" NOT INDEXED", table),
                                ret_rows);
        keys = whole_indexes(connection, table, true);
        *ret_rows = 0;
        return keys && count_rows(connection,
                                       sqlite3_mprintf("SELECT 1 FROM main.\"%w\" INDEXED BY \"%w\"",
                                                       table,
                                                       keys[0]),
                                       ret_rows);
}

/* An index may be whole where its table is not. */
static bool count_by_index(Connection *connection, const char *table, uint64_t *ret_rows)
{
        _cleanup_(string_list_freep) char **names = whole_indexes(connection, table, false);
        bool found = false;

        *ret_rows = 0;
        for (char **name = names; name && *name; name++) {
                uint64_t rows;

                if (!count_rows(connection,
                                    sqlite3_mprintf("SELECT 1 FROM main.\"%w\" INDEXED BY \"%w\"",
                                                    table,
                                                    *name),
                                    &rows))
                        continue;
                found = true;
                *ret_rows = MAX_OF(*ret_rows, rows);
        }
        return found;
}

static int add_table(Connection *connection, const char *name, SurvivingRows *survivors)
{
        SurvivingTable *larger =
                        reallocarray(survivors->tables, survivors->n_tables + 1, sizeof *survivors->tables);
        SurvivingTable table = {.name = strdup(name)};
        uint64_t rows;

        if (larger)
                survivors->tables = larger;
        if (!larger || !table.name) {
                free(table.name);
                return -ENOMEM;
        }
        table.is_whole = count_table(connection, name, &table.rows);
        if (!table.is_whole && count_by_index(connection, name, &rows) && rows >= table.rows) {
                table.rows = rows;
                table.is_whole = true;
        }
        larger[survivors->n_tables++] = table;
        return 0;
}

int surviving_rows_count(const char *path, Progress *progress, SurvivingRows *ret, Fault *fault)
{
        _cleanup_(connection_closep) Connection *connection = NULL;
        _cleanup_(surviving_rows_done) SurvivingRows survivors = {0};
        _cleanup_(table_list_done) TableList list = {0};
        int r;

        r = connection_open(path, CONNECTION_READ, progress, &connection, fault);
        if (r < 0)
                return r;
        survivors.is_whole = table_list_load(connection, &list, NULL) >= 0;
        for (size_t i = 0; i < list.n_tables; i++) {
                const TableEntry *table = &list.tables[i];

                if (table->is_internal || table->kind != TABLE_ORDINARY)
                        continue;
                r = add_table(connection, table->name, &survivors);
                if (r < 0)
                        return fault_set_errno(fault, r, "Counting rows");
        }
        *ret = survivors;
        survivors = (SurvivingRows){0};
        return 0;
}
