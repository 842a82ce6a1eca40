/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The rows of one table, from the b-tree to the document. A value that is too large to be held is met as an
 * error of SQLite's (its length limit is lowered for the time), and then read in pieces. */

#include "database/export/export-document.h"

typedef struct ExportRows {
        Connection *connection;   /* borrowed, with its snapshot pinned */
        ExportDocument *document; /* borrowed */
        JsonEncoding encoding;
        bool redact;
} ExportRows;

/* Writes all rows of the table in the order of its key. `only` is NULL, or an SQL condition. */
int export_rows_write(const ExportRows *rows, const ExportTable *table, const char *only, Fault *fault);
