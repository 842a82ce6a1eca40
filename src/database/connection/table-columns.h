/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Which columns a table has, and statements that work on those. The application's models have changed over
 * the years, and a database keeps the tables of the day on which it was made. A connection asks for the
 * columns of a table once per version of the schema. Belongs to the connection's thread. */

#include "database/connection/connection.h"

typedef struct TableColumns TableColumns;

/* Frees what a connection remembers; NULL is allowed. */
TableColumns *table_columns_free(TableColumns *columns);

/* Whether the table has the column; false as well when there is no such table. Generated columns do not
 * count: nobody can write them. */
int table_has_column(Connection *connection, const char *table, const char *column, bool *ret, Fault *fault);

/* Whether there is a table (or a view) of this name with any column. */
int table_has_columns(Connection *connection, const char *table, bool *ret, Fault *fault);

/* NOT_SUPPORTED for the first of the columns that the table lacks; the message names it and `what`
 * ("accounts") as that which it is needed for. A table that is not there at all lacks nothing: the statement
 * tells. The list ends with NULL. */
int table_require_columns(Connection *connection,
                const char *table,
                const char *const *columns,
                const char *what,
                Fault *fault);

/* A statement of which parts depend on columns: "{users.email}" is the column, or NULL where the table
 * lacks it; "{users.email:TEXT|OTHERWISE}" is TEXT, or OTHERWISE (nothing, when that is not given). Parts do
 * not nest. The caller frees *ret. */
int table_expand(Connection *connection, const char *template, char **ret, Fault *fault);

/* The same, prepared. `template` is static: what was made of it is remembered by its address. */
int table_prepare(Connection *connection, const char *template, sqlite3_stmt **ret, Fault *fault);
