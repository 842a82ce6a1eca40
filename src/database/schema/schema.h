/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The application's tables. A new database gets all of them, and one that this service has made is kept
 * complete: versioned steps, each in one transaction, recorded in the table `oracxpred_migrations`, so that
 * PRAGMA user_version stays the application's. In a database that the application has made nothing is added
 * at the start, and in one of another application's nothing ever. A table that exists is never altered. */

#include "database/connection/connection.h"

/* Schema=, as it is configured. */
typedef enum SchemaChoice {
        SCHEMA_CHOICE_AUTOMATIC, /* not set: as the file is */
        SCHEMA_CHOICE_ORACXPRED,
        SCHEMA_CHOICE_NONE,
} SchemaChoice;

/* What the service may add to a database. */
typedef enum SchemaRole {
        SCHEMA_ROLE_UNKNOWN, /* nobody could look yet */
        SCHEMA_ROLE_NONE,    /* nothing: the tables are another application's */
        SCHEMA_ROLE_ADOPTED, /* a table that is missing, when the interface that needs it is first used */
        SCHEMA_ROLE_OWN,     /* all of them: this service has made the database */
} SchemaRole;

/* What a database has in it. */
typedef struct SchemaFacts {
        bool is_new;    /* no table, and no mark of an application either */
        bool has_steps; /* `oracxpred_migrations` */
        bool has_ours;  /* a table that looks like one of the application's */
} SchemaFacts;

/* What may be added to such a database, with what is configured. */
SchemaRole schema_judge(const SchemaFacts *facts, SchemaChoice choice);

typedef struct SchemaReport {
        SchemaRole role;
        bool has_log;            /* `system_logs`, with the columns that a row needs */
        unsigned tables_created; /* of the application; the table of the steps is not counted. Missing, when
                                    it was only looked at */
        unsigned indexes_created;
        char **differences; /* owned; NULL-terminated, NULL when there are none; "users.username: INTEGER
                               instead of TEXT …": what keeps an interface from working as it should */
        size_t n_differences;
        char **costs; /* owned; the same for a column that is missing: "users.is_active: accounts can't be
                         disabled" */
        size_t n_costs;
} SchemaReport;

void schema_report_done(SchemaReport *report);

/* Looks only; a CONNECTION_READ does. A database written by a newer version of this service is
 * NOT_SUPPORTED. */
int schema_inspect(Connection *connection, SchemaChoice choice, SchemaReport *ret, Fault *fault);

/* Brings a database of SCHEMA_ROLE_OWN to the current version. Writes nothing, and asks for no write lock,
 * when nothing is missing. Needs a CONNECTION_WRITE outside of a transaction. All or nothing: a fault (BUSY
 * while the application writes, NO_SPACE, …) leaves the database as it was. A database written by a newer
 * version of this service is NOT_SUPPORTED. `now_usec` is what the step is recorded with. */
int schema_migrate(Connection *connection, uint64_t now_usec, SchemaReport *ret, Fault *fault);

/* Creates one of the tables, with its indexes and the tables that it refers to, where there is no such table
 * yet: the interface that needs it is used for the first time. In the caller's transaction. */
int schema_add_table(Connection *connection, const char *table, Fault *fault);

/* The declared tables and indexes: one CREATE statement each, every table before its indexes. */
typedef struct SchemaObject {
        const char *type; /* "table" or "index" */
        const char *name; /* of an index: ix_TABLE_COLUMN */
        const char *table;
        const char *sql;
} SchemaObject;

extern const SchemaObject schema_objects[];
extern const size_t schema_n_objects;

/* What the service does with a column, which is what its affinity has to allow. */
typedef enum SchemaNeedKind {
        SCHEMA_NEED_KEY,  /* finds rows by it, and leaves it to SQLite to give one */
        SCHEMA_NEED_NAME, /* a text that finds one row */
        SCHEMA_NEED_TEXT,
        SCHEMA_NEED_NUMBER, /* and flags */
        SCHEMA_NEED_ANY,    /* a moment or a JSON object: no affinity takes such a text for a number */
} SchemaNeedKind;

/* The columns that the service itself works with. */
typedef struct SchemaNeed {
        const char *table;
        const char *column;
        SchemaNeedKind kind;
        const char *cost; /* what is not there without it; NULL: the interface itself */
} SchemaNeed;

extern const SchemaNeed schema_needs[];
extern const size_t schema_n_needs;
