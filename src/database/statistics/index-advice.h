/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Which indexes the application's tables lack: for their foreign keys, which SQLite follows backwards at
 * every delete, and for the columns that the schema marks. Only advice: on a table that exists an index is
 * the application's to add, since building one holds the write lock as long as it takes. */

#include "database/connection/connection.h"

typedef enum IndexReason {
        INDEX_FOREIGN_KEY,
        INDEX_MARKED, /* the schema has an index there */
        _INDEX_REASON_MAX,
        _INDEX_REASON_INVALID = -EINVAL,
} IndexReason;

const char *index_reason_to_string(IndexReason reason); /* "foreign-key", "marked" */

typedef struct IndexAdvice {
        char *table;
        char *columns; /* "match_id", or "a, b" for a key of several */
        char *sql;     /* CREATE INDEX … */
        IndexReason reason;
} IndexAdvice;

typedef struct IndexAdviceList {
        IndexAdvice *items; /* owned; by table, then by column */
        size_t n_items;
} IndexAdviceList;

void index_advice_done(IndexAdviceList *list);

/* A column is served by an index that begins with it and is not partial, and by being the rowid. Virtual and
 * SQLite's own tables are left out. */
int index_advice_collect(Connection *connection, IndexAdviceList *ret, Fault *fault);
