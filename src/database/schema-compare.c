/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "database/schema-compare.h"

#include <ctype.h>
#include <stdarg.h>
#include <string.h>

/* One row for each column (of that name, when ?2 is given): name, type, NOT NULL, default, primary key,
 * "table.column" that it references, and whether it alone is UNIQUE, by a constraint or by an index. */
static const char columns_sql[] =
                "SELECT c.name, c.type, c.\"notnull\", c.dflt_value, c.pk,"
                " (SELECT f.\"table\" || '.' || coalesce(f.\"to\", 'id') FROM "
                "temp.pragma_foreign_key_list(?1) "
                "AS f"
                "  WHERE f.\"from\" = c.name COLLATE NOCASE),"
                " EXISTS (SELECT 1 FROM temp.pragma_index_list(?1) AS l WHERE l.\"unique\" AND NOT l.partial"
                "  AND (SELECT group_concat(i.name) FROM temp.pragma_index_info(l.name) AS i) = c.name)"
                " FROM temp.pragma_table_info(?1) AS c WHERE ?2 IS NULL OR c.name = ?2 COLLATE NOCASE";

enum {
        COLUMN_NAME,
        COLUMN_TYPE,
        COLUMN_NOT_NULL,
        COLUMN_DEFAULT,
        COLUMN_PRIMARY_KEY,
        COLUMN_REFERENCES,
        COLUMN_UNIQUE,
};

static int _printf_(3, 4) add_difference(SchemaReport *report, Fault *fault, const char *format, ...)
{
        char **larger = reallocarray(report->differences, report->n_differences + 2, sizeof *larger);
        char *text = NULL;
        va_list arguments;
        int length;

        if (!larger)
                return fault_set_errno(fault, ENOMEM, "Comparing the tables");
        report->differences = larger;
        larger[report->n_differences] = NULL;
        va_start(arguments, format);
        length = vasprintf(&text, format, arguments);
        va_end(arguments);
        if (length < 0)
                return fault_set_errno(fault, ENOMEM, "Comparing the tables");
        larger[report->n_differences++] = text;
        larger[report->n_differences] = NULL;
        return 0;
}

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
                return connection_fault(connection, code, fault, "Comparing the tables");
        *ret = TAKE_PTR(statement);
        return 0;
}

/* Steps; *ret_row says whether there is one. */
static int step(Connection *connection, sqlite3_stmt *statement, bool *ret_row, Fault *fault)
{
        int code = sqlite3_step(statement);

        if (code != SQLITE_ROW && code != SQLITE_DONE)
                return connection_fault(connection, code, fault, "Comparing the tables");
        *ret_row = code == SQLITE_ROW;
        return 0;
}

static const char *text_of(sqlite3_stmt *statement, int column)
{
        return (const char *) sqlite3_column_text(statement, column);
}

static bool is_quoted(const char *text)
{
        return text[0] == '\'' || text[0] == '"';
}

/* The same default has several spellings: SQLAlchemy writes DEFAULT '0' and DEFAULT (CURRENT_TIMESTAMP). */
static bool same_default(const char *wanted, const char *found)
{
        size_t length;

        if (!wanted || !found)
                return wanted == found;
        if (strcmp(wanted, found) == 0)
                return true;
        length = strlen(found);
        if (is_quoted(wanted))
                return is_quoted(found) && strlen(wanted) == length &&
                       strncmp(wanted + 1, found + 1, length - 2) == 0;
        if (!isdigit((unsigned char) wanted[0]))
                return sqlite3_stricmp(wanted, found) == 0;
        if (sqlite3_stricmp(found, "true") == 0)
                return strcmp(wanted, "1") == 0;
        if (sqlite3_stricmp(found, "false") == 0)
                return strcmp(wanted, "0") == 0;
        return is_quoted(found) && strlen(wanted) == length - 2 &&
               strncmp(wanted, found + 1, length - 2) == 0;
}

typedef struct Column {
        Connection *connection;
        const char *table;
        sqlite3_stmt *wanted, *found;
        SchemaReport *report;
} Column;

static int differ(const Column *column, Fault *fault, const char *found, const char *wanted)
{
        return add_difference(column->report,
                        fault,
                        "%s.%s: %s instead of %s",
                        column->table,
                        text_of(column->wanted, COLUMN_NAME),
                        found,
                        wanted);
}

static int compare_flag(
                const Column *column, int index, const char *name, const char *otherwise, Fault *fault)
{
        bool wanted = sqlite3_column_int(column->wanted, index) != 0;
        bool found = sqlite3_column_int(column->found, index) != 0;

        if (wanted == found)
                return 0;
        return differ(column, fault, found ? name : otherwise, wanted ? name : otherwise);
}

static int compare_words(const Column *column, int index, const char *name, Fault *fault)
{
        const char *wanted = text_of(column->wanted, index), *found = text_of(column->found, index);
        _cleanup_free_ char *wanted_words = NULL, *found_words = NULL;
        bool same = index == COLUMN_DEFAULT ? same_default(wanted, found)
                    : !wanted || !found     ? wanted == found
                                            : sqlite3_stricmp(wanted, found) == 0;

        if (same)
                return 0;
        if (asprintf(&wanted_words, "%s %s", wanted ? name : "no", wanted ? wanted : name) < 0)
                wanted_words = NULL;
        if (asprintf(&found_words, "%s %s", found ? name : "no", found ? found : name) < 0)
                found_words = NULL;
        if (!wanted_words || !found_words)
                return fault_set_errno(fault, ENOMEM, "Comparing the tables");
        return differ(column, fault, found_words, wanted_words);
}

static int compare_column(const Column *column, Fault *fault)
{
        const char *wanted_type = text_of(column->wanted, COLUMN_TYPE);
        const char *found_type = text_of(column->found, COLUMN_TYPE);
        bool primary_key = sqlite3_column_int(column->wanted, COLUMN_PRIMARY_KEY) != 0;
        int r = 0;

        if (sqlite3_stricmp(wanted_type, found_type) != 0)
                r = differ(column, fault, found_type[0] ? found_type : "no type", wanted_type);
        if (r >= 0)
                r = compare_flag(column, COLUMN_PRIMARY_KEY, "PRIMARY KEY", "not PRIMARY KEY", fault);
        /* An INTEGER PRIMARY KEY is never NULL and always unique, whether that is written or not. */
        if (r >= 0 && !primary_key)
                r = compare_flag(column, COLUMN_NOT_NULL, "NOT NULL", "NULL allowed", fault);
        if (r >= 0 && !primary_key)
                r = compare_flag(column, COLUMN_UNIQUE, "UNIQUE", "not UNIQUE", fault);
        if (r >= 0)
                r = compare_words(column, COLUMN_DEFAULT, "DEFAULT", fault);
        if (r >= 0)
                r = compare_words(column, COLUMN_REFERENCES, "REFERENCES", fault);
        return r;
}

static int compare_columns(Connection *connection,
                Connection *reference,
                const char *table,
                SchemaReport *report,
                Fault *fault)
{
        _cleanup_(statement_finalizep) sqlite3_stmt *wanted = NULL;
        bool row = true;
        int r = prepare_bound(reference, columns_sql, table, NULL, &wanted, fault);

        while (r >= 0 && (r = step(reference, wanted, &row, fault)) >= 0 && row) {
                _cleanup_(statement_finalizep) sqlite3_stmt *found = NULL;
                const char *name = text_of(wanted, COLUMN_NAME);
                bool found_row = false;

                r = prepare_bound(connection, columns_sql, table, name, &found, fault);
                if (r >= 0)
                        r = step(connection, found, &found_row, fault);
                if (r >= 0 && !found_row)
                        r = add_difference(report, fault, "%s.%s: missing", table, name);
                else if (r >= 0)
                        r = compare_column(&(Column){connection, table, wanted, found, report}, fault);
        }
        return r;
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
                        return fault_set_errno(fault, ENOMEM, "Comparing the tables");
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
                Connection *reference,
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
        else {
                *ret = SCHEMA_STATE_PRESENT;
                return compare_columns(connection, reference, object->table, report, fault);
        }
        return 0;
}

int schema_open_reference(Connection **ret, Fault *fault)
{
        _cleanup_(connection_closep) Connection *reference = calloc(1, sizeof *reference);
        int code, r = 0;

        if (!reference)
                return fault_set_errno(fault, ENOMEM, "Comparing the tables");
        reference->path = strdup("The service's own tables");
        if (!reference->path)
                return fault_set_errno(fault, ENOMEM, "Comparing the tables");
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
