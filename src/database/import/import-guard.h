/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The SQL of a stranger's document is run here, and only as far as it is one CREATE statement for exactly
 * what the document declares: SQLite's authorizer is asked at every turn of its parser, so no trick of
 * spelling matters. The thread that owns the connection. */

#include "database/connection/connection.h"

typedef struct ImportEntry {
        char *type; /* "table", "index", "view", "trigger" */
        char *name;
        char *table;
        char *sql;
        uint64_t line; /* of the document, for what is said about it */
} ImportEntry;

/* Frees the texts. */
void import_entry_done(ImportEntry *entry);

/* A virtual table, to go by its text. */
bool import_entry_is_virtual(const ImportEntry *entry);

/* Runs entry->sql. A virtual table is recorded in the schema without its module, which would make shadow
 * tables of its own. INVALID_ARGUMENT with the line when SQLite or the guard doesn't take it. */
int import_guard_execute(Connection *connection, const ImportEntry *entry, Fault *fault);
