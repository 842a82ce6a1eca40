/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The rows of sqlite_schema as they lie in its pages, without SQLite: which b-trees there are, also where
 * this SQLite does not understand what the schema says. Belongs to one thread. */

#include "database/page/page-file.h"

typedef struct SchemaRow {
        char *name; /* owned; what is not ASCII in UTF-16 is '?' */
        bool is_index;
        bool is_without_rowid; /* its SQL has these words: its b-tree may be that of an index */
        bool is_written;       /* its SQL begins as SQLite writes it, and holds no control characters */
        uint32_t root;         /* 0 for what has no b-tree */
} SchemaRow;

typedef struct SchemaRows {
        SchemaRow *rows; /* owned */
        size_t n_rows;
        bool is_whole; /* each entry of the table could be read */
} SchemaRows;

void schema_rows_done(SchemaRows *rows);

/* Reads what can be read. 0, -ENOMEM, or -ECANCELED. */
int schema_rows_read(const PageFile *file, SchemaRows *ret);
