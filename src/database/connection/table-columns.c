/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "database/connection/table-columns.h"

#include <string.h>

static const char doing[] = "Reading which columns there are";

typedef struct Table {
        char *name;
        char **columns;
        size_t n_columns;
} Table;

typedef struct Statement {
        const char *template;
        char *sql;
} Statement;

struct TableColumns {
        int64_t schema_version;
        Table *tables;
        size_t n_tables;
        Statement *statements;
        size_t n_statements;
};

static void table_done(Table *table)
{
        for (size_t i = 0; i < table->n_columns; i++)
                free(table->columns[i]);
        free(table->columns);
        free(table->name);
        *table = (Table){0};
}

static void forget_all(TableColumns *known)
{
        while (known->n_tables > 0)
                table_done(&known->tables[--known->n_tables]);
        while (known->n_statements > 0)
                free(known->statements[--known->n_statements].sql);
}

TableColumns *table_columns_free(TableColumns *known)
{
        if (!known)
                return NULL;
        forget_all(known);
        free(known->tables);
        free(known->statements);
        free(known);
        return NULL;
}

/* *ret is empty when the schema has changed since it was filled. */
static int known_of(Connection *connection, TableColumns **ret, Fault *fault)
{
        int64_t version;
        int r = connection_query_integer(connection, "PRAGMA main.schema_version", &version, fault);

        if (r < 0)
                return r;
        if (!connection->columns) {
                connection->columns = calloc(1, sizeof *connection->columns);
                if (!connection->columns) {
                        (void) fault_set_errno(fault, ENOMEM, "%s", doing);
                        return -ENOMEM;
                }
        } else if (connection->columns->schema_version != version)
                forget_all(connection->columns);
        connection->columns->schema_version = version;
        *ret = connection->columns;
        return 0;
}

static int add_column(Table *table, const char *name)
{
        char **larger = reallocarray(table->columns, table->n_columns + 1, sizeof *larger);

        if (!larger)
                return SQLITE_NOMEM;
        table->columns = larger;
        larger[table->n_columns] = name ? strdup(name) : NULL;
        if (!larger[table->n_columns])
                return SQLITE_NOMEM;
        table->n_columns++;
        return SQLITE_OK;
}

static int read_columns(Connection *connection, Table *table, Fault *fault)
{
        _cleanup_(statement_finalizep) sqlite3_stmt *statement = NULL, *pin = NULL;
        char *sql = sqlite3_mprintf("PRAGMA main.table_info(%Q)", table->name);
        int code, r;

        if (!sql)
                return fault_set_errno(fault, ENOMEM, "%s", doing);
        /* The pragma itself answers from memory, however the file has changed since it was read. */
        r = connection_pin(connection, &pin, fault);
        if (r >= 0)
                r = connection_prepare(connection, sql, &statement, fault);
        sqlite3_free(sql);
        if (r < 0)
                return r;
        while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
                code = add_column(table, (const char *) sqlite3_column_text(statement, 1));
                if (code != SQLITE_OK)
                        break;
        }
        return code == SQLITE_DONE ? 0 : connection_fault(connection, code, fault, doing);
}

static int find_table(Connection *connection, const char *name, const Table **ret, Fault *fault)
{
        TableColumns *known;
        Table table = {0}, *larger;
        int r = known_of(connection, &known, fault);

        if (r < 0)
                return r;
        for (size_t i = 0; i < known->n_tables; i++)
                if (sqlite3_stricmp(known->tables[i].name, name) == 0) {
                        *ret = &known->tables[i];
                        return 0;
                }
        larger = reallocarray(known->tables, known->n_tables + 1, sizeof *larger);
        if (larger)
                known->tables = larger;
        table.name = larger ? strdup(name) : NULL;
        r = table.name ? read_columns(connection, &table, fault)
                       : fault_set_errno(fault, ENOMEM, "%s", doing);
        if (r < 0) {
                table_done(&table);
                return r;
        }
        known->tables[known->n_tables] = table;
        *ret = &known->tables[known->n_tables++];
        return 0;
}

int table_has_columns(Connection *connection, const char *table, bool *ret, Fault *fault)
{
        const Table *found;
        int r = find_table(connection, table, &found, fault);

        if (r < 0)
                return r;
        *ret = found->n_columns > 0;
        return 0;
}

static bool has(const Table *table, const char *column)
{
        for (size_t i = 0; i < table->n_columns; i++)
                if (sqlite3_stricmp(table->columns[i], column) == 0)
                        return true;
        return false;
}

int table_has_column(Connection *connection, const char *table, const char *column, bool *ret, Fault *fault)
{
        const Table *found;
        int r = find_table(connection, table, &found, fault);

        if (r < 0)
                return r;
        *ret = has(found, column);
        return 0;
}

int table_require_columns(Connection *connection,
                const char *table,
                const char *const *columns,
                const char *what,
                Fault *fault)
{
        const Table *found;
        int r = find_table(connection, table, &found, fault);

        if (r < 0 || found->n_columns == 0)
                return r;
        for (; *columns; columns++)
                if (!has(found, *columns))
                        return fault_set(fault,
                                        FAULT_NOT_SUPPORTED,
                                        "%s: the table %s has no column %s, which %s can't do without; add "
                                        "it with the application's own migration",
                                        connection->path,
                                        table,
                                        *columns,
                                        what);
        return 0;
}

/* One part, without its braces: "TABLE.COLUMN", "TABLE.COLUMN:TEXT" or "TABLE.COLUMN:TEXT|OTHERWISE". */
static int expand_part(Connection *connection, FILE *out, const char *part, size_t length, Fault *fault)
{
        char name[128];
        const char *text = memchr(part, ':', length), *otherwise, *end = part + length;
        size_t name_length = text ? (size_t) (text - part) : length;
        char *dot;
        bool is_there;
        int r;

        if (name_length >= sizeof name)
                return fault_set(fault, FAULT_FAILED, "%s: a part is too long", doing);
        (void) memcpy(name, part, name_length);
        name[name_length] = '\0';
        dot = strchr(name, '.');
        if (!dot)
                return fault_set(fault, FAULT_FAILED, "%s: '%s' names no column", doing, name);
        *dot = '\0';
        r = table_has_column(connection, name, dot + 1, &is_there, fault);
        if (r < 0)
                return r;
        if (!text) {
                (void) fputs(is_there ? dot + 1 : "NULL", out);
                return 0;
        }
        text++;
        otherwise = memchr(text, '|', (size_t) (end - text));
        if (is_there)
                (void) fwrite(text, 1, (size_t) ((otherwise ? otherwise : end) - text), out);
        else if (otherwise)
                (void) fwrite(otherwise + 1, 1, (size_t) (end - otherwise - 1), out);
        return 0;
}

int table_expand(Connection *connection, const char *template, char **ret, Fault *fault)
{
        _cleanup_free_ char *sql = NULL;
        size_t size = 0;
        FILE *out = open_memstream(&sql, &size);
        int r = 0;

        if (!out)
                return fault_set_errno(fault, errno, "%s", doing);
        while (r >= 0 && *template) {
                const char *open = strchrnul(template, '{'), *close = strchr(open, '}');

                (void) fwrite(template, 1, (size_t) (open - template), out);
                if (!close)
                        break;
                r = expand_part(connection, out, open + 1, (size_t) (close - open - 1), fault);
                template = close + 1;
        }
        if (fclose(out) != 0 && r >= 0)
                r = fault_set_errno(fault, ENOMEM, "%s", doing);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(sql);
        return 0;
}

static const char *find_statement(const TableColumns *known, const char *template)
{
        for (size_t i = 0; i < known->n_statements; i++)
                if (known->statements[i].template == template)
                        return known->statements[i].sql;
        return NULL;
}

int table_prepare(Connection *connection, const char *template, sqlite3_stmt **ret, Fault *fault)
{
        TableColumns *known;
        Statement *larger;
        const char *sql;
        char *made = NULL;
        int r = known_of(connection, &known, fault);

        if (r < 0)
                return r;
        sql = find_statement(known, template);
        if (sql)
                return connection_prepare(connection, sql, ret, fault);
        r = table_expand(connection, template, &made, fault);
        if (r < 0)
                return r;
        larger = reallocarray(known->statements, known->n_statements + 1, sizeof *larger);
        if (!larger) {
                free(made);
                return fault_set_errno(fault, ENOMEM, "%s", doing);
        }
        known->statements = larger;
        larger[known->n_statements++] = (Statement){template, made};
        return connection_prepare(connection, made, ret, fault);
}
