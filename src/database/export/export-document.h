/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Where braces, commas, spaces and line ends go, in each of the three styles: everything of the document
 * that is not a value. Errors stay in the output. Belongs to the output's thread. */

#include "database/export/export-table.h"
#include "database/export/export.h"
#include "database/json/writer.h"

#define EXPORT_FORMAT "oracxpred-export"
/* A program that reads version 1 alone does not know virtual tables. */
#define EXPORT_VERSION_PLAIN 1
#define EXPORT_VERSION 2

typedef struct ExportHeader {
        bool has_virtual_tables;
        bool redacted;
        JsonEncoding encoding;
        int64_t user_version;
        int64_t application_id;
} ExportHeader;

typedef struct ExportDocument {
        JsonOutput *output; /* borrowed */
        ExportStyle style;
        uint64_t n_schema; /* schema entries so far */
        uint64_t n_tables; /* tables begun so far */
        uint64_t n_rows;   /* rows begun so far, of all tables */
        uint64_t n_rows_of_table;
        uint64_t n_cells; /* cells begun so far, of this row */
} ExportDocument;

/* In this order: header, schema entries, tables_begin, then for each table: table_begin, for each row:
 * row_begin, for each value: cell_begin and the value, row_end; table_end; and at last end. */
void export_document_header(ExportDocument *document, const ExportHeader *header);
void export_document_schema_entry(ExportDocument *document,
                const char *type,
                const char *name,
                const char *table,
                const char *sql);
void export_document_tables_begin(ExportDocument *document);
void export_document_table_begin(ExportDocument *document, const ExportTable *table);
void export_document_row_begin(ExportDocument *document);
void export_document_cell_begin(ExportDocument *document);
void export_document_row_end(ExportDocument *document);
void export_document_table_end(ExportDocument *document);
void export_document_end(ExportDocument *document);

/* "UTF-8", "UTF-16le", "UTF-16be", as SQLite spells them. */
const char *export_encoding_to_string(JsonEncoding encoding);
JsonEncoding export_encoding_from_string(const char *text); /* 0 when unknown */
