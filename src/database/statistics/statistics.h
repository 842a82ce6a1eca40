/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Numbers about a database file: what `status` shows and the manifest records. Counting rows reads whole
 * indexes, so it belongs in a worker thread. */

#include "database/connection/connection.h"

typedef struct TableCount {
        char *name; /* owned */
        uint64_t rows;
} TableCount;

/* What belongs to the list, and the list. */
void table_counts_free(TableCount *tables, size_t n_tables);

/* A list that shares nothing with the first; NULL for an empty one. -ENOMEM. */
int table_counts_copy(const TableCount *tables, size_t n_tables, TableCount **ret);

/* By name, byte by byte. */
void table_counts_sort(TableCount *tables, size_t n_tables);

typedef struct Statistics {
        uint64_t size_bytes; /* of the main file */
        uint64_t wal_bytes;  /* of its -wal, 0 when there is none */
        uint64_t page_size_bytes;
        uint64_t pages;
        uint64_t free_pages;
        uint64_t modified_usec; /* the later of the main file's and the -wal's modification */
        char journal_mode[16];  /* "wal", "delete", … */
        TableCount *tables;     /* owned; sorted */
        size_t n_tables;
} Statistics;

void statistics_done(Statistics *statistics);

/* All of it, in one read transaction. Counted are the tables of the application, whatever their names.
 * Left out are SQLite's own, the shadow tables in which virtual ones keep their content, views, and what
 * only the application can read: virtual tables whose module this process does not have, and tables that
 * this SQLite does not understand. Faults as in connection.h. */
int statistics_collect(Connection *connection, Statistics *ret, Fault *fault);
