/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The schema of the live database is the application's: a trigger on a table that the service writes may
 * never end, or allocate what there is. So each statement that may meet one has a bound in time, in the size
 * of one value, and all of SQLite in this process has one in memory. */

#include <sqlite3.h>

#include "base/macro.h"

/* The largest value that a statement may make or meet which writes into the live database. */
#define STATEMENT_VALUE_MAX_BYTES (16 * MIB)

/* What all large allocations of SQLite in this process may come to. */
#define STATEMENT_HEAP_MAX_BYTES (768 * MIB)

typedef struct StatementBound {
        uint64_t bound_usec;              /* 0: none */
        bool (*must_yield)(void *target); /* somebody waits for this connection to be closed; or NULL */
        void *must_yield_target;

        uint64_t since_usec; /* monotonic; when the statement began that was started last */
        bool overdue;        /* it was ended because of the bound */
        bool yielded;        /* or because of who waits */
} StatementBound;

/* How long a statement runs on for which somebody waits. */
#define STATEMENT_YIELD_USEC USEC_PER_SEC

/* Has `bound` know when a statement of `handle` begins. It must outlive the handle. */
void statement_bound_watch(StatementBound *bound, sqlite3 *handle);

/* For the progress handler: whether the statement has to end. */
bool statement_bound_is_over(StatementBound *bound);

/* Sets the bound on values. */
void statement_bound_values(sqlite3 *handle);

/* Bounds SQLite's memory. Before anything else of SQLite is used. */
void statement_bound_heap(void);
