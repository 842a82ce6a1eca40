/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The part of the document that has to be known before its first row: what it is, and the schema. The only
 * part that is held in memory as a whole, so it is bounded. Belongs to one thread. */

#include "database/export/export-document.h"
#include "database/import/import-guard.h"
#include "database/json/reader.h"

typedef struct ImportHeader {
        ExportHeader values;
        ImportEntry *entries;
        size_t n_entries;
        size_t n_allocated;
        size_t schema_bytes;
        bool is_lines; /* the object ended with the header: one object per line follows */
} ImportHeader;

void import_header_done(ImportHeader *header);

/* Reads from the start up to the brace after "tables", or to the end of the header's own object. */
int import_header_read(JsonReader *reader, ImportHeader *ret, Fault *fault);
