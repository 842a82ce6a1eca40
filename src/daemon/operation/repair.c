/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Mending a database that has lost no row, in place. */

#include <string.h>

#include "backup/repair/repair.h"
#include "base/clock.h"
#include "base/journal.h"
#include "base/names.h"
#include "daemon/job/job-event.h"
#include "daemon/loop/gate.h"
#include "daemon/manager.h"
#include "daemon/operation/automatic-restore.h"
#include "daemon/operation/quarantine.h"
#include "daemon/operation/remedy-state.h"
#include "daemon/state/condition.h"
#include "daemon/state/property-changes.h"

typedef struct RepairTask {
        RepairRequest request; /* its strings are the Manager's, which outlives the workers */
        Gate *gate;
        bool ran;
        RepairOutcome outcome;
} RepairTask;

static void repair_free_task(void *userdata)
{
        RepairTask *task = userdata;

        repair_outcome_done(&task->outcome);
        free(task);
}

static int repair_start(Job *job, void *userdata, Fault *fault)
{
        RepairTask *task = userdata;
        Manager *manager = job->manager;

        if (manager->integrity != INTEGRITY_REPAIRABLE)
                return fault_set(fault,
                                FAULT_CANCELLED,
                                "What was to be repaired in %s is over",
                                manager->database_path);
        task->gate = &manager->gate;
        task->request = (RepairRequest){
                        .state_directory_path = manager->state_directory,
                        .database_path = manager->database_path,
                        .directory_fd = manager->backups_fd,
                        .directory_path = manager->backup_directory,
                        .quarantine_path = manager->quarantine_directory,
                        .free_pages = (manager->damage & DAMAGE_FREE_PAGES) != 0,
                        .now_usec = clock_now_usec(),
        };
        return 0;
}

static int repair_run(void *userdata, Progress *progress, Fault *fault)
{
        RepairTask *task = userdata;
        int r;

        progress_begin(progress, "waiting for readers of this service", 0);
        r = gate_close(task->gate, progress, fault);
        if (r < 0)
                return r;
        r = repair_database(&task->request, progress, &task->outcome, fault);
        gate_open(task->gate);
        task->ran = r >= 0;
        if (r < 0 || task->outcome.check.healthy)
                return r;
        if (task->outcome.left.code != FAULT_NONE) {
                r = fault_errno(task->outcome.left.code);
                fault_move(fault, &task->outcome.left);
                return r;
        }
        return fault_set(fault,
                        FAULT_FAILED,
                        "%s was repaired, and its check still finds damage (%s). No row is lost; it is left "
                        "as "
                        "it is",
                        task->request.database_path,
                        task->outcome.check.first_finding);
}

static void emit_repaired(Job *job, const RepairOutcome *outcome)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *signal = NULL;
        Manager *manager = job->manager;
        int r;

        manager_flush_changes(manager);
        r = sd_bus_message_new_signal(
                        manager->bus, &signal, BUS_PATH, BUS_INTERFACE_MANAGER, "DatabaseRepaired");
        if (r >= 0)
                r = sd_bus_message_append(signal, "u", job->id);
        if (r >= 0)
                r = remedy_append_objects(signal, outcome->objects);
        if (r >= 0)
                r = sd_bus_message_append(signal, "s", outcome->quarantine);
        if (r >= 0)
                r = sd_bus_send(manager->bus, signal, NULL);
        if (r < 0)
                journal_line(LOG_WARNING, "Telling the repair on the bus failed: %s", strerrordesc_np(-r));
}

static int repair_finish(Job *job, void *userdata)
{
        RepairTask *task = userdata;
        Manager *manager = job->manager;

        if (task->ran)
                manager_take_check(manager, &task->outcome.check);
        if (task->outcome.objects && task->outcome.objects[0]) {
                remedy_state_take(manager, &task->outcome.remedies);
                event_database_repaired(job, &task->outcome);
                emit_repaired(job, &task->outcome);
        }
        if (task->ran && task->outcome.check.healthy)
                automatic_restore_succeeded(manager, true, true);
        /* What was tried in vain is not tried again. */
        else if (job->fault.code != FAULT_FAILED)
                automatic_restore_failed(manager, job->fault.code);
        if (task->ran && (task->outcome.check.damage & DAMAGE_CONTENT))
                (void) automatic_restore_suspect(manager, NULL);
        quarantine_keep_bound(manager);
        return 0;
}

const Operation operation_repair = {
                .name = "repair",
                .doing = "Repairing the database",
                .action = ACTION_RESTORE,
                .urgent = true,
                .start = repair_start,
                .run = repair_run,
                .finish = repair_finish,
                .free_task = repair_free_task,
};

int operation_repair_queue(Manager *manager, Fault *fault)
{
        Caller self = caller_self();
        RepairTask *task = calloc(1, sizeof(RepairTask));

        if (!task)
                return fault_set_errno(fault, ENOMEM, "Making a job");
        return job_queue(manager, &operation_repair, task, NULL, &self, JOB_NEXT, NULL, fault);
}
