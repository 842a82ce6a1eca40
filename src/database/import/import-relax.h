/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Rows that their table would not take any more. A sound database may hold NULL in a column that was
 * declared NOT NULL later, or another type in a table that became STRICT: no INSERT puts such a row back.
 * While rows are written, the declaration of the table is one without the constraint; before the end it is
 * what it was. */

#include "database/connection/connection.h"

typedef struct ImportRelaxed ImportRelaxed;

/* Tables that were relaxed, with their declarations. */
typedef struct ImportRelaxation {
        ImportRelaxed *first;
} ImportRelaxation;

void import_relaxation_done(ImportRelaxation *relaxation);

/* A copy of a CREATE TABLE in which no column is NOT NULL and the table is not STRICT, nothing else changed;
 * NULL when out of memory. What stands in parentheses within those of the table (CHECK, expressions) is left
 * alone. */
char *import_relaxed_sql(const char *sql);

/* Relaxes the table; there must be no statement on it. 0 when that was done before, or there is nothing to
 * relax: the constraint is another one. 1 when the row may be tried again. */
int import_relax(ImportRelaxation *relaxation, Connection *connection, const char *table, Fault *fault);

/* Gives every table its declaration back. */
int import_relaxation_end(ImportRelaxation *relaxation, Connection *connection, Fault *fault);
