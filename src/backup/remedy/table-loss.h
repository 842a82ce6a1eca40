/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How many rows of each table a restore has cost: what was in the database before, as far as that can be
 * counted, less what is in it now. Row counts, not rows: a row that was changed since the backup, or that
 * took another one's place, is not seen. */

#include "database/statistics/statistics.h"
#include "database/statistics/surviving-rows.h"

#define TABLE_LOSSES_MAX 64
#define TABLE_LOSS_OTHERS "(other tables)"

typedef enum LossCertainty {
        LOSS_COUNTED,   /* the table was counted to its end */
        LOSS_AT_LEAST,  /* it could not be read in full, and had more rows than are in it now */
        LOSS_ESTIMATED, /* about as many, by the pages that could not be read */
        LOSS_UNKNOWN,   /* nobody knows how many it had; `lost` is 0 */
        _LOSS_CERTAINTY_MAX,
        _LOSS_CERTAINTY_INVALID = -EINVAL,
} LossCertainty;

const char *loss_certainty_to_string(
                LossCertainty certainty); /* "counted", "at-least", "estimated", "unknown" */
LossCertainty loss_certainty_from_string(const char *text);

typedef struct TableLoss {
        char *table;
        uint64_t lost;    /* rows that are in it no more */
        uint64_t rescued; /* rows that were taken over from the damaged database */
        LossCertainty certainty;
} TableLoss;

typedef struct TableLosses {
        TableLoss *items;
        size_t n_items;
} TableLosses;

void table_losses_done(TableLosses *losses);

/* -ENOMEM. Copies `table`. */
int table_losses_add(TableLosses *losses, const TableLoss *loss);

/* The same, but adds up with what is said of the same table already. A table that would be one of very many
 * is told with the others, as TABLE_LOSS_OTHERS. */
int table_losses_merge(TableLosses *losses, const TableLoss *loss);

/* The largest first, and what is unknown last. */
void table_losses_sort(TableLosses *losses);

/* One row for each table that lost rows, or may have. `survivors` is what was counted in the database that
 * was replaced (NULL: it could not be opened, or was gone), `known` what was last counted while it was
 * sound, and `now` what is in the restored one; the last two are sorted by name. Sorted as above. -ENOMEM.
 */
int table_losses_compare(const SurvivingRows *survivors,
                const TableCount *known,
                size_t n_known,
                const TableCount *now,
                size_t n_now,
                TableLosses *ret);
