/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a start does about a replacement that was cut off: a pure function of what lies where. What somebody
 * put at the database's place since is never moved away, unless there is nothing in it that could be missed.
 */

#include "backup/restore/replacement.h"

typedef struct ReplacementFacts {
        ReplacementPhase phase;
        bool fixed;          /* the file itself stays, and its content is replaced */
        bool in_force;       /* the file at the database's place is the prepared one */
        bool main_present;   /* there is a file at the database's place */
        bool main_empty;     /* it is a database without a row, or no content at all */
        bool saved;          /* there is a folder for what was replaced */
        bool main_saved;     /* which has a main file */
        bool main_same;      /* of the same content as the one at the database's place */
        bool prepared_whole; /* what is to be put there reads as it was written */
} ReplacementFacts;

typedef enum ReplacementVerdict {
        REPLACEMENT_DONE,    /* the restored database is in its place */
        REPLACEMENT_FORWARD, /* move what is at the place into the quarantine, and put the new one there */
        REPLACEMENT_BACK,    /* the old files are at their place, or go back there */
        REPLACEMENT_LEAVE,   /* somebody put a database there: it stays */
        _REPLACEMENT_VERDICT_MAX,
        _REPLACEMENT_VERDICT_INVALID = -EINVAL,
} ReplacementVerdict;

ReplacementVerdict replacement_judge(const ReplacementFacts *facts);
