/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Saves what can still be read of a damaged database into a backup of it, on private copies. Sound tables
 * are taken whole from the damaged file, as its schema has them: what was deleted stays deleted. Of a
 * damaged table the rows that can be read are taken, and the backup's rows come only into its gaps: the key
 * ranges whose pages can't be read. An index of the table that is sound tells exactly which rows a gap had.
 * Triggers and foreign keys do nothing meanwhile. */

#include "database/statistics/statistics.h"

typedef struct RescueTable {
        char *name;
        bool sound;            /* in the damaged file */
        bool unreadable;       /* not a row of it, nor an index that tells how many there were */
        uint64_t rows;         /* in the result */
        uint64_t rows_rescued; /* of them, those that the backup has not, or has otherwise */
        uint64_t rows_kept; /* of them, those that come from the backup, since the damaged ones can't be read
                             */
        uint64_t rows_lost; /* were in the damaged file and are not in the result, for sure */
        uint64_t rows_unknown; /* as many more may be lost, by an estimate */
} RescueTable;

typedef struct RescueReport {
        RescueTable *tables;
        size_t n_tables;
        bool schema_sound;                      /* false: tables may be missing of which nobody knows */
        uint64_t foreign_key_violations;        /* in the result */
        uint64_t foreign_key_violations_before; /* in the backup */
} RescueReport;

void rescue_report_done(RescueReport *report);

/* The sums over all tables. */
uint64_t rescue_report_lost(const RescueReport *report); /* rows_lost and rows_unknown */
uint64_t rescue_report_rescued(const RescueReport *report);
uint64_t rescue_report_rows(const RescueReport *report);

/* `damaged` is a private copy with its -wal, which gets folded in. `backup` is a private and sound one, and
 * is only read. `target` must not exist; on success it is the result, in journal_mode=DELETE and not checked
 * yet. On failure it may be there, and is of no use. `known` are the rows that were counted last in the
 * sound database, for telling how many a table had of which nothing can be read. */
int rescue_run(const char *damaged,
                const char *backup,
                const char *target,
                const TableCount *known,
                size_t n_known,
                Progress *progress,
                RescueReport *ret,
                Fault *fault);
