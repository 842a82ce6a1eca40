/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One truth about how things stand: a pure function from facts to a state and coded reasons. The property,
 * the unit's status, the command line's exit code and later the metrics all say what this says. */

#include "base/fault.h"
#include "daemon/bus/unit-facts.h"
#include "database/check/check.h"

typedef enum Integrity {
        INTEGRITY_UNKNOWN, /* not checked yet, or the check could not run */
        INTEGRITY_OK,
        INTEGRITY_UNCHECKABLE, /* sound as far as it can be proved; the finding says what can't be checked */
        INTEGRITY_REPAIRABLE,  /* indexes or free pages are damaged, and no row */
        INTEGRITY_CORRUPT,     /* the only one that leads to a restore */
        _INTEGRITY_MAX,
        _INTEGRITY_INVALID = -EINVAL,
} Integrity;

const char *integrity_to_string(Integrity integrity);

/* What a check that ran to its end has proved. */
Integrity integrity_from_check(const CheckResult *result);

/* From good to bad; the worst reason gives the state. */
typedef enum HealthState {
        HEALTH_OK,
        HEALTH_STALE,
        HEALTH_DEGRADED,
        HEALTH_CORRUPT,
        HEALTH_RESTORING,
        _HEALTH_STATE_MAX,
        _HEALTH_STATE_INVALID = -EINVAL,
} HealthState;

const char *health_state_to_string(HealthState state);

typedef struct HealthFacts {
        bool started; /* the start-up is over: what is missing is missing, not yet to come */
        uint64_t now_usec;

        const char *database_path;
        Integrity integrity;
        const char *finding;    /* of the check, or why there was none; may be NULL */
        const char *read_error; /* of its disk; NULL for none */
        bool database_missing;
        bool database_replaced;
        bool wal_deleted;        /* or the -shm, while it was in use */
        const char *wal_holders; /* who still has it; or NULL */
        bool restoring;
        bool has_healthy_backup;
        bool auto_restore_stopped;
        const char *repaired;  /* what was mended without loss, and nobody has acknowledged; or NULL */
        const char *rows_lost; /* by automatic restores, the same */
        const char *hold_code; /* why retention waits for somebody (retention-hold.h); NULL for nothing */
        const char *hold_text;
        size_t n_due_at_once;       /* backups that retention keeps because so many fall due together */
        bool newer_write_version;   /* of the header: this SQLite reads the database and can't write it */
        const char *needs_decision; /* why an automatic restore was held; NULL when none was */

        uint64_t cadence_usec;
        uint64_t newest_backup_usec;   /* of our own kinds; 0 for never */
        size_t n_backups;              /* that are listed, whoever made them */
        const char *last_backup_fault; /* NULL when the last attempt succeeded */
        unsigned n_failed_verifications;
        const char *failed_verification; /* name of the newest backup that failed its verification */

        UnitState backup_timer;    /* nobody is blamed for what is unknown */
        const char *refused_unit;  /* of ApplicationUnits=, which this service may not manage; or NULL */
        const char *future_backup; /* a backup of ours that is dated later than now; or NULL */
        const char *key_fault;     /* why encrypted backups can't be made or opened; NULL for nothing */

        const char *backups_away; /* why their directory is not at hand; NULL when it is */
        bool disk_known;
        uint64_t free_bytes;
        uint64_t low_disk_space_bytes;
        uint64_t quarantine_bytes; /* what nothing removes by itself */
        uint64_t quarantine_max_bytes;
        FaultCode placement_fault; /* as placement_check() says, or FAULT_NONE */
        const char *placement_message;
} HealthFacts;

typedef struct HealthReason {
        const char *code; /* static; part of the interface */
        char *text;       /* owned; for people */
} HealthReason;

/* No two of one code: every code fits. */
#define HEALTH_REASONS_MAX 32

typedef struct Health {
        HealthState state;
        HealthReason reasons[HEALTH_REASONS_MAX];
        size_t n_reasons;
} Health;

void health_done(Health *health);

/* The texts carry no number that moves by itself, so that the same condition reads the same each time.
 * -ENOMEM or -ERANGE (a time past the year 9999). */
int health_evaluate(const HealthFacts *facts, Health *ret);

/* The moment from which a backup of `newest_backup_usec` counts as too old: a quarter of the cadence is left
 * for the timer's random delay and the time that a backup takes. */
uint64_t health_stale_usec(uint64_t newest_backup_usec, uint64_t cadence_usec);

/* Whether the two say the same. */
bool health_equal(const Health *a, const Health *b);
