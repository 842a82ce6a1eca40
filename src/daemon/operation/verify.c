/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Proving one backup: its stored file is read in full, and its image checked. */

#include "backup/create/verify.h"

#include <fcntl.h>
#include <string.h>

#include "base/background.h"
#include "base/clock.h"
#include "daemon/catalogue/backup-place.h"
#include "daemon/catalogue/collection.h"
#include "daemon/job/job-event.h"
#include "daemon/manager.h"
#include "daemon/state/condition.h"
#include "daemon/state/unpacking.h"

typedef struct VerifyTask {
        char *name;
        bool automatic;        /* nobody waits for it: out of everybody's way */
        AgeIdentities *passed; /* for this call alone, or NULL */
        const AgeIdentities *identities;
        Manifest *manifest; /* our own copy of what is to be proved */
        int directory_fd;   /* borrowed from the Manager, which outlives the workers */
        const char *directory_path;
        Effort effort;
        uint64_t now_usec;
        Manifest *verdict; /* the result; also of a bad backup */
} VerifyTask;

static void verify_free_task(void *userdata)
{
        VerifyTask *task = userdata;

        (void) manifest_free(task->manifest);
        (void) manifest_free(task->verdict);
        (void) age_identities_free(task->passed);
        free(task->name);
        free(task);
}

static int verify_start(Job *job, void *userdata, Fault *fault)
{
        VerifyTask *task = userdata;
        Manager *manager = job->manager;
        const CatalogueEntry *entry = catalogue_find(manager->catalogue, task->name);
        int r;

        if (!entry)
                return fault_set(fault,
                                FAULT_NOT_FOUND,
                                "There is no backup %s; `oracxpredctl list` shows those there are",
                                task->name);
        task->manifest = manifest_copy(entry->manifest);
        if (!task->manifest)
                return -ENOMEM;
        task->directory_fd = manager->backups_fd;
        task->directory_path = manager->backup_directory;
        task->identities = task->passed ? task->passed : manager->identities;
        task->effort = unpacking_effort(manager);
        task->now_usec = clock_now_usec();
        r = job_claim_file(job, task->manifest->file);
        if (r >= 0 && !job->leased)
                r = job_lease(job, task->manifest->file);
        return r;
}

static int verify_run(void *userdata, Progress *progress, Fault *fault)
{
        VerifyTask *task = userdata;

        return verify_backup(task->directory_fd,
                        task->directory_path,
                        task->manifest,
                        task->identities,
                        task->effort,
                        task->now_usec,
                        progress,
                        &task->verdict,
                        fault);
}

static int verify_run_task(void *userdata, Progress *progress, Fault *fault)
{
        const VerifyTask *task = userdata;

        return task->automatic ? background_run(verify_run, userdata, progress, fault)
                               : verify_run(userdata, progress, fault);
}

static int verify_finish(Job *job, void *userdata)
{
        VerifyTask *task = userdata;

        if (job->fault.code == FAULT_NONE)
                event_backup_verified(job, task->verdict);
        if (!task->verdict)
                return 0;
        return collection_put(job->manager, TAKE_PTR(task->verdict), job->id, false);
}

const Operation operation_verify = {
                .name = "verify",
                .doing = "Verifying",
                .action = ACTION_VERIFY,
                .needs_backups = true,
                .start = verify_start,
                .run = verify_run_task,
                .finish = verify_finish,
                .free_task = verify_free_task,
};

int operation_verify_queue(Manager *manager,
                const char *name,
                bool automatic,
                AgeIdentities **identities,
                const Caller *caller,
                Job **ret,
                Fault *fault)
{
        const CatalogueEntry *entry = catalogue_find(manager->catalogue, name);
        VerifyTask *task;
        Job *job;
        int r = backup_place_refuse_away(manager, fault);

        if (r < 0)
                return r;
        /* Before the catalogue is there, nobody knows: the job finds out when its turn comes. */
        if (!entry && manager->catalogue_loaded)
                return fault_set(fault,
                                FAULT_NOT_FOUND,
                                "There is no backup %s; `oracxpredctl list` shows those there are",
                                name);
        task = calloc(1, sizeof(VerifyTask));
        if (!task || !(task->name = strdup(entry ? entry->manifest->name : name))) {
                free(task);
                return fault_set_errno(fault, ENOMEM, "Making a job");
        }
        task->automatic = automatic;
        task->passed = TAKE_PTR(*identities);
        r = job_queue(manager,
                        &operation_verify,
                        task,
                        task->name,
                        caller,
                        automatic ? JOB_UNATTENDED : JOB_LAST,
                        &job,
                        fault);
        if (r < 0)
                return r;
        /* From now on, and not only from its turn on: what somebody asked to verify is not removed. */
        if (entry)
                (void) job_lease(job, entry->manifest->file);
        *ret = job;
        return 0;
}
