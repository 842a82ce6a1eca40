/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What to do about a database that a check found corrupt, or that is gone: pure functions from facts to a
 * decision, so that every case can be tested. automatic-restore.c carries them out. */

#include "backup/catalogue/catalogue.h"
#include "backup/restore/restore-record.h"

/* A database that breaks again so soon after it was repaired has a cause that a restore does not mend: the
 * disk, the memory, the application. Going on would only fill the quarantine and lose commits each time. */
#define RECOVERY_LOOP_GUARD_USEC USEC_PER_HOUR

typedef enum RecoveryDecision {
        RECOVERY_NOTHING,   /* the database is sound */
        RECOVERY_REPAIR,    /* no row is lost: mend indexes and free pages in place */
        RECOVERY_RESTORE,   /* restore recovery_choose()'s backup */
        RECOVERY_NO_BACKUP, /* there is nothing verified to restore */
        RECOVERY_OFF,       /* AutoRestore=no: leave the file, and report */
        RECOVERY_STOPPED,   /* it was restored automatically a short while ago, or stopped before */
        _RECOVERY_DECISION_MAX,
        _RECOVERY_DECISION_INVALID = -EINVAL,
} RecoveryDecision;

typedef struct RecoveryFacts {
        bool broken;     /* a check said corrupt, or the file is missing */
        bool repairable; /* a check said that only indexes or free pages are damaged */
        bool auto_restore;
        bool stopped; /* by an earlier decision; only an operator's restore takes it back */
        bool has_backup;
        bool last_automatic;        /* the last restore was one */
        uint64_t last_restore_usec; /* 0 for never */
        uint64_t now_usec;
} RecoveryFacts;

RecoveryDecision recovery_decide(const RecoveryFacts *facts);

/* The backup that continues the live database best, among those that are verified. Newest is not enough: a
 * restore leaves newer backups of a state that was given up, and the one it made of it (`pre-restore`) is
 * newer still. So, in this order: what was made since the last restore, what that one restored, what is
 * older than that, what was given up, what was brought in from elsewhere, and what restores have replaced;
 * among those, what was checked in full before what could not be. Never one of another database.
 * `last` is NULL (or empty) when nothing was ever restored. Encrypted ones only with
 * `with_encrypted`. NULL when nothing is verified. Valid until the catalogue's next change. */
CatalogueEntry *recovery_choose(const Catalogue *catalogue, const RestoreRecord *last, bool with_encrypted);

/* Whether an undo brings back what the last restore replaced without being forced, as far as names tell:
 * that is a verified backup, or files in the quarantine that are no damaged ones. `last` may be empty. */
bool recovery_can_undo(const Catalogue *catalogue,
                const RestoreRecord *last,
                bool with_encrypted,
                bool quarantine_is_there);

/* The entry that a caller means: of that name, or with "" the one above. NOT_FOUND or NO_HEALTHY_BACKUP with
 * the way out. */
int recovery_find(const Catalogue *catalogue,
                const RestoreRecord *last,
                const char *name,
                bool with_encrypted,
                const CatalogueEntry **ret,
                Fault *fault);
