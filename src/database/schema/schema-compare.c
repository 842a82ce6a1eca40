/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "database/schema/schema-compare.h"

#include <stdarg.h>
#include <string.h>
#include <strings.h>

#include "database/connection/table-columns.h"

static const char doing[] = "Comparing the tables";

static int _printf_(4, 5) append(char ***list, size_t *n, Fault *fault, const char *format, ...)
{
        char **larger = reallocarray(*list, *n + 2, sizeof *larger);
        char *text = NULL;
        va_list arguments;
        int length;

        if (!larger)
                return fault_set_errno(fault, ENOMEM, "%s", doing);
        *list = larger;
        larger[*n] = NULL;
        va_start(arguments, format);
        length = vasprintf(&text, format, arguments);
        va_end(arguments);
        if (length < 0)
                return fault_set_errno(fault, ENOMEM, "%s", doing);
        larger[(*n)++] = text;
        larger[*n] = NULL;
        return 0;
}

#define add_difference(report, fault, ...) \
        append(&(report)->differences, &(report)->n_differences, fault, __VA_ARGS__)

/* Prepares with ?1, and ?2 when it is not NULL. Both must outlive the statement. */
static int prepare_bound(Connection *connection,
                const char *sql,
                const char *first,
                const char *second,
                sqlite3_stmt **ret,
                Fault *fault)
{
        _cleanup_(statement_finalizep) sqlite3_stmt *statement = NULL;
        int code, r = connection_prepare(connection, sql, &statement, fault);

        if (r < 0)
                return r;
        code = sqlite3_bind_text(statement, 1, first, -1, SQLITE_STATIC);
        if (code == SQLITE_OK && second)
                code = sqlite3_bind_text(statement, 2, second, -1, SQLITE_STATIC);
        if (code != SQLITE_OK)
                return connection_fault(connection, code, fault, doing);
        *ret = TAKE_PTR(statement);
        return 0;
}

/* Steps; *ret_row says whether there is one. */
static int step(Connection *connection, sqlite3_stmt *statement, bool *ret_row, Fault *fault)
{
        int code = sqlite3_step(statement);

        if (code != SQLITE_ROW && code != SQLITE_DONE)
                return connection_fault(connection, code, fault, doing);
        *ret_row = code == SQLITE_ROW;
        return 0;
}

static const char *text_of(sqlite3_stmt *statement, int column)
{
        return (const char *) sqlite3_column_text(statement, column);
}

/* The kind of thing that has this name ("table", "view", "index"), or NULL. Owned by the caller. */
static int find_kind(Connection *connection, const char *name, char **ret, Fault *fault)
{
        _cleanup_(statement_finalizep) sqlite3_stmt *statement = NULL;
        char *kind = NULL;
        bool row = false;
        int r = prepare_bound(connection,
                        "SELECT type FROM main.sqlite_schema WHERE name = ?1 COLLATE NOCASE"
                        " AND type <> 'trigger'",
                        name,
                        NULL,
                        &statement,
                        fault);

        if (r >= 0)
                r = step(connection, statement, &row, fault);
        if (r < 0)
                return r;
        if (row) {
                kind = strdup(text_of(statement, 0));
                if (!kind)
                        return fault_set_errno(fault, ENOMEM, "%s", doing);
        }
        *ret = kind;
        return 0;
}

static int has_row(Connection *connection,
                const char *sql,
                const char *first,
                const char *second,
                bool *ret,
                Fault *fault)
{
        _cleanup_(statement_finalizep) sqlite3_stmt *statement = NULL;
        int r = prepare_bound(connection, sql, first, second, &statement, fault);

        return r < 0 ? r : step(connection, statement, ret, fault);
}

static int compare_index(Connection *connection,
                const SchemaObject *object,
                const char *kind,
                SchemaReport *report,
                SchemaState *ret,
                Fault *fault)
{
        /* ix_TABLE_COLUMN */
        const char *column = object->name + strlen("ix_") + strlen(object->table) + 1;
        bool covered = false, has_column = false;
        int r;

        r = has_row(connection,
                        "SELECT 1 FROM temp.pragma_index_list(?1) AS l, temp.pragma_index_info(l.name) AS i"
                        " WHERE NOT l.partial AND i.seqno = 0 AND i.name = ?2 COLLATE NOCASE",
                        object->table,
                        column,
                        &covered,
                        fault);
        if (r >= 0)
                r = has_row(connection,
                                "SELECT 1 FROM temp.pragma_table_info(?1) WHERE name = ?2 COLLATE NOCASE",
                                object->table,
                                column,
                                &has_column,
                                fault);
        if (r < 0)
                return r;

        *ret = covered               ? SCHEMA_STATE_PRESENT
               : kind || !has_column ? SCHEMA_STATE_UNFIT
                                     : SCHEMA_STATE_MISSING;
        if (*ret == SCHEMA_STATE_UNFIT && kind)
                return add_difference(report,
                                fault,
                                "%s: no index for %s.%s, but the name is taken",
                                object->name,
                                object->table,
                                column);
        return 0;
}

int schema_compare(Connection *connection,
                const SchemaObject *object,
                SchemaReport *report,
                SchemaState *ret,
                Fault *fault)
{
        _cleanup_free_ char *kind = NULL, *table_kind = NULL;
        int r;

        r = find_kind(connection, object->name, &kind, fault);
        if (r >= 0)
                r = find_kind(connection, object->table, &table_kind, fault);
        if (r < 0)
                return r;

        if (!table_kind)
                *ret = SCHEMA_STATE_MISSING;
        else if (strcmp(table_kind, "table") != 0) {
                *ret = SCHEMA_STATE_UNFIT;
                if (strcmp(object->type, "table") == 0)
                        return add_difference(report,
                                        fault,
                                        "%s: a %s instead of a table",
                                        object->name,
                                        table_kind);
        } else if (strcmp(object->type, "index") == 0)
                return compare_index(connection, object, kind, report, ret, fault);
        else
                *ret = SCHEMA_STATE_PRESENT;
        return 0;
}

/* The rules of section 3.1 of "Datatypes In SQLite", in their order. */
static bool holds_texts(const char *type)
{
        return !strcasestr(type, "INT") &&
               (strcasestr(type, "CHAR") || strcasestr(type, "CLOB") || strcasestr(type, "TEXT"));
}

static bool holds_anything(const char *type)
{
        return !type[0] || (!strcasestr(type, "INT") && !holds_texts(type) && strcasestr(type, "BLOB"));
}

/* Type, and whether it is the primary key, or UNIQUE by itself. */
static const char column_sql[] =
                "SELECT c.type, c.pk, c.pk OR EXISTS (SELECT 1 FROM temp.pragma_index_list(?1) AS l"
                "  WHERE l.\"unique\" AND NOT l.partial"
                "  AND (SELECT group_concat(i.name) FROM temp.pragma_index_info(l.name) AS i) = c.name)"
                " FROM temp.pragma_table_info(?1) AS c WHERE c.name = ?2 COLLATE NOCASE";

static int compare_column(const SchemaNeed *need, sqlite3_stmt *found, SchemaReport *report, Fault *fault)
{
        const char *type = text_of(found, 0);
        int r = 0;

        switch (need->kind) {
        case SCHEMA_NEED_KEY:
                if (sqlite3_stricmp(type, "INTEGER") != 0 || !sqlite3_column_int(found, 1))
                        r = add_difference(report,
                                        fault,
                                        "%s.%s: no INTEGER PRIMARY KEY; a new row would get no id",
                                        need->table,
                                        need->column);
                break;
        case SCHEMA_NEED_NAME:
        case SCHEMA_NEED_TEXT:
                if (!holds_texts(type) && !holds_anything(type))
                        r = add_difference(report,
                                        fault,
                                        "%s.%s: %s turns a text such as 007 into a number",
                                        need->table,
                                        need->column,
                                        type);
                break;
        case SCHEMA_NEED_NUMBER:
                if (holds_texts(type))
                        r = add_difference(report,
                                        fault,
                                        "%s.%s: %s turns numbers into texts, which compare as such",
                                        need->table,
                                        need->column,
                                        type);
                break;
        case SCHEMA_NEED_ANY:
        default:
                break;
        }
        if (r >= 0 && need->kind == SCHEMA_NEED_NAME && !sqlite3_column_int(found, 2))
                r = add_difference(report,
                                fault,
                                "%s.%s: not UNIQUE; of two rows with one name only one is found",
                                need->table,
                                need->column);
        return r;
}

static int compare_need(Connection *connection, const SchemaNeed *need, SchemaReport *report, Fault *fault)
{
        _cleanup_(statement_finalizep) sqlite3_stmt *found = NULL;
        bool row = false;
        int r = prepare_bound(connection, column_sql, need->table, need->column, &found, fault);

        if (r >= 0)
                r = step(connection, found, &row, fault);
        if (r < 0)
                return r;
        if (row)
                return compare_column(need, found, report, fault);
        if (!need->cost)
                return add_difference(report,
                                fault,
                                "%s.%s: missing; without it the interface for this table can't work",
                                need->table,
                                need->column);
        return append(&report->costs,
                        &report->n_costs,
                        fault,
                        "%s.%s: %s",
                        need->table,
                        need->column,
                        need->cost);
}

int schema_compare_needs(Connection *connection, SchemaReport *report, Fault *fault)
{
        for (size_t i = 0; i < schema_n_needs; i++) {
                bool is_there;
                int r = table_has_columns(connection, schema_needs[i].table, &is_there, fault);

                if (r >= 0 && is_there)
                        r = compare_need(connection, &schema_needs[i], report, fault);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* An in-memory database with the declared tables, so that no text of SQL has to be understood. */
static int open_reference(Connection **ret, Fault *fault)
{
        _cleanup_(connection_closep) Connection *reference = calloc(1, sizeof *reference);
        int code, r = 0;

        if (!reference)
                return fault_set_errno(fault, ENOMEM, "%s", doing);
        reference->path = strdup("The service's own tables");
        if (!reference->path)
                return fault_set_errno(fault, ENOMEM, "%s", doing);
        code = sqlite3_open_v2(":memory:",
                        &reference->handle,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
                        NULL);
        if (code != SQLITE_OK)
                return connection_fault(reference, code, fault, "Opening a database in memory");
        for (size_t i = 0; r >= 0 && i < schema_n_objects; i++)
                if (strcmp(schema_objects[i].type, "table") == 0)
                        r = connection_execute(reference, schema_objects[i].sql, fault);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(reference);
        return 0;
}

static int resembles(
                Connection *connection, Connection *reference, const char *table, bool *ret, Fault *fault)
{
        _cleanup_(statement_finalizep) sqlite3_stmt *wanted = NULL;
        unsigned n_columns = 0, n_found = 0;
        bool row = true, all_required = true;
        int r = prepare_bound(reference,
                        "SELECT name, \"notnull\" FROM temp.pragma_table_info(?1)",
                        table,
                        NULL,
                        &wanted,
                        fault);

        while (r >= 0 && (r = step(reference, wanted, &row, fault)) >= 0 && row) {
                bool is_there = false;

                r = table_has_column(connection, table, text_of(wanted, 0), &is_there, fault);
                n_columns++;
                n_found += is_there;
                all_required &= is_there || !sqlite3_column_int(wanted, 1);
        }
        if (r < 0)
                return r;
        *ret = all_required && 2 * n_found >= n_columns;
        return 0;
}

int schema_has_ours(Connection *connection, bool *ret, Fault *fault)
{
        _cleanup_(connection_closep) Connection *reference = NULL;
        bool found = false;
        int r = open_reference(&reference, fault);

        for (size_t i = 0; r >= 0 && !found && i < schema_n_objects; i++) {
                bool is_there = false;

                if (strcmp(schema_objects[i].type, "table") != 0)
                        continue;
                r = table_has_columns(connection, schema_objects[i].table, &is_there, fault);
                if (r >= 0 && is_there)
                        r = resembles(connection, reference, schema_objects[i].table, &found, fault);
        }
        if (r < 0)
                return r;
        *ret = found;
        return 0;
}
