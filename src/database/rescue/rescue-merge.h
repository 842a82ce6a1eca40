/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Rows that another state of the same database has come into this one, table by table, where it has no row
 * with their key. Nothing that is there is changed or removed. Triggers do nothing meanwhile, and foreign
 * keys are not enforced. Tables that only the other one has are left out, as are virtual tables and what
 * holds their content. */

#include "database/connection/connection.h"

typedef struct MergeTable {
        char *name;
        uint64_t merged;    /* rows that came in */
        uint64_t refused;   /* rows whose key is free, but a constraint of the table refuses them */
        uint64_t differing; /* rows that are there otherwise, and stay as they are there */
} MergeTable;

typedef struct MergeReport {
        MergeTable *tables; /* sorted by name; those without any of the three are left out */
        size_t n_tables;
} MergeReport;

void merge_report_done(MergeReport *report);

/* The rows that came in, over all tables. */
uint64_t merge_report_merged(const MergeReport *report);

/* In one transaction. `connection` is not used afterwards. `other` is a private and sound file. */
int rescue_merge(Connection *connection, const char *other, MergeReport *ret, Fault *fault);
