/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the query planner knows about the tables. Without sqlite_stat1 it takes every index for equally good,
 * and the application's joins can take the wrong way. ANALYZE fills that table, in the application's file:
 * it is SQLite's own, not counted as the application's, and any connection uses it, from its next statement
 * on.
 *
 * PRAGMA optimize would decide by itself, but only about tables that this very connection has queried, which
 * is not where the application's queries are. Here, the rows that a backup has counted anyway decide. */

#include "database/connection/connection.h"

/* A table with fewer rows is read as fast without. */
#define ANALYSIS_ROWS_MIN 1000

/* How far the rows may be from those of the last analysis before another one pays; its own count is an
 * estimate, which may be off by half. */
#define ANALYSIS_FACTOR 4

/* So many rows of each index are read, so that the write lock is held for milliseconds (SQLite, "Recommended
 * usage patterns": 100 to 1000). */
#define ANALYSIS_ROWS_READ 400

/* Whether an analysis of this table pays, which has `rows` rows now. */
int analysis_pays(Connection *connection, const char *table, uint64_t rows, bool *ret, Fault *fault);

/* Analyzes one table, in a transaction of its own. Needs a CONNECTION_WRITE. */
int analysis_run(Connection *connection, const char *table, Fault *fault);
