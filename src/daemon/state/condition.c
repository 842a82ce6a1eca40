/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/state/condition.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#include "base/clock.h"
#include "base/journal.h"
#include "base/names.h"
#include "base/timestamp.h"
#include "daemon/bus/unit-permission.h"
#include "daemon/facts/recovery-decision.h"
#include "daemon/state/encryption.h"
#include "daemon/state/event.h"
#include "daemon/state/property-changes.h"
#include "daemon/state/timer-watch.h"
#include "database/connection/placement.h"

bool fault_means_corrupt(FaultCode code)
{
        return code == FAULT_CORRUPT || code == FAULT_NOT_A_DATABASE;
}

void manager_set_reactions(Manager *manager, const ConditionReactions *reactions)
{
        manager->reactions = reactions;
}

void manager_met_fault(Manager *manager, const Fault *fault)
{
        if (manager->reactions)
                manager->reactions->met(manager, fault);
}

bool manager_is_suspecting(const Manager *manager)
{
        return manager->reactions && manager->reactions->is_suspecting(manager);
}

void manager_backups_returned(Manager *manager)
{
        if (manager->reactions)
                manager->reactions->backups_returned(manager);
}

void manager_records_counted(Manager *manager, bool counted)
{
        if (manager->reactions)
                manager->reactions->records_counted(manager, counted);
}

static void replace_text(char **text, const char *replacement)
{
        free(*text);
        *text = replacement ? strdup(replacement) : NULL;
}

static void tell_corruption(Manager *manager, const char *finding)
{
        int r;

        event_corruption_detected(manager->database_path, finding);
        manager_flush_changes(manager);
        r = sd_bus_emit_signal(
                        manager->bus, BUS_PATH, BUS_INTERFACE_MANAGER, "CorruptionDetected", "s", finding);
        if (r < 0)
                journal_line(LOG_WARNING,
                                "Telling the corruption on the bus failed: %s",
                                strerrordesc_np(-r));
}

/* Once for each cause: what a second check, a backup or a record call meets of it is not news. A database
 * that is missing was told already. */
static bool is_news(Manager *manager, Integrity integrity)
{
        bool known = manager->corruption_told;

        if (integrity != INTEGRITY_UNKNOWN)
                manager->corruption_told = integrity == INTEGRITY_CORRUPT;
        return integrity == INTEGRITY_CORRUPT && !known && !manager->database_missing;
}

void manager_set_integrity(Manager *manager, Integrity integrity, const char *finding)
{
        bool news = is_news(manager, integrity);

        manager->integrity = integrity;
        if (integrity != INTEGRITY_UNKNOWN)
                manager->integrity_checked_usec = clock_now_usec();
        if (integrity == INTEGRITY_OK || integrity == INTEGRITY_UNCHECKABLE ||
                        integrity == INTEGRITY_REPAIRABLE)
                manager->database_missing = false;
        replace_text(&manager->finding, finding);
        manager_changed(manager, CHANGE_INTEGRITY);
        manager_update_health(manager);
        manager_update_status(manager);
        if (news)
                tell_corruption(manager, finding ? finding : "The check failed");
}

void manager_take_check(Manager *manager, const CheckResult *result)
{
        manager->damage = result->damage;
        manager_set_integrity(manager,
                        integrity_from_check(result),
                        result->damage != 0 ? result->first_finding : result->unchecked);
}

void manager_set_database_missing(Manager *manager)
{
        bool known = manager->database_missing;

        manager->database_missing = true;
        manager->corruption_told = false;
        manager->integrity = INTEGRITY_UNKNOWN;
        manager_changed(manager, CHANGE_INTEGRITY);
        manager_update_health(manager);
        manager_update_status(manager);
        if (!known)
                tell_corruption(manager, "The database file is gone, or empty, while backups of it exist");
}

int manager_require_sound_database(const Manager *manager, Fault *fault)
{
        if (manager->database_missing)
                return fault_set(fault,
                                FAULT_CORRUPT,
                                "The database %s is missing while backups of it exist; `oracxpredctl "
                                "restore` puts the newest good one back",
                                manager->database_path);
        if (manager->wal_holders)
                return fault_set(fault,
                                FAULT_DATABASE_IN_USE,
                                "The -wal or -shm of %s was deleted while %s has it open; it is not worked "
                                "with until that process has written a copy (VACUUM INTO 'FILE') and was "
                                "restarted",
                                manager->database_path,
                                manager->wal_holders);
        if (manager->integrity == INTEGRITY_CORRUPT)
                return fault_set(fault,
                                FAULT_CORRUPT,
                                "The database %s is corrupt (%s); it is not worked with, nor are backups "
                                "made or removed, until it is restored (`oracxpredctl restore`) or "
                                "`oracxpredctl verify` finds it sound",
                                manager->database_path,
                                manager->finding ? manager->finding : "its check failed");
        return 0;
}

void manager_set_last_backup_fault(Manager *manager, const char *message)
{
        if (!message && !manager->last_backup_fault)
                return;
        replace_text(&manager->last_backup_fault, message);
        manager_changed(manager, CHANGE_LAST_BACKUP_FAULT);
}

/* Whoever mended it by the words of the reason need tell nobody: it is looked at whenever health is asked
 * for. */
static void update_placement(Manager *manager)
{
        _cleanup_fault_ Fault fault = {0};

        (void) placement_check(manager->database_path, &fault);
        manager->placement_fault = fault.code;
        replace_text(&manager->placement_message, fault.message);
        if (manager->opening_deferred && manager->started && fault.code == FAULT_NONE && manager->reactions)
                manager->reactions->placement_mended(manager);
}

uint64_t manager_newest_own_backup_usec(const Manager *manager, uint64_t now_usec)
{
        uint64_t newest_usec = 0, slack_usec = manager->configuration.cadence_usec / 4;

        for (size_t i = 0; i < manager->catalogue->n_entries; i++) {
                const Manifest *manifest = manager->catalogue->entries[i].manifest;

                if (!manager->catalogue->entries[i].other && manifest_is_own(manifest) &&
                                manifest->created_usec <= now_usec + slack_usec)
                        newest_usec = MAX_OF(newest_usec, manifest->created_usec);
        }
        return newest_usec;
}

/* A backup that was made within the hour may be ahead of a clock that was set back a little. */
static const char *future_backup(const Manager *manager, uint64_t now_usec)
{
        for (size_t i = 0; i < manager->catalogue->n_entries; i++) {
                const Manifest *manifest = manager->catalogue->entries[i].manifest;

                if (!manager->catalogue->entries[i].other && !manifest->adopted && !manifest->problem &&
                                manifest->kind != BACKUP_IMPORTED &&
                                manifest->created_usec > now_usec + USEC_PER_HOUR)
                        return manifest->name;
        }
        return NULL;
}

static void gather_verifications(const Manager *manager, HealthFacts *facts)
{
        for (size_t i = 0; i < manager->catalogue->n_entries; i++) {
                const Manifest *manifest = manager->catalogue->entries[i].manifest;

                if (!manifest->verification_fault)
                        continue;
                if (facts->n_failed_verifications++ == 0)
                        facts->failed_verification = manifest->name;
        }
}

static int on_stale(sd_event_source *source, uint64_t usec, void *userdata)
{
        Manager *manager = userdata;

        manager_update_health(manager);
        /* A clock that is set back makes that moment come again. Forgotten only now: a clock of a test's own
         * may be behind the kernel's, and the timer would elapse again at once. */
        manager->stale_armed_usec = 0;
        return 0;
}

/* Health turns stale without anything happening: one timer stands at that moment, and nothing ticks before.
 */
static void arm_stale_timer(Manager *manager, uint64_t stale_usec)
{
        int r;

        if (stale_usec == manager->stale_armed_usec)
                return;
        manager->stale_armed_usec = stale_usec;
        if (manager->stale_event_source) {
                (void) sd_event_source_set_time(manager->stale_event_source, stale_usec);
                r = sd_event_source_set_enabled(manager->stale_event_source, SD_EVENT_ONESHOT);
        } else
                r = sd_event_add_time(manager->event,
                                &manager->stale_event_source,
                                CLOCK_REALTIME,
                                stale_usec,
                                USEC_PER_MINUTE,
                                on_stale,
                                manager);
        if (r < 0)
                journal_line(LOG_WARNING, "Setting a timer failed: %s", strerrordesc_np(-r));
}

void manager_update_health(Manager *manager)
{
        uint64_t now_usec = clock_now_usec(), stale_usec;
        DiskSpace space = {0};
        Health health;

        update_placement(manager);
        HealthFacts facts = {
                        .started = manager->started,
                        .now_usec = now_usec,
                        .database_path = manager->database_path,
                        .integrity = manager->integrity,
                        .finding = manager->finding,
                        .read_error = manager->read_error,
                        .database_missing = manager->database_missing,
                        .database_replaced = manager->database_replaced,
                        .wal_deleted = manager->wal_deleted,
                        .wal_holders = manager->wal_holders,
                        .restoring = manager->restoring,
                        .has_healthy_backup = recovery_choose(manager->catalogue,
                                        &manager->last_restore,
                                        encryption_can_open(manager)),
                        .auto_restore_stopped = manager->auto_restore_stopped,
                        .repaired = manager->repaired_text,
                        .rows_lost = manager->rows_lost_text,
                        .hold_code = manager->hold.code,
                        .hold_text = manager->hold.text,
                        .n_due_at_once = manager->n_due_at_once,
                        .newer_write_version = manager->newer_write_version,
                        .needs_decision = manager->needs_decision,
                        .cadence_usec = manager->configuration.cadence_usec,
                        .newest_backup_usec = manager_newest_own_backup_usec(manager, now_usec),
                        .n_backups = manager->catalogue->n_entries,
                        .last_backup_fault = manager->last_backup_fault,
                        .backup_timer = timer_watch_state(manager->timer_watch),
                        .refused_unit = unit_permission_first_refused(manager->unit_permissions),
                        .future_backup = future_backup(manager, now_usec),
                        .key_fault = manager->key_fault,
                        .backups_away = manager->backups_away,
                        .low_disk_space_bytes = manager->configuration.low_disk_space_bytes,
                        .quarantine_bytes = manager->quarantine_bytes,
                        .quarantine_max_bytes = manager->configuration.quarantine_max_bytes,
                        .placement_fault = manager->placement_fault,
                        .placement_message = manager->placement_message,
        };

        gather_verifications(manager, &facts);
        facts.disk_known = !manager->backups_away &&
                           placement_disk_space(manager->backup_directory, &space, NULL) >= 0;
        facts.free_bytes = space.free_bytes;
        if (health_evaluate(&facts, &health) < 0)
                return;

        stale_usec = health_stale_usec(facts.newest_backup_usec, facts.cadence_usec);
        if (manager->started && stale_usec >= now_usec)
                arm_stale_timer(manager, stale_usec + 1);
        if (manager->reactions)
                manager->reactions->health_evaluated(manager);
        if (health_equal(&health, &manager->health)) {
                health_done(&health);
                return;
        }
        event_health_changed(&manager->health, &health);
        health_done(&manager->health);
        manager->health = health;
        manager_changed(manager, CHANGE_HEALTH);
        manager_update_status(manager);
}

static char *describe_idle(const Manager *manager)
{
        char when[TIMESTAMP_RFC3339_MAX];
        char *text = NULL;
        int r;

        if (manager->health.state != HEALTH_OK && manager->health.n_reasons > 0)
                r = asprintf(&text,
                                "Health is %s: %s",
                                health_state_to_string(manager->health.state),
                                manager->health.reasons[0].text);
        else if (manager->summary.n_backups == 0)
                r = asprintf(&text, "Idle; no backups");
        else if (timestamp_format_rfc3339(manager->summary.newest_usec, when) < 0)
                r = asprintf(&text, "Idle; %" PRIu32 " backups", manager->summary.n_backups);
        else
                /* The moment and not the age: nothing wakes up to make this line younger. */
                r = asprintf(&text,
                                "Idle; %" PRIu32 " backup%s, the newest of %.10s %.5s UTC",
                                manager->summary.n_backups,
                                manager->summary.n_backups == 1 ? "" : "s",
                                when,
                                when + strlen("2026-01-24T"));
        return r < 0 ? NULL : text;
}

static char *describe(const Manager *manager)
{
        char *text = NULL;

        if (manager->stopping)
                return strdup("Stopping");
        if (manager->reactions)
                text = manager->reactions->describe_running_job(manager);
        return text ? text : describe_idle(manager);
}

void manager_update_status(Manager *manager)
{
        char *status = describe(manager);

        if (!status || (manager->status && strcmp(manager->status, status) == 0)) {
                free(status);
                return;
        }
        free(manager->status);
        manager->status = status;
        (void) sd_notifyf(false, "STATUS=%s", status);
        manager_changed(manager, CHANGE_STATUS);
}
