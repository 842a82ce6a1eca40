/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How things stand, kept up to date: the database's integrity, the health that follows from all facts, and
 * the one line that people read in `systemctl status`. */

#include "daemon/manager.h"

/* What the operations do by themselves when the condition calls for it. It lies above this folder, so it is
 * handed down here. */
typedef struct ConditionReactions {
        void (*met)(Manager *manager, const Fault *fault);
        bool (*is_suspecting)(const Manager *manager);
        void (*backups_returned)(Manager *manager);
        void (*health_evaluated)(Manager *manager);
        void (*records_counted)(Manager *manager, bool counted);
        void (*placement_mended)(Manager *manager); /* of a database whose opening was deferred for it */
        char *(*describe_running_job)(const Manager *manager); /* NULL when none runs; the caller frees it */
} ConditionReactions;

/* Once, before anything else here. Without it, nothing follows by itself. */
void manager_set_reactions(Manager *manager, const ConditionReactions *reactions);

/* A statement of ours ended with this fault. Where it speaks of damage, a check is queued: what is damaged,
 * and whether rows are, only a check can tell. Where it speaks of an error of a disk, the next check that
 * reads the database from its disk is made soon. Nothing is queued for a database that one has found damaged
 * already. */
void manager_met_fault(Manager *manager, const Fault *fault);

/* Whether a check waits or runs that the service has begun by itself: what lies there may be evidence by
 * now. */
bool manager_is_suspecting(const Manager *manager);

/* The backups are at hand again: what could not be restored or backed up meanwhile is. */
void manager_backups_returned(Manager *manager);

/* The records were counted, or could not be. */
void manager_records_counted(Manager *manager, bool counted);

/* Whether a fault met while reading the database says that its content is wrong, and not just that it could
 * not be looked at. */
bool fault_means_corrupt(FaultCode code);

/* Takes over what a check, a backup or a count has found. Corruption is told by signal and journal once,
 * until the database is sound again. `finding` is copied; NULL when all is well. With INTEGRITY_UNKNOWN it
 * says why the check could not be made. */
void manager_set_integrity(Manager *manager, Integrity integrity, const char *finding);

/* Takes over what a check that ran to its end has proved. */
void manager_take_check(Manager *manager, const CheckResult *result);

/* The database file is not there though backups of it are: told, and nothing is written in its place. */
void manager_set_database_missing(Manager *manager);

/* 0, or CORRUPT or DATABASE_IN_USE (a deleted -wal that somebody has open) with the way out: the database is
 * not to be backed up, nor backups removed, while it is corrupt or missing. */
int manager_require_sound_database(const Manager *manager, Fault *fault);

/* When the newest backup of this service was made; 0 for never. One that is dated in the future proves
 * nothing about today, and an adopted file was made by somebody else. */
uint64_t manager_newest_own_backup_usec(const Manager *manager, uint64_t now_usec);

/* Copies the message; NULL after a success. */
void manager_set_last_backup_fault(Manager *manager, const char *message);

/* Evaluates health from the facts of this moment; a change is told. Cheap enough for a property's getter. */
void manager_update_health(Manager *manager);

/* Writes the status line anew and gives it to systemd, when it reads differently. */
void manager_update_status(Manager *manager);
