/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Removing one backup because somebody asks. */

#include <string.h>

#include "backup/catalogue/backup-name.h"
#include "backup/catalogue/remove.h"
#include "daemon/catalogue/collection.h"
#include "daemon/job/job-event.h"
#include "daemon/manager.h"

typedef struct DeleteTask {
        char *name;
        int directory_fd; /* borrowed from the Manager */
        Manifest *manifest;
} DeleteTask;

static void delete_free_task(void *userdata)
{
        DeleteTask *task = userdata;

        (void) manifest_free(task->manifest);
        free(task->name);
        free(task);
}

/* NULL with the fault filled when it can't or may not be deleted. */
static const Manifest *find_deletable(const Manager *manager, const char *name, Fault *fault)
{
        const CatalogueEntry *entry = catalogue_find(manager->catalogue, name);

        if (!entry)
                (void) fault_set(fault, FAULT_NOT_FOUND, "There is no backup %s", name);
        else if (entry->manifest->kind == BACKUP_INITIAL ||
                        strcmp(entry->manifest->name, INITIAL_BACKUP_NAME) == 0)
                (void) fault_set(fault,
                                FAULT_INVALID_ARGUMENT,
                                "%s is the first backup ever made and is kept for good",
                                entry->manifest->name);
        else if (entry->manifest->kept)
                (void) fault_set(fault,
                                FAULT_INVALID_ARGUMENT,
                                "%s is kept; `oracxpredctl unkeep %s` takes that back",
                                entry->manifest->name,
                                entry->manifest->name);
        else if (entry->leases > 0)
                (void) fault_set(fault,
                                FAULT_BUSY,
                                "The backup %s is being read, or is about to be; try again when that job "
                                "has ended",
                                entry->manifest->name);
        else
                return entry->manifest;
        return NULL;
}

static int delete_start(Job *job, void *userdata, Fault *fault)
{
        DeleteTask *task = userdata;
        const Manifest *manifest = find_deletable(job->manager, task->name, fault);

        if (!manifest)
                return fault_errno(fault->code);
        task->manifest = manifest_copy(manifest);
        if (!task->manifest)
                return -ENOMEM;
        task->directory_fd = job->manager->backups_fd;
        return job_claim_file(job, task->manifest->file);
}

static int delete_run(void *userdata, Progress *progress, Fault *fault)
{
        DeleteTask *task = userdata;

        progress_begin(progress, "removing the backup", 0);
        return remove_backup(task->directory_fd, task->manifest, fault);
}

static int delete_finish(Job *job, void *userdata)
{
        DeleteTask *task = userdata;

        if (job->fault.code != FAULT_NONE)
                return 0;
        event_backup_removed(job, task->manifest, "somebody asked for it");
        collection_drop(job->manager, (const char *const[]){task->manifest->file}, 1);
        return 0;
}

const Operation operation_delete = {
                .name = "delete",
                .doing = "Removing",
                .action = ACTION_DELETE,
                .needs_backups = true,
                .start = delete_start,
                .run = delete_run,
                .finish = delete_finish,
                .free_task = delete_free_task,
};

int operation_delete_queue(Manager *manager, const char *name, const Caller *caller, Job **ret, Fault *fault)
{
        DeleteTask *task;

        if (!find_deletable(manager, name, fault))
                return fault_errno(fault->code);
        task = calloc(1, sizeof(DeleteTask));
        if (!task || !(task->name = strdup(name))) {
                free(task);
                return fault_set_errno(fault, ENOMEM, "Making a job");
        }
        return job_queue(manager, &operation_delete, task, name, caller, JOB_LAST, ret, fault);
}
