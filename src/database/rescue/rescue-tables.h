/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* All tables of a rescue: each page is counted before the first table is read, so that a page that two trees
 * use is believed of neither, and what is left over may be a leaf that lost its way. */

#include "database/rescue/rescue-table.h"

typedef struct RescueItem {
        char *name;
        RescueTask task;
        bool is_virtual;
        bool is_shadow;   /* holds the content of the virtual table `group` */
        size_t group;     /* its number among the items; SIZE_MAX for none */
        bool from_backup; /* where its root is, only the backup says */
        bool in_backup;
        bool left;    /* it stays as the backup has it */
        bool counted; /* lost rows are known, not estimated */
        uint64_t n_survey_gaps;
        int64_t root;
        uint64_t n_lost;
} RescueItem;

typedef struct RescueItems {
        RescueItem *items;
        size_t n_items;
} RescueItems;

void rescue_items_done(RescueItems *items);

/* From temp.rescue_schema and the tables that were made by it. */
int rescue_items_load(Connection *target, SalvageFile *file, RescueItems *ret, Fault *fault);

/* Counts the pages of every tree. */
int rescue_items_survey(Connection *target, SalvageFile *file, RescueItems *items, Fault *fault);

/* Fills the tables. */
int rescue_items_fill(
                Connection *target, SalvageFile *file, RescueItems *items, bool leftovers, Fault *fault);
