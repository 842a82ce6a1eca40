/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/facts/health.h"

#include <stdarg.h>
#include <string.h>

#include "base/quantity.h"
#include "base/timestamp.h"
#include "daemon/facts/recovery-decision.h"

/* 2024-01-01: a clock that tells less was never set. */
#define CLOCK_SANE_USEC (UINT64_C(1704067200) * USEC_PER_SEC)

static const char *const integrity_table[_INTEGRITY_MAX] = {
                [INTEGRITY_UNKNOWN] = "unknown",
                [INTEGRITY_OK] = "ok",
                [INTEGRITY_UNCHECKABLE] = "not-checkable",
                [INTEGRITY_REPAIRABLE] = "repairable",
                [INTEGRITY_CORRUPT] = "corrupt",
};

static const char *const health_state_table[_HEALTH_STATE_MAX] = {
                [HEALTH_OK] = "ok",
                [HEALTH_STALE] = "stale",
                [HEALTH_DEGRADED] = "degraded",
                [HEALTH_CORRUPT] = "corrupt",
                [HEALTH_RESTORING] = "restoring",
};

const char *integrity_to_string(Integrity integrity)
{
        return integrity >= 0 && integrity < _INTEGRITY_MAX ? integrity_table[integrity] : NULL;
}

Integrity integrity_from_check(const CheckResult *result)
{
        if (result->damage & DAMAGE_CONTENT)
                return INTEGRITY_CORRUPT;
        if (result->damage != 0)
                return INTEGRITY_REPAIRABLE;
        return result->unchecked ? INTEGRITY_UNCHECKABLE : INTEGRITY_OK;
}

const char *health_state_to_string(HealthState state)
{
        return state >= 0 && state < _HEALTH_STATE_MAX ? health_state_table[state] : NULL;
}

void health_done(Health *health)
{
        for (size_t i = 0; i < health->n_reasons; i++)
                free(health->reasons[i].text);
        *health = (Health){0};
}

static int add(Health *health, HealthState state, const char *code, const char *format, ...) _printf_(4, 5);

static int add(Health *health, HealthState state, const char *code, const char *format, ...)
{
        va_list arguments;
        char *text = NULL;

        if (health->n_reasons >= HEALTH_REASONS_MAX)
                return -ENOBUFS;
        va_start(arguments, format);
        if (vasprintf(&text, format, arguments) < 0)
                text = NULL;
        va_end(arguments);
        if (!text)
                return -ENOMEM;
        health->reasons[health->n_reasons++] = (HealthReason){.code = code, .text = text};
        health->state = MAX_OF(health->state, state);
        return 0;
}

uint64_t health_stale_usec(uint64_t newest_backup_usec, uint64_t cadence_usec)
{
        return newest_backup_usec + cadence_usec + cadence_usec / 4;
}

static int judge_content(const HealthFacts *facts, Health *health)
{
        if (facts->database_missing)
                return add(health,
                                HEALTH_CORRUPT,
                                "database-missing",
                                "The database %s is gone, or empty, while backups of it exist; "
                                "`oracxpredctl restore` puts the newest good one back",
                                facts->database_path);
        if (facts->integrity == INTEGRITY_CORRUPT)
                return add(health,
                                HEALTH_CORRUPT,
                                "corrupt",
                                "The database %s is corrupt: %s",
                                facts->database_path,
                                facts->finding ? facts->finding : "the check failed");
        if (facts->integrity == INTEGRITY_REPAIRABLE)
                return add(health,
                                HEALTH_DEGRADED,
                                "repairable",
                                "Every row of the database %s is there, but its indexes or free pages are "
                                "damaged (%s); nothing is restored",
                                facts->database_path,
                                facts->finding ? facts->finding : "the check failed");
        if (facts->integrity == INTEGRITY_UNCHECKABLE)
                return add(health,
                                HEALTH_DEGRADED,
                                "not-checkable",
                                "The database %s is sound as far as it can be checked here, and is backed "
                                "up; not checked: %s",
                                facts->database_path,
                                facts->finding ? facts->finding : "what its schema names");
        if (facts->integrity == INTEGRITY_UNKNOWN && facts->finding && !facts->read_error)
                return add(health,
                                HEALTH_DEGRADED,
                                "not-checked",
                                "The database could not be checked: %s",
                                facts->finding);
        return 0;
}

static int judge_disk(const HealthFacts *facts, Health *health)
{
        return facts->read_error ? add(health,
                                                   HEALTH_DEGRADED,
                                                   "read-error",
                                                   "The disk does not give the database back as it was "
                                                   "written; nothing is restored for that: %s",
                                                   facts->read_error)
                                 : 0;
}

static int judge_recovery(const HealthFacts *facts, Health *health)
{
        bool broken = facts->database_missing || facts->integrity == INTEGRITY_CORRUPT;
        int r = 0;

        if (facts->restoring)
                r = add(health,
                                HEALTH_RESTORING,
                                "restoring",
                                "A restore of the database %s is running",
                                facts->database_path);
        if (r >= 0 && broken && facts->started && !facts->has_healthy_backup)
                r = add(health,
                                HEALTH_CORRUPT,
                                "no-healthy-backup",
                                "No verified backup is there to restore; run `oracxpredctl verify` on those "
                                "that are, or bring one in with `oracxpredctl restore --from=FILE`; what "
                                ".dump saves of a copy of the file will do (oracxpredd(8))");
        if (r >= 0 && broken && facts->needs_decision)
                r = add(health, HEALTH_CORRUPT, "needs-decision", "%s", facts->needs_decision);
        if (r >= 0 && facts->auto_restore_stopped)
                r = add(health,
                                HEALTH_DEGRADED,
                                "auto-restore-stopped",
                                "Automatic restores are stopped, since the database broke again soon after "
                                "one; look at the disk and the memory, then run `oracxpredctl %s`",
                                broken ? "restore" : "verify");
        if (r >= 0 && facts->hold_code)
                r = add(health,
                                HEALTH_DEGRADED,
                                facts->hold_code,
                                "%s",
                                facts->hold_text ? facts->hold_text : "Retention is held");
        if (r >= 0 && facts->database_replaced && !facts->database_missing)
                r = add(health,
                                HEALTH_DEGRADED,
                                "database-replaced",
                                "The file %s was replaced by another one while it was in use; processes "
                                "that "
                                "had it open write into the old one: restart them, and run `oracxpredctl "
                                "verify`",
                                facts->database_path);
        return r;
}

/* What cost nothing is told, and nobody has to come for it. */
static int judge_remedies(const HealthFacts *facts, Health *health)
{
        int r = 0;

        if (facts->rows_lost)
                r = add(health, HEALTH_DEGRADED, "restored-rows-lost", "%s", facts->rows_lost);
        if (r >= 0 && facts->repaired)
                r = add(health, HEALTH_OK, "repaired", "%s", facts->repaired);
        return r;
}

static int judge_wal(const HealthFacts *facts, Health *health)
{
        if (facts->wal_holders)
                return add(health,
                                HEALTH_DEGRADED,
                                "wal-deleted",
                                "The -wal or -shm of %s was deleted while %s has it open; leave that "
                                "running, since commits that only the deleted file holds go when it closes: "
                                "have it write a copy (VACUUM INTO 'FILE'), then restart it. Until then "
                                "nothing is backed up or restored",
                                facts->database_path,
                                facts->wal_holders);
        if (facts->wal_deleted)
                return add(health,
                                HEALTH_DEGRADED,
                                "wal-deleted",
                                "The -wal or -shm of %s was deleted while it was in use; look whether the "
                                "newest rows are there, then run `oracxpredctl verify`",
                                facts->database_path);
        return 0;
}

static int judge_version(const HealthFacts *facts, Health *health)
{
        return facts->newer_write_version
                               ? add(health,
                                                 HEALTH_DEGRADED,
                                                 "newer-write-version",
                                                 "The header of %s has a write version that this SQLite "
                                                 "doesn't know: it reads the database, and can't write or "
                                                 "back it up; update SQLite (libsqlite3) on this machine",
                                                 facts->database_path)
                               : 0;
}

static int judge_database(const HealthFacts *facts, Health *health)
{
        int r = judge_content(facts, health);

        if (r >= 0)
                r = judge_disk(facts, health);
        if (r >= 0)
                r = judge_wal(facts, health);
        if (r >= 0)
                r = judge_version(facts, health);
        if (r >= 0)
                r = judge_recovery(facts, health);
        return r < 0 ? r : judge_remedies(facts, health);
}

static int judge_backups(const HealthFacts *facts, Health *health)
{
        char made[TIMESTAMP_RFC3339_MAX], cadence[QUANTITY_MAX];
        int r = 0;

        quantity_format_span(facts->cadence_usec, cadence);
        /* Of those on a disk that is missing nobody knows. */
        if (facts->backups_away && facts->newest_backup_usec == 0)
                r = 0;
        else if (facts->started && facts->newest_backup_usec == 0)
                r = add(health,
                                HEALTH_STALE,
                                "stale",
                                facts->n_backups > 0
                                                ? "This service made none of the backups that are here; one "
                                                  "is due every %s"
                                                : "No backup was ever made; one is due every %s",
                                cadence);
        else if (facts->started && facts->now_usec > health_stale_usec(facts->newest_backup_usec,
                                                                     facts->cadence_usec)) {
                if (timestamp_format_rfc3339(facts->newest_backup_usec, made) < 0)
                        return -ERANGE;
                r = add(health,
                                HEALTH_STALE,
                                "stale",
                                "The newest backup was made at %s, and one is due every %s; is "
                                "oracxpred-backup.timer enabled?",
                                made,
                                cadence);
        }
        if (r >= 0 && facts->last_backup_fault)
                r = add(health,
                                HEALTH_DEGRADED,
                                "last-backup-failed",
                                "The last backup failed: %s",
                                facts->last_backup_fault);
        if (r >= 0 && facts->n_failed_verifications > 0)
                r = add(health,
                                HEALTH_DEGRADED,
                                "last-verification-failed",
                                "%u backup%s failed the last verification, the newest is %s",
                                facts->n_failed_verifications,
                                facts->n_failed_verifications == 1 ? "" : "s",
                                facts->failed_verification);
        if (r >= 0 && facts->n_due_at_once > 0)
                r = add(health,
                                HEALTH_DEGRADED,
                                "backups-due-at-once",
                                "%zu backups fall due at once, as they do when a clock was set ahead; they "
                                "are kept until the retention time has passed while this service ran. Look "
                                "at the clock (`timedatectl`); `oracxpredctl cleanup --dry-run` names them",
                                facts->n_due_at_once);
        return r;
}

static int judge_timer(const HealthFacts *facts, Health *health)
{
        if (!facts->started || facts->backup_timer == UNIT_UNKNOWN || facts->backup_timer == UNIT_ACTIVE)
                return 0;
        if (facts->backup_timer == UNIT_ELAPSED)
                return add(health,
                                HEALTH_DEGRADED,
                                "timer-elapsed",
                                BACKUP_TIMER
                                " is on, but has no next elapse, so no backup is taken by itself any more; "
                                "`systemctl restart " BACKUP_TIMER "`, and give its OnCalendar= in UTC");
        return add(health,
                        HEALTH_DEGRADED,
                        "timer-disabled",
                        facts->backup_timer == UNIT_MISSING
                                        ? "There is no " BACKUP_TIMER
                                          ", so no backup is taken by itself; install the units again"
                        : facts->backup_timer == UNIT_STOPPED ? BACKUP_TIMER
                                        " is stopped, so no backup is taken by itself; `systemctl enable "
                                        "--now " BACKUP_TIMER "` starts it"
                                                              : BACKUP_TIMER
                                        " is not enabled, so no backup is taken by itself after the next "
                                        "boot; `systemctl enable " BACKUP_TIMER "` sees to it");
}

static int judge_units(const HealthFacts *facts, Health *health)
{
        return facts->refused_unit ? add(health,
                                                     HEALTH_DEGRADED,
                                                     "units-refused",
                                                     "This service may not stop and start %s "
                                                     "(ApplicationUnits=), so a restore that has to replace "
                                                     "the database file will fail; `oracxpredctl "
                                                     "units-rule` prints the polkit rule that allows it",
                                                     facts->refused_unit)
                                   : 0;
}

static int judge_clock(const HealthFacts *facts, Health *health)
{
        char now[TIMESTAMP_RFC3339_MAX];

        if (facts->now_usec < CLOCK_SANE_USEC) {
                if (timestamp_format_rfc3339(facts->now_usec, now) < 0)
                        return -ERANGE;
                return add(health,
                                HEALTH_DEGRADED,
                                "clock-not-sane",
                                "The clock says that this is the year %.4s; backups are named and kept by "
                                "it",
                                now);
        }
        if (!facts->future_backup)
                return 0;
        return add(health,
                        HEALTH_DEGRADED,
                        "clock-not-sane",
                        "The backup %s is dated in the future: the clock was wrong when it was made, or is "
                        "wrong now",
                        facts->future_backup);
}

static int judge_key(const HealthFacts *facts, Health *health)
{
        return facts->key_fault ? add(health, HEALTH_DEGRADED, "key-unavailable", "%s", facts->key_fault)
                                : 0;
}

static int judge_quarantine(const HealthFacts *facts, Health *health)
{
        char bound[QUANTITY_MAX];

        if (facts->quarantine_bytes <= facts->quarantine_max_bytes)
                return 0;
        quantity_format_size(facts->quarantine_max_bytes, bound);
        return add(health,
                        HEALTH_DEGRADED,
                        "quarantine-over-bound",
                        "The databases in the quarantine take more than %s (QuarantineMaxSize=). None is "
                        "removed by itself, since rows may lie in it alone or an undo needs it; "
                        "`oracxpredctl "
                        "quarantine` shows them, `oracxpredctl salvage` merges what the database lacks, "
                        "and `oracxpredctl quarantine delete` removes one",
                        bound);
}

static int judge_place(const HealthFacts *facts, Health *health)
{
        char wanted[QUANTITY_MAX];
        int r = 0;

        if (facts->backups_away)
                r = add(health, HEALTH_DEGRADED, "backup-disk-missing", "%s", facts->backups_away);
        else if (facts->disk_known && facts->free_bytes < facts->low_disk_space_bytes) {
                quantity_format_size(facts->low_disk_space_bytes, wanted);
                r = add(health,
                                HEALTH_DEGRADED,
                                "low-disk-space",
                                "Less than %s (LowDiskSpace=) is free where the backups are",
                                wanted);
        }
        if (r >= 0)
                r = judge_quarantine(facts, health);
        if (r >= 0 && facts->placement_fault == FAULT_UNSAFE_FILE_SYSTEM)
                r = add(health, HEALTH_DEGRADED, "unsafe-file-system", "%s", facts->placement_message);
        else if (r >= 0 && facts->placement_fault == FAULT_READ_ONLY)
                r = add(health, HEALTH_DEGRADED, "read-only-file-system", "%s", facts->placement_message);
        else if (r >= 0 && facts->placement_fault == FAULT_IO)
                r = add(health, HEALTH_DEGRADED, "file-system-stopped", "%s", facts->placement_message);
        else if (r >= 0 && facts->placement_fault != FAULT_NONE)
                r = add(health, HEALTH_DEGRADED, "wrong-permissions", "%s", facts->placement_message);
        return r;
}

int health_evaluate(const HealthFacts *facts, Health *ret)
{
        _cleanup_(health_done) Health health = {.state = HEALTH_OK};
        int r;

        r = judge_database(facts, &health);
        if (r >= 0)
                r = judge_backups(facts, &health);
        if (r >= 0)
                r = judge_timer(facts, &health);
        if (r >= 0)
                r = judge_units(facts, &health);
        if (r >= 0)
                r = judge_clock(facts, &health);
        if (r >= 0)
                r = judge_key(facts, &health);
        if (r >= 0)
                r = judge_place(facts, &health);
        if (r < 0)
                return r;

        *ret = health;
        health = (Health){0};
        return 0;
}

bool health_equal(const Health *a, const Health *b)
{
        if (a->state != b->state || a->n_reasons != b->n_reasons)
                return false;
        for (size_t i = 0; i < a->n_reasons; i++)
                if (strcmp(a->reasons[i].code, b->reasons[i].code) != 0 ||
                                strcmp(a->reasons[i].text, b->reasons[i].text) != 0)
                        return false;
        return true;
}
