/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the tables in a database are, against what schema-tables.c declares and what the service needs of
 * them. A column is judged by its affinity, which decides what SQLite makes of a value, and not by the words
 * of its declaration: the application's models have written FLOAT for REAL, and keep their defaults to
 * themselves. */

#include "database/schema/schema.h"

typedef enum SchemaState {
        SCHEMA_STATE_PRESENT,
        SCHEMA_STATE_MISSING, /* to be created */
        SCHEMA_STATE_UNFIT,   /* can't be created: something else is in its place */
} SchemaState;

/* Says whether one of schema_objects is there; why one is unfit is appended to the report. An index counts
 * as there whatever its name, when one that is not partial begins with the same column. */
int schema_compare(Connection *connection,
                const SchemaObject *object,
                SchemaReport *report,
                SchemaState *ret,
                Fault *fault);

/* Compares the columns of schema_needs, and appends differences and costs. Of a table that is not there
 * nothing is said. */
int schema_compare_needs(Connection *connection, SchemaReport *report, Fault *fault);

/* Whether a table of the database is one of the application's: it has every column that is declared NOT
 * NULL, and half of all. Names such as `users` are no more than a coincidence by themselves. */
int schema_has_ours(Connection *connection, bool *ret, Fault *fault);
