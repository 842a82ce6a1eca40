/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The application's tables, created on a new database and completed on an old one. Versioned steps, each in
 * one transaction; what is recorded in the table `oracxpred_migrations`, so that PRAGMA user_version stays
 * the application's. A table that exists is never altered: a column that differs is reported. */

#include "database/connection.h"

typedef struct SchemaReport {
        unsigned tables_created; /* of the application; the table of the steps is not counted */
        unsigned indexes_created;
        char **differences; /* owned; NULL-terminated, NULL when there are none; "users.email: VARCHAR(100)
                               instead of VARCHAR(120)" */
        size_t n_differences;
} SchemaReport;

void schema_report_done(SchemaReport *report);

/* Brings the database to the current version. Writes nothing, and asks for no write lock, when nothing is
 * missing. Needs a CONNECTION_WRITE outside of a transaction. All or nothing: a fault (BUSY while the
 * application writes, NO_SPACE, …) leaves the database as it was. A database written by a newer version of
 * this service is NOT_SUPPORTED. `now_usec` is what the step is recorded with. */
int schema_migrate(Connection *connection, uint64_t now_usec, SchemaReport *ret, Fault *fault);

/* The declared tables and indexes: one CREATE statement each, every table before its indexes. */
typedef struct SchemaObject {
        const char *type; /* "table" or "index" */
        const char *name; /* of an index: ix_TABLE_COLUMN */
        const char *table;
        const char *sql;
} SchemaObject;

extern const SchemaObject schema_objects[];
extern const size_t schema_n_objects;
