/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "database/schema/table-list.h"

#include <string.h>

static const char doing[] = "Listing the tables";

void table_list_done(TableList *list)
{
        for (size_t i = 0; i < list->n_tables; i++)
                free(list->tables[i].name);
        free(list->tables);
        *list = (TableList){0};
}

static int add_entry(TableList *list, const char *name, const char *kind)
{
        TableEntry *tables = reallocarray(list->tables, list->n_tables + 1, sizeof *tables);
        char *copy = name && kind ? strdup(name) : NULL;

        if (tables)
                list->tables = tables;
        if (!tables || !copy) {
                free(copy);
                return SQLITE_NOMEM;
        }
        tables[list->n_tables++] = (TableEntry){.name = copy,
                        .kind = strcmp(kind, "virtual") == 0  ? TABLE_VIRTUAL
                                : strcmp(kind, "shadow") == 0 ? TABLE_SHADOW
                                                              : TABLE_ORDINARY,
                        .is_internal = sqlite3_strnicmp(name, "sqlite_", strlen("sqlite_")) == 0,
                        .place = UINT64_MAX};
        return SQLITE_OK;
}

static int refuse_select(void *userdata,
                int action,
                const char *first,
                const char *second,
                const char *database,
                const char *trigger)
{
        return action == SQLITE_SELECT ? SQLITE_DENY : SQLITE_OK;
}

/* To tell how many columns each has, the pragma prepares a SELECT of every view, once per table: views that
 * name each other would take it for ever, and nothing interrupts that. It does without when it may not. */
static int prepare_blind(Connection *connection, const char *sql, sqlite3_stmt **ret, Fault *fault)
{
        int r;

        (void) sqlite3_set_authorizer(connection->handle, refuse_select, NULL);
        r = connection_prepare(connection, sql, ret, fault);
        (void) sqlite3_set_authorizer(connection->handle, NULL, NULL);
        return r;
}

/* Takes all, or the one of this name. */
static int read_pragma(Connection *connection, const char *only, TableList *list, Fault *fault)
{
        _cleanup_(statement_finalizep) sqlite3_stmt *statement = NULL, *pin = NULL;
        char *sql = only ? sqlite3_mprintf("PRAGMA main.table_list(%Q)", only)
                         : sqlite3_mprintf("PRAGMA main.table_list");
        int code, r;

        if (!sql)
                return fault_set_errno(fault, ENOMEM, doing);
        /* The pragma itself answers from memory, however the file has changed since it was read. */
        r = connection_pin(connection, &pin, fault);
        if (r >= 0)
                r = prepare_blind(connection, sql, &statement, fault);
        sqlite3_free(sql);
        if (r < 0)
                return r;
        while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
                const char *kind = (const char *) sqlite3_column_text(statement, 2);

                if (kind && strcmp(kind, "view") == 0)
                        continue;
                code = add_entry(list, (const char *) sqlite3_column_text(statement, 1), kind);
                if (code != SQLITE_OK)
                        break;
        }
        return code == SQLITE_DONE ? 0 : connection_fault(connection, code, fault, doing);
}

static int compare_names(const void *one, const void *other)
{
        return sqlite3_stricmp(((const TableEntry *) one)->name, ((const TableEntry *) other)->name);
}

static int compare_places(const void *one, const void *other)
{
        const TableEntry *a = one, *b = other;

        return a->place < b->place ? -1 : a->place > b->place ? 1 : compare_names(one, other);
}

/* Expects the list to be in the order of names. */
static int find_places(Connection *connection, TableList *list, Fault *fault)
{
        _cleanup_(statement_finalizep) sqlite3_stmt *statement = NULL;
        uint64_t place = 0;
        int code, r;

        /* A trigger may have the name of a table. */
        r = connection_prepare(connection,
                        "SELECT name FROM main.sqlite_schema WHERE lower(type) = 'table' ORDER BY rowid",
                        &statement,
                        fault);
        if (r < 0)
                return r;
        for (; (code = sqlite3_step(statement)) == SQLITE_ROW; place++) {
                TableEntry wanted = {.name = (char *) sqlite3_column_text(statement, 0)}, *entry;

                if (!wanted.name)
                        return fault_set_errno(fault, ENOMEM, doing);
                entry = bsearch(&wanted, list->tables, list->n_tables, sizeof wanted, compare_names);
                if (entry)
                        entry->place = place;
        }
        return code == SQLITE_DONE ? 0 : connection_fault(connection, code, fault, doing);
}

int table_list_load(Connection *connection, TableList *ret, Fault *fault)
{
        _cleanup_(table_list_done) TableList list = {0};
        int r = read_pragma(connection, NULL, &list, fault);

        if (r < 0)
                return r;
        qsort(list.tables, list.n_tables, sizeof *list.tables, compare_names);
        r = find_places(connection, &list, fault);
        if (r < 0)
                return r;
        qsort(list.tables, list.n_tables, sizeof *list.tables, compare_places);
        *ret = list;
        list = (TableList){0};
        return 0;
}

const TableEntry *table_list_find(const TableList *list, const char *name)
{
        for (size_t i = 0; i < list->n_tables; i++)
                if (sqlite3_stricmp(list->tables[i].name, name) == 0)
                        return list->tables + i;
        return NULL;
}

int table_exists(Connection *connection, const char *name, bool *ret, Fault *fault)
{
        _cleanup_(table_list_done) TableList list = {0};
        int r = read_pragma(connection, name, &list, fault);

        if (r < 0)
                return r;
        *ret = list.n_tables > 0;
        return 0;
}
