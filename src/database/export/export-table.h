/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What has to be known of a table before its rows can be read in a fixed order, or written back: columns,
 * key, and how a row is found again. The thread that owns the connection. */

#include "database/connection/connection.h"

typedef struct ExportColumn {
        char *name;
        bool redacted; /* left out of an export that hides secrets */
} ExportColumn;

typedef struct ExportTable {
        char *name;
        ExportColumn *columns; /* those that hold data; generated ones are not here */
        size_t n_columns;
        char *order;           /* an ORDER BY list that the table's own b-tree gives */
        const char *rowid;     /* the name by which a row is addressed; NULL where there is none */
        bool has_generated;    /* columns that are computed */
        bool is_autoincrement; /* its highest key is kept in sqlite_sequence */
} ExportTable;

/* NOT_FOUND when there is no such table in the main database. */
int export_table_load(Connection *connection, const char *name, ExportTable **ret, Fault *fault);
ExportTable *export_table_free(ExportTable *table);
DEFINE_CLEANUP(ExportTable *, export_table_free);

/* The table's columns as an SQL list, quoted; those to hide become NULL with `redact`, so that they are not
 * even read. To be freed with sqlite3_free(). NULL without memory. */
char *export_table_column_list(const ExportTable *table, bool redact);

static inline void sqlite_freep(char **text)
{
        sqlite3_free(*text);
}
