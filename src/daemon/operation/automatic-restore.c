/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/operation/automatic-restore.h"

#include "backup/restore/restore.h"
#include "backup/state/restore-state.h"
#include "base/clock.h"
#include "base/journal.h"
#include "base/names.h"
#include "daemon/facts/recovery-decision.h"
#include "daemon/job/job.h"
#include "daemon/loop/one-shot.h"
#include "daemon/operation/check-schedule.h"
#include "daemon/operation/first-rows.h"
#include "daemon/operation/overdue.h"
#include "daemon/state/condition.h"
#include "daemon/state/encryption.h"
#include "daemon/state/event.h"
#include "daemon/state/state-writer.h"

/* A process that has to close the database first, a full disk: looked at again soon, then less often. */
#define RETRY_FIRST_USEC (30 * USEC_PER_SEC)
#define RETRY_LAST_USEC USEC_PER_HOUR

bool automatic_restore_is_restoring(const Manager *manager)
{
        for (const Job *job = manager->jobs; job; job = job->next)
                if (job->operation == &operation_restore || job->operation == &operation_undo)
                        return true;
        return false;
}

static bool is_suspecting(const Manager *manager)
{
        for (const Job *job = manager->jobs; job; job = job->next)
                if (job->operation == &operation_check && job->caller.uid == UID_INVALID)
                        return true;
        return false;
}

static bool is_checking(const Manager *manager)
{
        for (const Job *job = manager->jobs; job; job = job->next)
                if (job->operation == &operation_check && job->state == JOB_QUEUED)
                        return true;
        return false;
}

int automatic_restore_suspect(Manager *manager, Fault *fault)
{
        _cleanup_fault_ Fault met = {0};
        Caller self = caller_self();
        int r;

        if (manager->stopping || !manager->started || automatic_restore_is_restoring(manager) ||
                        is_checking(manager))
                return 0;
        /* Not whole yet; database-watch.c asks again. */
        if (manager->appearance.begun)
                return 0;
        r = operation_check_queue(manager, true, &self, NULL, &met);
        if (r < 0) {
                journal_line(LOG_ERR, "The database could not be checked: %s", met.message);
                if (fault)
                        fault_move(fault, &met);
        }
        return r;
}

static void met(Manager *manager, const Fault *fault)
{
        if (fault->code == FAULT_IO)
                check_schedule_hasten(manager);
        if (fault_means_corrupt(fault->code) && !manager->database_missing &&
                        manager->integrity != INTEGRITY_REPAIRABLE &&
                        manager->integrity != INTEGRITY_CORRUPT)
                (void) automatic_restore_suspect(manager, NULL);
}

bool automatic_restore_load_stopped(const char *state_directory_path)
{
        _cleanup_(json_object_putp) json_object *document = NULL;
        _cleanup_fault_ Fault fault = {0};

        /* One that can't be read was written all the same. */
        return restore_state_load(state_directory_path, AUTO_RESTORE_STOPPED_FILE, &document, &fault) >= 0 ||
               fault.code != FAULT_NOT_FOUND;
}

static json_object *describe_stop(void)
{
        json_object *document = json_object_new_object();

        if (document && restore_state_set_number(document, "stopped_usec", clock_now_usec()) >= 0)
                return document;
        (void) json_object_put(document);
        return NULL;
}

static void set_stopped(Manager *manager, bool stopped)
{
        json_object *document;

        if (manager->auto_restore_stopped == stopped)
                return;
        manager->auto_restore_stopped = stopped;
        manager_update_health(manager);
        if (!stopped)
                state_writer_put(manager, AUTO_RESTORE_STOPPED_FILE, NULL);
        else if ((document = describe_stop()))
                state_writer_put(manager, AUTO_RESTORE_STOPPED_FILE, document);
        else
                journal_line(LOG_ERR, "Remembering that automatic restores are stopped failed");
}

static RecoveryDecision decide(const Manager *manager)
{
        RecoveryFacts facts = {
                        .broken = manager->database_missing || manager->integrity == INTEGRITY_CORRUPT,
                        .repairable = manager->integrity == INTEGRITY_REPAIRABLE,
                        .auto_restore = manager->configuration.auto_restore,
                        .stopped = manager->auto_restore_stopped,
                        .has_backup = recovery_choose(manager->catalogue,
                                        &manager->last_restore,
                                        encryption_can_open(manager)),
                        /* One that was cut off mended nothing that could have broken again. */
                        .last_automatic = manager->last_restore.automatic && manager->last_restore.finished,
                        .last_restore_usec = manager->last_restore.restored_usec,
                        .now_usec = clock_now_usec(),
        };

        return recovery_decide(&facts);
}

static bool queue_restore(Manager *manager)
{
        _cleanup_fault_ Fault fault = {0};
        RestoreWish wish = {.name = "", .automatic = true};
        Caller self = caller_self();
        int r;

        r = operation_restore_queue(manager, &wish, &self, NULL, &fault);
        if (r < 0)
                journal_line(LOG_ERR, "The automatic restore could not be queued: %s", fault.message);
        return r >= 0;
}

static bool is_repairing(const Manager *manager)
{
        for (const Job *job = manager->jobs; job; job = job->next)
                if (job->operation == &operation_repair)
                        return true;
        return false;
}

static bool queue_repair(Manager *manager)
{
        _cleanup_fault_ Fault fault = {0};
        int r;

        if (is_repairing(manager))
                return true;
        r = operation_repair_queue(manager, &fault);
        if (r < 0)
                journal_line(LOG_ERR, "The repair could not be queued: %s", fault.message);
        return r >= 0;
}

bool automatic_restore_consider(Manager *manager)
{
        if (manager->stopping || manager->appearance.begun)
                return false;
        if (automatic_restore_is_restoring(manager))
                return true;
        switch (decide(manager)) {
        case RECOVERY_REPAIR:
                return queue_repair(manager);
        case RECOVERY_RESTORE:
                return queue_restore(manager);
        case RECOVERY_NO_BACKUP:
                event_no_healthy_backup(manager->database_path);
                break;
        case RECOVERY_OFF:
                journal_line(LOG_WARNING,
                                "AutoRestore=no: %s is left as it is; %s",
                                manager->database_path,
                                manager->integrity == INTEGRITY_REPAIRABLE
                                                ? "every row is there, and `REINDEX` mends the indexes"
                                                : "`oracxpredctl restore` brings the newest good backup "
                                                  "back");
                break;
        case RECOVERY_STOPPED:
                if (!manager->auto_restore_stopped)
                        event_auto_restore_stopped(manager->database_path);
                set_stopped(manager, true);
                break;
        case RECOVERY_NOTHING:
        case _RECOVERY_DECISION_MAX:
        case _RECOVERY_DECISION_INVALID:
                break;
        }
        manager_update_health(manager);
        return false;
}

void automatic_restore_reconsider(Manager *manager)
{
        if (!manager->started)
                return;
        if (manager->database_missing)
                (void) automatic_restore_consider(manager);
        else if (manager->integrity == INTEGRITY_CORRUPT || manager->integrity == INTEGRITY_REPAIRABLE)
                (void) automatic_restore_suspect(manager, NULL);
}

static int on_retry(sd_event_source *source, uint64_t usec, void *userdata)
{
        automatic_restore_reconsider(userdata);
        return 0;
}

void automatic_restore_repaired(Manager *manager)
{
        set_stopped(manager, false);
}

void automatic_restore_succeeded(Manager *manager, bool automatic, bool sound)
{
        manager->restore_retry_usec = 0;
        manager->restore_retry_event_source =
                        sd_event_source_disable_unref(manager->restore_retry_event_source);
        if (!automatic)
                set_stopped(manager, !sound);
}

void automatic_restore_failed(Manager *manager, FaultCode code)
{
        /* Somebody cancelled it, a person has to decide, or no backup is left: trying again changes nothing.
         */
        if (manager->stopping || code == FAULT_CANCELLED || code == FAULT_NEEDS_DECISION ||
                        code == FAULT_NO_HEALTHY_BACKUP || fault_means_corrupt(code))
                return;
        manager->restore_retry_usec =
                        manager->restore_retry_usec == 0
                                        ? RETRY_FIRST_USEC
                                        : MIN_OF(2 * manager->restore_retry_usec, RETRY_LAST_USEC);
        manager->restore_retry_event_source =
                        sd_event_source_disable_unref(manager->restore_retry_event_source);
        one_shot_arm(manager->event,
                        &manager->restore_retry_event_source,
                        manager->restore_retry_usec,
                        on_retry,
                        manager);
}

/* What would have been done meanwhile. */
static void on_backups_returned(Manager *manager)
{
        _cleanup_fault_ Fault fault = {0};
        Caller self = caller_self();

        automatic_restore_reconsider(manager);
        if (manager_require_sound_database(manager, NULL) >= 0 &&
                        (manager->last_backup_fault || manager->health.state == HEALTH_STALE) &&
                        operation_backup_queue(manager, true, false, NULL, &self, NULL, &fault) < 0)
                journal_line(LOG_WARNING, "The backup that was missed is not made: %s", fault.message);
}

static void on_health_evaluated(Manager *manager)
{
        overdue_consider(manager);
        first_rows_consider(manager);
        check_schedule_consider(manager);
}

const ConditionReactions automatic_restore_reactions = {
                .met = met,
                .is_suspecting = is_suspecting,
                .backups_returned = on_backups_returned,
                .health_evaluated = on_health_evaluated,
                .records_counted = first_rows_counted,
                .placement_mended = operation_startup_continue,
                .describe_running_job = job_describe_running,
};
