/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Applying retention: what to drop is decided on the loop, from the catalogue of the moment the job begins;
 * the worker removes the files. */

#include "daemon/operation/cleanup.h"

#include <string.h>

#include "base/journal.h"
#include "daemon/bus/bus-argument.h"
#include "daemon/operation/removal.h"
#include "daemon/state/condition.h"
#include "daemon/state/property-changes.h"

typedef struct CleanupTask {
        int directory_fd; /* borrowed from the Manager */
        bool planned;
        size_t n_left;         /* of those that were to go at first, beyond this batch */
        Removals removals;     /* this batch */
        sd_bus_message *reply; /* the loop's: the decisions, told when they are carried out */
} CleanupTask;

static void cleanup_free_task(void *userdata)
{
        CleanupTask *task = userdata;

        removals_clear(&task->removals);
        (void) sd_bus_message_unref(task->reply);
        free(task);
}

static int append_plan(sd_bus_message *reply, const Catalogue *catalogue, const RetentionReason *reasons)
{
        int r;

        r = sd_bus_message_open_container(reply, 'a', "(sss)");
        for (size_t i = 0; r >= 0 && i < catalogue->n_entries; i++)
                r = sd_bus_message_append(reply,
                                "(sss)",
                                catalogue->entries[i].manifest->name,
                                retention_keeps(reasons[i]) ? "keep" : "drop",
                                retention_reason_text(reasons[i]));
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

int cleanup_reply_plan(Manager *manager, sd_bus_message *message)
{
        _cleanup_message_ sd_bus_message *reply = NULL;
        _cleanup_free_ RetentionReason *reasons = NULL;
        int r;

        r = removals_plan(manager, &reasons);
        if (r >= 0)
                r = sd_bus_message_new_method_return(message, &reply);
        if (r >= 0)
                r = append_plan(reply, manager->catalogue, reasons);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

/* What is decided at first, and answered at the end. */
static int begin(Job *job, CleanupTask *task, const RetentionReason *reasons)
{
        const Catalogue *catalogue = job->manager->catalogue;
        int r = 0;

        task->planned = true;
        task->n_left = removals_count(job->manager, reasons);
        if (job->message)
                r = sd_bus_message_new_method_return(job->message, &task->reply);
        return r >= 0 && task->reply ? append_plan(task->reply, catalogue, reasons) : r;
}

/* Decided anew for each batch: meanwhile somebody may have begun to read one, or the database is corrupt. */
static int cleanup_start(Job *job, void *userdata, Fault *fault)
{
        CleanupTask *task = userdata;
        Manager *manager = job->manager;
        _cleanup_free_ RetentionReason *reasons = NULL;
        int r;

        r = manager_require_sound_database(manager, fault);
        if (r < 0)
                return r;
        r = removals_plan(manager, &reasons);
        if (r >= 0 && !task->planned)
                r = begin(job, task, reasons);
        if (r < 0)
                return r;

        task->directory_fd = manager->backups_fd;
        r = removals_take(job, reasons, task->n_left, &task->removals);
        task->n_left -= task->removals.n;
        return r;
}

static int cleanup_run(void *userdata, Progress *progress, Fault *fault)
{
        CleanupTask *task = userdata;

        return removals_run(&task->removals, task->directory_fd, progress, fault);
}

static int cleanup_finish(Job *job, void *userdata)
{
        CleanupTask *task = userdata;
        int r;

        removals_take_over(job, &task->removals);
        if (job->fault.code == FAULT_NONE && task->removals.n == REMOVALS_MAX && task->n_left > 0) {
                job_release_claims(job);
                removals_clear(&task->removals);
                return 1;
        }
        if (job->fault.code != FAULT_NONE || !task->reply)
                return 0;
        manager_flush_changes(job->manager);
        r = sd_bus_send(NULL, task->reply, NULL);
        if (r < 0)
                journal_line(LOG_DEBUG, "Answering Cleanup failed: %s", strerrordesc_np(-r));
        return 0;
}

const Operation operation_cleanup = {
                .name = "cleanup",
                .doing = "Cleaning up",
                .action = ACTION_DELETE,
                .needs_backups = true,
                .start = cleanup_start,
                .run = cleanup_run,
                .finish = cleanup_finish,
                .free_task = cleanup_free_task,
};

int operation_cleanup_queue(Manager *manager, const Caller *caller, Job **ret, Fault *fault)
{
        CleanupTask *task;
        int r;

        r = manager_require_sound_database(manager, fault);
        if (r < 0)
                return r;
        task = calloc(1, sizeof(CleanupTask));
        if (!task)
                return fault_set_errno(fault, ENOMEM, "Making a job");
        return job_queue(manager, &operation_cleanup, task, NULL, caller, JOB_LAST, ret, fault);
}

void operation_cleanup_follow(Manager *manager)
{
        _cleanup_free_ RetentionReason *reasons = NULL;
        _cleanup_fault_ Fault fault = {0};
        Caller self = caller_self();
        CleanupTask *task;

        if (manager->stopping || removals_plan(manager, &reasons) < 0 ||
                        removals_count(manager, reasons) == 0)
                return;
        task = calloc(1, sizeof(CleanupTask));
        if (task && job_queue(manager, &operation_cleanup, task, NULL, &self, JOB_NEXT, NULL, &fault) >= 0)
                return;
        journal_line(LOG_WARNING, "Cleaning up failed: %s", fault.message ? fault.message : "Out of memory");
}
