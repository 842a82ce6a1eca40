/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How many rows a damaged database still has, table by table: what can't be read is counted by another way,
 * or as far as it goes, and never fails the rest. Runs in a worker thread. */

#include "database/connection/connection.h"

typedef struct SurvivingTable {
        char *name;
        uint64_t rows;
        bool is_whole; /* the table, or one of its indexes, was counted to its end; else there were at least
                        * `rows` */
} SurvivingTable;

typedef struct SurvivingRows {
        SurvivingTable *tables; /* owned; the application's, without virtual and shadow tables */
        size_t n_tables;
        bool is_whole; /* every table of the schema is in the list */
} SurvivingRows;

void surviving_rows_done(SurvivingRows *survivors);

/* Faults as connection_open() has them; what is met later shortens the list. */
int surviving_rows_count(const char *path, Progress *progress, SurvivingRows *ret, Fault *fault);
