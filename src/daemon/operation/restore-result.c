/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/operation/restore-result.h"

#include <string.h>

#include "base/journal.h"
#include "base/names.h"
#include "daemon/catalogue/collection.h"
#include "daemon/catalogue/hold-keeper.h"
#include "daemon/catalogue/identity-keeper.h"
#include "daemon/job/job-event.h"
#include "daemon/manager.h"
#include "daemon/operation/automatic-restore.h"
#include "daemon/operation/database-watch.h"
#include "daemon/operation/quarantine.h"
#include "daemon/operation/restore-remedy.h"
#include "daemon/query/statistics-run.h"
#include "daemon/state/condition.h"
#include "daemon/state/event.h"
#include "daemon/state/property-changes.h"
#include "daemon/store/schema-role.h"

const char *restore_task_source(const RestoreTask *task)
{
        const Manifest *source = task->source ? task->source : task->imported;

        return source ? source->name : task->quarantine;
}

static void publish(Job *job, Manifest *manifest)
{
        event_backup_created(job, manifest);
        (void) collection_put(job->manager, manifest, job->id, true);
}

void restore_result_imported(Job *job, RestoreTask *task)
{
        Manifest *copy = manifest_copy(task->imported);

        if (copy)
                publish(job, copy);
}

static void take_over_database(Manager *manager, RestoreTask *task)
{
        RestoredDatabase *settled = &task->settled;

        if (settled->fault.code != FAULT_NONE)
                journal_line(LOG_WARNING,
                                "The database is restored, but what follows was not completed: %s",
                                settled->fault.message);
        if (settled->migrated) {
                schema_report_done(&manager->schema);
                manager->schema = settled->schema;
                settled->schema = (SchemaReport){0};
                manager_schema_known(manager);
                if (manager->schema.tables_created > 0 || manager->schema.indexes_created > 0)
                        event_schema_changed(manager->database_path,
                                        manager->schema.tables_created,
                                        manager->schema.indexes_created);
        }
        if (settled->counted) {
                statistics_run_take_over(manager, &settled->statistics);
                settled->statistics = (Statistics){0};
        }
}

static void take_over_record(Manager *manager, RestoreTask *task)
{
        if (!task->record.source)
                return;
        restore_record_done(&manager->last_restore);
        manager->last_restore = task->record;
        task->record = (RestoreRecord){0};
        manager_changed(manager, CHANGE_RESTORE);
}

static void emit_restored(Job *job, const RestoreTask *task)
{
        const RestoreOutcome *outcome = &task->outcome;
        int r;

        manager_flush_changes(job->manager);
        r = sd_bus_emit_signal(job->manager->bus,
                        BUS_PATH,
                        BUS_INTERFACE_MANAGER,
                        "DatabaseRestored",
                        "ussbss",
                        job->id,
                        restore_task_source(task),
                        restore_method_to_string(outcome->method),
                        (int) task->automatic,
                        outcome->pre_restore ? outcome->pre_restore->name : "",
                        outcome->quarantine ? outcome->quarantine : "");
        if (r < 0)
                journal_line(LOG_WARNING, "Telling the restore on the bus failed: %s", strerrordesc_np(-r));
}

static void check_again(Manager *manager)
{
        _cleanup_fault_ Fault fault = {0};
        Caller self = caller_self();

        if (!manager->stopping && manager->started &&
                        operation_check_queue(manager, true, &self, NULL, &fault) < 0)
                journal_line(LOG_ERR, "The restored database could not be checked: %s", fault.message);
}

void restore_result_succeeded(Job *job, RestoreTask *task)
{
        Manager *manager = job->manager;
        RestoreOutcome *outcome = &task->outcome;
        Manifest *pre_restore = outcome->pre_restore ? manifest_copy(outcome->pre_restore) : NULL;

        if (pre_restore)
                publish(job, pre_restore);
        if (outcome->saving_problem)
                journal_line(LOG_WARNING,
                                "What the restore replaced is kept in %s and not as a backup: %s",
                                outcome->quarantine ? outcome->quarantine : "no place",
                                outcome->saving_problem);
        if (outcome->start_fault.code != FAULT_NONE)
                journal_line(LOG_ERR,
                                "The application's units could not be started again: %s",
                                outcome->start_fault.message);
        else if (outcome->units_stopped)
                manager->units_left_stopped = false;
        take_over_record(manager, task);
        manager->database_replaced = false;
        manager_set_integrity(manager, outcome->checked ? INTEGRITY_OK : INTEGRITY_UNKNOWN, NULL);
        manager->database_missing = false;
        take_over_database(manager, task);
        database_watch_accept(manager);
        identity_keeper_restored(manager, task->source ? task->source : task->imported);
        if (!task->automatic)
                retention_hold_release(manager);
        restore_result_decided(manager);
        automatic_restore_succeeded(manager, task->automatic, outcome->checked || !task->quarantine);
        manager_update_health(manager);

        event_database_restored(job, restore_task_source(task), outcome, task->automatic);
        restore_remedy_take_over(job, task);
        emit_restored(job, task);
        if (!outcome->checked)
                check_again(manager);
        quarantine_keep_bound(manager);
}

void restore_result_decided(Manager *manager)
{
        free(TAKE_PTR(manager->needs_decision));
}

/* The plan that was weighed is what a dry run shows. */
static void hold(Job *job, RestoreTask *task)
{
        Manager *manager = job->manager;

        restore_result_decided(manager);
        manager->needs_decision = strdup(job->fault.message);
        rescue_report_done(&manager->held_rescue);
        manager->held_rescue = task->outcome.rescue;
        task->outcome.rescue = (RescueReport){0};
}

void restore_result_failed(Job *job, RestoreTask *task)
{
        Manager *manager = job->manager;
        bool withdrawn = !task->attempted || job->fault.code == FAULT_CANCELLED;

        take_over_record(manager, task);
        if (task->automatic && job->fault.code == FAULT_NEEDS_DECISION)
                hold(job, task);
        manager_update_health(manager);
        if (withdrawn)
                database_watch_examine(manager);
        /* Something else is at the database's place by now. */
        if (task->automatic && withdrawn && manager_require_sound_database(manager, NULL) >= 0)
                check_again(manager);
        if (!withdrawn) {
                /* The old database mostly; the new one when only its final check failed. */
                database_watch_accept(manager);
                if (fault_means_corrupt(job->fault.code) && !manager->database_missing &&
                                manager->integrity != INTEGRITY_CORRUPT)
                        check_again(manager);
        }
        if (task->automatic)
                automatic_restore_failed(manager, job->fault.code);
}

void restore_result_candidate_failed(Job *job, RestoreTask *task)
{
        journal_line(LOG_ERR,
                        "The backup %s can't be restored (%s); trying the next older one",
                        restore_task_source(task),
                        job->fault.message);
}
