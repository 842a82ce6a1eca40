/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The database that an import builds: a new file that is whole or gone again. Tables first, without their
 * indexes, then rows, then everything else, so that no trigger fires on a row that is put back and each
 * index is built in one go. Belongs to one thread. */

#include "database/export/export-table.h"
#include "database/import/import-guard.h"
#include "database/import/import-relax.h"
#include "database/import/import-row.h"

typedef struct ImportTarget {
        Connection *connection;
        char *path;
        uint64_t max_bytes; /* of the file; 0: no bound */
        bool created;       /* by us, and to be removed when we fail */
        ExportTable *table; /* the one that rows go to */
        sqlite3_stmt *insert;
        ImportRelaxation relaxation;
        uint64_t n_tables;
        uint64_t n_rows;
} ImportTarget;

/* Creates the file and begins the transaction. */
int import_target_create(ImportTarget *target,
                const char *path,
                JsonEncoding encoding,
                Progress *progress,
                Fault *fault);

/* Frees; removes the file unless it was finished. */
void import_target_done(ImportTarget *target);

/* The rows that follow go to this table, which is there already. */
int import_target_begin_table(ImportTarget *target, const char *name, Fault *fault);

/* A row may break a NOT NULL, a CHECK or the types of a STRICT table, as in the database that was exported.
 * INVALID_ARGUMENT at the reader's line when it breaks anything else. */
int import_target_insert(ImportTarget *target, const ImportRow *row, const JsonReader *reader, Fault *fault);

/* Sets the header's numbers, commits and closes; the file stays when this was successful and
 * import_target_keep() was called. */
int import_target_commit(ImportTarget *target, int64_t user_version, int64_t application_id, Fault *fault);
void import_target_keep(ImportTarget *target);
