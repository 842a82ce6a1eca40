/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Applying retention: what to drop is decided on the loop, from the catalogue of the moment the job begins;
 * the worker removes the files. */

#include "daemon/operation-cleanup.h"

#include <string.h>

#include "backup/remove.h"
#include "backup/retention.h"
#include "base/clock.h"
#include "base/journal.h"
#include "daemon/bus-argument.h"
#include "daemon/change.h"
#include "daemon/clock-keeper.h"
#include "daemon/collection.h"
#include "daemon/condition.h"
#include "daemon/event.h"

/* Ten thousand at once would hold the loop for seconds when they are taken over. */
#define BATCH_MAX 100

typedef struct Removal {
        Manifest *manifest;
        RetentionReason reason;
        bool removed; /* the worker's result */
} Removal;

typedef struct CleanupTask {
        int directory_fd; /* borrowed from the Manager */
        bool planned;
        size_t n_left;               /* of those that were to go at first, beyond this batch */
        Removal removals[BATCH_MAX]; /* this batch */
        size_t n_removals;
        sd_bus_message *reply; /* the loop's: the decisions, told when they are carried out */
} CleanupTask;

static void forget_removals(CleanupTask *task)
{
        while (task->n_removals > 0) {
                Removal *removal = &task->removals[--task->n_removals];

                (void) manifest_free(removal->manifest);
                *removal = (Removal){0};
        }
}

static void cleanup_free_task(void *userdata)
{
        CleanupTask *task = userdata;

        forget_removals(task);
        (void) sd_bus_message_unref(task->reply);
        free(task);
}

static int plan(Manager *manager, RetentionReason **ret)
{
        clock_keeper_see(manager);

        RetentionPolicy policy = {
                        .keep_usec = manager->configuration.retention_usec,
                        .minimum_verified = manager->configuration.retention_minimum_verified,
                        .clock = &manager->clock,
                        .database_corrupt = manager_require_sound_database(manager, NULL) < 0,
                        .held = manager->database_replaced || manager->hold.code,
        };
        RetentionReason *reasons;

        reasons = calloc(manager->catalogue->n_entries + 1, sizeof(RetentionReason));
        if (!reasons)
                return -ENOMEM;
        retention_plan(manager->catalogue, &policy, clock_now_usec(), reasons);
        *ret = reasons;
        return 0;
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

        r = plan(manager, &reasons);
        if (r >= 0)
                r = sd_bus_message_new_method_return(message, &reply);
        if (r >= 0)
                r = append_plan(reply, manager->catalogue, reasons);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

static int add_removal(Job *job, CleanupTask *task, const Manifest *manifest, RetentionReason reason)
{
        Removal *removal = &task->removals[task->n_removals];

        removal->manifest = manifest_copy(manifest);
        if (!removal->manifest)
                return -ENOMEM;
        removal->reason = reason;
        task->n_removals++;
        return job_claim_file(job, manifest->file);
}

/* What is decided at first, and answered at the end. */
static int begin(Job *job, CleanupTask *task, const RetentionReason *reasons)
{
        const Catalogue *catalogue = job->manager->catalogue;
        int r = 0;

        task->planned = true;
        for (size_t i = 0; i < catalogue->n_entries; i++)
                task->n_left += !retention_keeps(reasons[i]);
        if (job->message)
                r = sd_bus_message_new_method_return(job->message, &task->reply);
        return r >= 0 && task->reply ? append_plan(task->reply, catalogue, reasons) : r;
}

/* Decided anew for each batch: meanwhile somebody may have begun to read one, or the database is corrupt. */
static int cleanup_start(Job *job, void *userdata, Fault *fault)
{
        CleanupTask *task = userdata;
        Manager *manager = job->manager;
        const Catalogue *catalogue = manager->catalogue;
        _cleanup_free_ RetentionReason *reasons = NULL;
        int r;

        r = manager_require_sound_database(manager, fault);
        if (r < 0)
                return r;
        r = plan(manager, &reasons);
        if (r >= 0 && !task->planned)
                r = begin(job, task, reasons);
        if (r < 0)
                return r;

        task->directory_fd = manager->backups_fd;
        /* Oldest first: what a cancellation leaves is the newer part. */
        for (size_t i = catalogue->n_entries; i > 0 && task->n_left > 0 && task->n_removals < BATCH_MAX;
                        i--) {
                if (retention_keeps(reasons[i - 1]))
                        continue;
                task->n_left--;
                r = add_removal(job, task, catalogue->entries[i - 1].manifest, reasons[i - 1]);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int cleanup_run(void *userdata, Progress *progress, Fault *fault)
{
        CleanupTask *task = userdata;
        int r;

        progress_begin(progress, "removing old backups", 0);
        for (size_t i = 0; i < task->n_removals; i++) {
                r = progress_check(progress, fault);
                if (r >= 0)
                        r = remove_backup(task->directory_fd, task->removals[i].manifest, fault);
                if (r < 0)
                        return r;
                task->removals[i].removed = true;
        }
        return 0;
}

static void take_over_removals(Job *job, const CleanupTask *task)
{
        _cleanup_free_ const char **files = calloc(task->n_removals + 1, sizeof(char *));
        size_t n_files = 0;

        /* Out of memory: they are taken over with the files that the job has claimed. */
        for (size_t i = 0; files && i < task->n_removals; i++) {
                const Removal *removal = &task->removals[i];

                if (!removal->removed)
                        continue;
                event_backup_removed(job, removal->manifest, retention_reason_text(removal->reason));
                files[n_files++] = removal->manifest->file;
        }
        collection_drop(job->manager, files, n_files);
}

static int cleanup_finish(Job *job, void *userdata)
{
        CleanupTask *task = userdata;
        int r;

        take_over_removals(job, task);
        if (job->fault.code == FAULT_NONE && task->n_removals == BATCH_MAX && task->n_left > 0) {
                job_release_claims(job);
                forget_removals(task);
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
        size_t n_drops = 0;

        if (manager->stopping || plan(manager, &reasons) < 0)
                return;
        for (size_t i = 0; i < manager->catalogue->n_entries; i++)
                n_drops += !retention_keeps(reasons[i]);
        if (n_drops == 0)
                return;
        task = calloc(1, sizeof(CleanupTask));
        if (task && job_queue(manager, &operation_cleanup, task, NULL, &self, JOB_NEXT, NULL, &fault) >= 0)
                return;
        journal_line(LOG_WARNING, "Cleaning up failed: %s", fault.message ? fault.message : "Out of memory");
}
