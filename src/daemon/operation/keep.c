/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Pinning a backup, so that neither retention nor a deletion removes it, and taking that back. */

#include <string.h>

#include "daemon/access/authorize.h"
#include "daemon/bus/caller.h"
#include "daemon/job/job.h"
#include "daemon/job/operation.h"
#include "daemon/manager.h"

typedef struct KeepTask {
        char *name;
        bool keep;
        char *file;
        int directory_fd; /* borrowed from the Manager */
} KeepTask;

static void keep_free_task(void *userdata)
{
        KeepTask *task = userdata;

        free(task->name);
        free(task->file);
        free(task);
}

/* NULL with the fault filled when there is nothing to pin. */
static const Manifest *find_own(const Manager *manager, const char *name, Fault *fault)
{
        const CatalogueEntry *entry = catalogue_find(manager->catalogue, name);

        if (!entry)
                (void) fault_set(fault, FAULT_NOT_FOUND, "There is no backup %s", name);
        else if (entry->manifest->adopted)
                (void) fault_set(fault,
                                FAULT_NOT_SUPPORTED,
                                "%s was not made by this service, which never removes it by itself",
                                entry->manifest->name);
        else
                return entry->manifest;
        return NULL;
}

static int keep_start(Job *job, void *userdata, Fault *fault)
{
        KeepTask *task = userdata;
        const Manifest *manifest = find_own(job->manager, task->name, fault);

        if (!manifest)
                return fault_errno(fault->code);
        task->file = strdup(manifest->file);
        if (!task->file)
                return -ENOMEM;
        task->directory_fd = job->manager->backups_fd;
        return job_claim_file(job, task->file);
}

/* The document as it is on the disk, so that what others have put there stays. */
static int keep_run(void *userdata, Progress *progress, Fault *fault)
{
        const KeepTask *task = userdata;
        _cleanup_(manifest_freep) Manifest *manifest = NULL;
        int r;

        progress_begin(progress, "writing the manifest", 0);
        r = manifest_load(task->directory_fd, task->file, &manifest, fault);
        if (r < 0 || manifest->kept == task->keep)
                return r;
        manifest->kept = task->keep;
        return manifest_store(task->directory_fd, manifest, fault);
}

/* The end of the job reads the claimed file again. */
static int keep_finish(Job *job, void *userdata)
{
        return 0;
}

const Operation operation_keep = {
                .name = "keep",
                .doing = "Keeping",
                .action = ACTION_BACKUP,
                .needs_backups = true,
                .start = keep_start,
                .run = keep_run,
                .finish = keep_finish,
                .free_task = keep_free_task,
};

const Operation operation_unkeep = {
                .name = "unkeep",
                .doing = "No longer keeping",
                .action = ACTION_DELETE,
                .needs_backups = true,
                .start = keep_start,
                .run = keep_run,
                .finish = keep_finish,
                .free_task = keep_free_task,
};

int operation_keep_queue(
                Manager *manager, const char *name, bool keep, const Caller *caller, Job **ret, Fault *fault)
{
        KeepTask *task;

        if (!find_own(manager, name, fault))
                return fault_errno(fault->code);
        task = calloc(1, sizeof(KeepTask));
        if (!task || !(task->name = strdup(name))) {
                free(task);
                return fault_set_errno(fault, ENOMEM, "Making a job");
        }
        task->keep = keep;
        return job_queue(manager,
                        keep ? &operation_keep : &operation_unkeep,
                        task,
                        name,
                        caller,
                        JOB_LAST,
                        ret,
                        fault);
}
