/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Which backups to keep: a pure function of the list, the policy and the time, with a reason for each. It
 * drops nothing itself, and any thread may ask about a catalogue that nobody changes meanwhile. */

#include "backup/catalogue/catalogue.h"
#include "backup/state/clock-history.h"

typedef struct RetentionPolicy {
        uint64_t keep_usec;        /* age up to which everything is kept */
        unsigned minimum_verified; /* that many of the newest verified ones stay, however old; at least 1 */
        const ClockHistory *clock; /* up to now; NULL: the wall clock is taken at its word */
        bool database_corrupt;     /* then nothing is dropped at all */
        bool held;                 /* likewise, until somebody has looked at what happened to the database */
} RetentionPolicy;

typedef enum RetentionReason {
        RETENTION_KEEP_INITIAL,
        RETENTION_KEEP_KEPT, /* somebody has pinned it */
        RETENTION_KEEP_RECENT,
        RETENTION_KEEP_LEAP,     /* only the clock, which leapt ahead, says that it is older */
        RETENTION_KEEP_AT_ONCE,  /* so says a clock that nobody has watched, of many at once */
        RETENTION_KEEP_MINIMUM,  /* among the last verified ones (or stands in where there are too few) */
        RETENTION_KEEP_FUTURE,   /* dated after now: the clock jumped; kept and flagged */
        RETENTION_KEEP_IN_USE,   /* a restore or a verification reads it */
        RETENTION_KEEP_NOT_OURS, /* adopted: never removed by itself */
        RETENTION_KEEP_OTHER,    /* of another database: not a matter of this one's age */
        RETENTION_KEEP_CORRUPT,  /* the database is corrupt; retention stands still */
        RETENTION_KEEP_HELD,     /* it was emptied or exchanged; retention stands still */
        RETENTION_DROP_EXPIRED,
        _RETENTION_REASON_MAX,
        _RETENTION_REASON_INVALID = -EINVAL,
} RetentionReason;

bool retention_keeps(RetentionReason reason);
const char *retention_reason_text(RetentionReason reason); /* for people */

/* Fills ret_reasons[i] for each entry of the catalogue, in its order. The first that holds of: the database
 * is corrupt, held, initial, kept, in use, not ours, of another database, future, recent, leap, minimum, at
 * once; else it is expired. A backup is as old as the younger of its label and its creation say, so that a
 * clock that was wrong for a while drops nothing early, and what the clock has leapt ahead is no age. Of a
 * time that nobody has watched not many are dropped at once (more than two, and more than a quarter): they
 * wait until the retention time has passed under watch. Verified are those that manifest_is_verified()
 * names; where there are fewer than the minimum, the newest that have neither a problem nor failed a
 * verification stand in. Those that share their bytes count as one, and those of another database not at
 * all. Of backups that share blocks (sharing.h) one more stays, the newest of each chain, until there are as
 * many that share nothing with each other. */
void retention_plan(const Catalogue *catalogue,
                const RetentionPolicy *policy,
                uint64_t now_usec,
                RetentionReason ret_reasons[]);
