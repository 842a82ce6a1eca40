/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What lies in the quarantine: one item for each incident, what it takes, and whether rows may lie only
 * there. */

#include "backup/quarantine/rescue-record.h"

typedef enum QuarantineWorth {
        QUARANTINE_SPENT,    /* every row of it that can be read is elsewhere, too */
        QUARANTINE_UNJUDGED, /* nobody has compared it with what took its place */
        QUARANTINE_ROWS, /* it has rows that could not be read, so that older ones or none stand for them */
        _QUARANTINE_WORTH_MAX,
        _QUARANTINE_WORTH_INVALID = -EINVAL,
} QuarantineWorth;

const char *quarantine_worth_to_string(QuarantineWorth worth); /* "spent", "unjudged", "rows" */

typedef struct QuarantineItem {
        char *name; /* of the folder: YYYYMMDD_HHMMSS */
        uint64_t usec;
        uint64_t bytes; /* of what was quarantined; 0 when only the report is left */
        bool has_record;
        RescueRecord record;
        bool needed; /* an undo would bring it back; the caller knows */
} QuarantineItem;

typedef struct QuarantineList {
        QuarantineItem *items; /* newest first */
        size_t n_items;
} QuarantineList;

void quarantine_list_done(QuarantineList *list);

/* Reads the directory. One that is not there is empty. What is no folder of ours is passed by. */
int quarantine_list_load(const char *quarantine_path, QuarantineList *ret, Fault *fault);

/* NULL for none of that name. */
const QuarantineItem *quarantine_list_find(const QuarantineList *list, const char *name);

/* How many rows nobody could read: lost, perhaps lost, or with an older one from the backup in their place.
 */
uint64_t quarantine_unread_rows(const QuarantineItem *item);

/* By its report alone. */
QuarantineWorth quarantine_worth(const QuarantineItem *item);

/* What all of them take. */
uint64_t quarantine_list_bytes(const QuarantineList *list);

/* Which items to drop, the oldest first, until the rest takes at most `max_bytes`: only spent ones that no
 * undo needs. `ret_drop` has an element for each item. Returns what the rest takes. */
uint64_t quarantine_plan(const QuarantineList *list, uint64_t max_bytes, bool *ret_drop);
