/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "database/export/export-table.h"

#include <string.h>
#include <strings.h>

#include "base/utf8.h"

/* What an export that hides secrets leaves out: whoever has one of these can act as somebody else. */
static const struct {
        const char *table;
        const char *column;
} redacted_columns[] = {
                {"persistent_sessions", "session_data"},
                {"persistent_sessions", "session_token"},
                {"users", "password"},
};

static bool is_redacted(const char *table, const char *column)
{
        for (size_t i = 0; i < ELEMENTSOF(redacted_columns); i++)
                if (strcasecmp(table, redacted_columns[i].table) == 0 &&
                                strcasecmp(column, redacted_columns[i].column) == 0)
                        return true;
        return false;
}

ExportTable *export_table_free(ExportTable *table)
{
        if (!table)
                return NULL;
        for (size_t i = 0; i < table->n_columns; i++)
                free(table->columns[i].name);
        free(table->columns);
        free(table->name);
        sqlite3_free(table->order);
        free(table);
        return NULL;
}

char *export_table_column_list(const ExportTable *table, bool redact)
{
        sqlite3_str *list = sqlite3_str_new(NULL);

        for (size_t i = 0; i < table->n_columns; i++) {
                const char *comma = i > 0 ? "," : "";

                if (redact && table->columns[i].redacted)
                        sqlite3_str_appendf(list, "%sNULL", comma);
                else
                        sqlite3_str_appendf(list, "%s\"%w\"", comma, table->columns[i].name);
        }
        return sqlite3_str_finish(list);
}

static int add_column(ExportTable *table, const char *name, Fault *fault)
{
        ExportColumn *columns = reallocarray(table->columns, table->n_columns + 1, sizeof *columns);

        if (!columns)
                return fault_set_errno(fault, ENOMEM, "Reading the columns");
        table->columns = columns;
        columns[table->n_columns] = (ExportColumn){
                        .name = strdup(name),
                        .redacted = is_redacted(table->name, name),
        };
        if (!columns[table->n_columns].name)
                return fault_set_errno(fault, ENOMEM, "Reading the columns");
        table->n_columns++;
        return 0;
}

/* Runs a query of one argument, the table's name, and gives each row to `row`. */
static int for_each_row(Connection *connection,
                ExportTable *table,
                const char *sql,
                int (*row)(ExportTable *table, sqlite3_stmt *statement, Fault *fault),
                Fault *fault)
{
        _cleanup_(statement_finalizep) sqlite3_stmt *statement = NULL;
        int code, r;

        r = connection_prepare(connection, sql, &statement, fault);
        if (r < 0)
                return r;
        code = sqlite3_bind_text(statement, 1, table->name, -1, SQLITE_STATIC);
        if (code != SQLITE_OK)
                return connection_fault(connection, code, fault, "Reading the schema");
        while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
                r = row(table, statement, fault);
                if (r < 0)
                        return r;
        }
        if (code != SQLITE_DONE)
                return connection_fault(connection, code, fault, "Reading the schema");
        return 0;
}

static int on_column(ExportTable *table, sqlite3_stmt *statement, Fault *fault)
{
        const char *name = (const char *) sqlite3_column_text(statement, 0);

        if (!name)
                return fault_set_errno(fault, ENOMEM, "Reading the columns");
        /* 1 is a virtual table's, 2 and 3 are generated. */
        if (sqlite3_column_int(statement, 1) != 0) {
                table->has_generated = true;
                return 0;
        }
        if (!utf8_is_valid(name))
                return fault_set(fault,
                                FAULT_NOT_SUPPORTED,
                                "Table %s has a column whose name is not valid UTF-8, which JSON can't say",
                                table->name);
        return add_column(table, name, fault);
}

static int on_key_column(ExportTable *table, sqlite3_stmt *statement, Fault *fault)
{
        char *longer = sqlite3_mprintf("%s%s\"%w\" COLLATE \"%w\"%s",
                        table->order ? table->order : "",
                        table->order ? "," : "",
                        (const char *) sqlite3_column_text(statement, 0),
                        (const char *) sqlite3_column_text(statement, 1),
                        sqlite3_column_int(statement, 2) ? " DESC" : "");

        sqlite3_free(table->order);
        table->order = longer;
        return longer ? 0 : fault_set_errno(fault, ENOMEM, "Reading the key");
}

static int on_kind(ExportTable *table, sqlite3_stmt *statement, Fault *fault)
{
        static const char *const names[] = {"rowid", "_rowid_", "oid"};

        /* A column of that name hides the row's own number. */
        if (sqlite3_column_int(statement, 0) == 0)
                for (size_t i = 0; i < ELEMENTSOF(names) && !table->rowid; i++)
                        if (sqlite3_column_int(statement, (int) i + 1) == 0)
                                table->rowid = names[i];
        return 0;
}

static int on_autoincrement(ExportTable *table, sqlite3_stmt *statement, Fault *fault)
{
        int is_autoincrement = 0;

        (void) sqlite3_table_column_metadata(sqlite3_db_handle(statement),
                        "main",
                        table->name,
                        (const char *) sqlite3_column_text(statement, 0),
                        NULL,
                        NULL,
                        NULL,
                        NULL,
                        &is_autoincrement);
        table->is_autoincrement = table->is_autoincrement || is_autoincrement;
        return 0;
}

/* A table WITHOUT ROWID answers as its own index does. */
static int load_order(Connection *connection, ExportTable *table, Fault *fault)
{
        int r;

        r = for_each_row(connection,
                        table,
                        "SELECT EXISTS (SELECT 1 FROM temp.pragma_index_xinfo(?1, 'main')),"
                        " (SELECT count(*) FROM temp.pragma_table_xinfo(?1, 'main') WHERE lower(name) = "
                        "'rowid'),"
                        " (SELECT count(*) FROM temp.pragma_table_xinfo(?1, 'main') WHERE lower(name) = "
                        "'_rowid_'),"
                        " (SELECT count(*) FROM temp.pragma_table_xinfo(?1, 'main') WHERE lower(name) = "
                        "'oid')",
                        on_kind,
                        fault);
        if (r < 0)
                return r;
        if (table->rowid) {
                table->order = sqlite3_mprintf("%s", table->rowid);
                return table->order ? 0 : fault_set_errno(fault, ENOMEM, "Reading the key");
        }
        return for_each_row(connection,
                        table,
                        "SELECT x.name, x.coll, x.desc FROM temp.pragma_index_list(?1, 'main') AS l,"
                        " temp.pragma_index_xinfo(l.name, 'main') AS x"
                        " WHERE l.origin = 'pk' AND x.key = 1 ORDER BY x.seqno",
                        on_key_column,
                        fault);
}

int export_table_load(Connection *connection, const char *name, ExportTable **ret, Fault *fault)
{
        _cleanup_(export_table_freep) ExportTable *table = calloc(1, sizeof *table);
        int r;

        if (table)
                table->name = strdup(name);
        if (!table || !table->name)
                return fault_set_errno(fault, ENOMEM, "Reading the schema");
        r = for_each_row(connection,
                        table,
                        "SELECT name, hidden FROM temp.pragma_table_xinfo(?1, 'main') ORDER BY cid",
                        on_column,
                        fault);
        if (r >= 0 && table->n_columns == 0)
                r = fault_set(fault, FAULT_NOT_FOUND, "%s has no table %s", connection->path, name);
        if (r >= 0)
                r = load_order(connection, table, fault);
        if (r >= 0)
                r = for_each_row(connection,
                                table,
                                "SELECT name FROM temp.pragma_table_xinfo(?1, 'main') WHERE pk = 1",
                                on_autoincrement,
                                fault);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(table);
        return 0;
}
