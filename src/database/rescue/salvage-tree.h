/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Goes through a b-tree of a damaged file and past what can't be read, which it tells as a gap between the
 * entries on either side. A page is believed when everything in it fits: its cells fill exactly the room
 * that is not free, the records are whole, and the rowids ascend within what the page above says. Where the
 * bytes of its header are the damage, this tells what they were. Where not even that is so, the cells are
 * taken one by one. */

#include "database/rescue/salvage-file.h"

typedef struct SalvageTree {
        uint32_t root;
        bool is_index;         /* an index, or a table without rowids */
        unsigned n_fields_max; /* no record has more; 0: not known */
} SalvageTree;

typedef enum SalvageWhat {
        SALVAGE_ENTRY,
        SALVAGE_ROWID, /* of a row of a table whose rowid can be read, and nothing else */
        SALVAGE_GAP,   /* a page that can't be read, and what lies below it */
} SalvageWhat;

typedef struct SalvageEntry {
        SalvageWhat what;
        int64_t rowid;               /* in a table */
        const unsigned char *record; /* of an entry; valid until the next one */
        uint64_t n_bytes;
        bool is_below; /* a gap that may be more than a page */
} SalvageEntry;

/* Returns 0 to go on. */
typedef int (*SalvageVisit)(void *userdata, const SalvageEntry *entry, Fault *fault);

/* Counts the uses of its pages, and those of its overflow chains: once for every tree, before any is read. A
 * page that two things use belongs to none. *ret_n_gaps counts what could not be followed. */
int salvage_tree_survey(SalvageFile *file, const SalvageTree *tree, uint64_t *ret_n_gaps, Fault *fault);

/* Reads it. */
int salvage_tree_read(SalvageFile *file,
                const SalvageTree *tree,
                SalvageVisit visit,
                void *userdata,
                Fault *fault);

/* A leaf of a table that nothing leads to: its rows, when all of it fits; 0 rows otherwise. */
int salvage_leaf_range(SalvageFile *file,
                uint32_t page,
                unsigned n_fields_max,
                int64_t *ret_first,
                int64_t *ret_last,
                bool *ret_is_leaf,
                Fault *fault);
int salvage_leaf_read(SalvageFile *file,
                uint32_t page,
                unsigned n_fields_max,
                SalvageVisit visit,
                void *userdata,
                Fault *fault);
