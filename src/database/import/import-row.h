/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One row on its way from the document into a statement: the values, and one block of memory for all their
 * bytes, used again for the next row. Belongs to one thread. */

#include <sqlite3.h>

#include "database/json/reader.h"
#include "database/json/unicode.h"

typedef struct ImportCell {
        int type;    /* SQLITE_INTEGER, …, SQLITE_NULL */
        bool is_raw; /* a text as the database stores it, not UTF-8 */
        int64_t integer;
        double real;
        size_t offset_bytes; /* in ImportRow.bytes */
        size_t size_bytes;
} ImportCell;

typedef struct ImportRow {
        JsonEncoding encoding;
        size_t max_bytes; /* of all texts and blobs together */
        ImportCell *cells;
        size_t n_cells;
        size_t n_allocated;
        char *bytes;
        size_t used_bytes;
        size_t allocated_bytes;
} ImportRow;

void import_row_done(ImportRow *row);

/* Reads the values of an array whose opening bracket was read, and its closing one: exactly `n_columns`. */
int import_row_read(ImportRow *row, JsonReader *reader, size_t n_columns, Fault *fault);

/* Binds them to ?1, ?2, …; the row must stay as it is until the statement was run. Returns SQLite's code. */
int import_row_bind(const ImportRow *row, sqlite3_stmt *statement);
