/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Which tables there are. Not the rows of sqlite_schema whose type is 'table': SQLite compares that word as
 * it compares names, and a row in which it is a blob (one bit has flipped), or in capitals, is still that of
 * a table, with which `integrity_check` finds nothing wrong. Who asked for the word would leave the table
 * out without a sound. What SQLite has understood is asked of it by the pragma itself, in whose place
 * nothing in the file can answer. Belongs to the connection's thread. */

#include "database/connection/connection.h"

typedef enum TableKind {
        TABLE_ORDINARY,
        TABLE_VIRTUAL,
        TABLE_SHADOW, /* holds the content of a virtual table */
} TableKind;

typedef struct TableEntry {
        char *name;
        TableKind kind;
        bool is_internal; /* SQLite's own: its name begins with "sqlite_" */
        uint64_t place;   /* among the rows of sqlite_schema; UINT64_MAX for sqlite_schema, which has none */
} TableEntry;

typedef struct TableList {
        TableEntry *tables; /* owned; as they were created, sqlite_schema last; no views */
        size_t n_tables;
} TableList;

void table_list_done(TableList *list);

/* The list is whole, and no statement open, when this returns: damage that a look at a table meets could
 * make an open one begin again without end. Faults as the connection's. */
int table_list_load(Connection *connection, TableList *ret, Fault *fault);

/* The table of this name, compared as SQLite does; or NULL. */
const TableEntry *table_list_find(const TableList *list, const char *name);

/* Whether there is a table of this name, compared as SQLite does. Faults as the connection's. */
int table_exists(Connection *connection, const char *name, bool *ret, Fault *fault);
