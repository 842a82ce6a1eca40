/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The application's tables, created on a new database and completed on an old one. Versioned steps, each in
 * one transaction; what is recorded in the table `oracxpred_migrations`, so that PRAGMA user_version stays
 * the application's. A table that exists is never altered: a column that differs is reported. */

#include "database/connection.h"

typedef struct SchemaReport {
        unsigned tables_created;
        unsigned indexes_created;
        char **differences; /* NULL-terminated; "users.email: VARCHAR(100) instead of VARCHAR(120)" */
        size_t n_differences;
} SchemaReport;

void schema_report_done(SchemaReport *report);

/* Brings the database to the current version. Writes nothing when nothing is missing. Needs a
 * CONNECTION_WRITE. A database written by a newer version of this service is NOT_SUPPORTED. */
int schema_migrate(Connection *connection, uint64_t now_usec, SchemaReport *ret, Fault *fault);

/* The declared tables and columns, for tests and for later readers: one CREATE statement each. */
typedef struct SchemaObject {
        const char *type; /* "table" or "index" */
        const char *name;
        const char *table;
        const char *sql;
} SchemaObject;

extern const SchemaObject schema_objects[];
extern const size_t schema_n_objects;
