/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Which indexes of a database do not have what their tables have, and how each is made anew. Belongs to the
 * connection's thread. */

#include "database/connection/connection.h"

typedef struct DamagedIndex {
        char *table;
        char *index; /* NULL: the inverted index of the full-text table `table` */
} DamagedIndex;

typedef struct DamagedIndexes {
        DamagedIndex *items;
        size_t n_items;
        bool free_pages; /* freelist or pointer map */
        bool structural; /* pages are damaged, or it could not be told what is: REINDEX would walk through
                          * them, and could free a page that is another's */
} DamagedIndexes;

void damaged_indexes_done(DamagedIndexes *damaged);

/* Asks SQLite for each table. Faults as the connection's. */
int damaged_indexes_find(Connection *connection, DamagedIndexes *ret, Fault *fault);

/* For people: "the index i of t". Owned by the caller; NULL when out of memory. */
char *damaged_index_describe(const DamagedIndex *damaged);

/* Makes it anew from its table, inside of the caller's transaction. FAILED when the table itself stands
 * against it: rows that are equal where the index wants no two; the message names them. */
int damaged_index_rebuild(Connection *connection, const DamagedIndex *damaged, Fault *fault);
