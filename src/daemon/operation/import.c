/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A database built from an export, and kept as a backup of kind imported. The live database is not touched:
 * a restore of that backup is what puts it in force. */

#include <fcntl.h>
#include <string.h>

#include "backup/catalogue/backup-name.h"
#include "backup/catalogue/unfinished.h"
#include "backup/create/create.h"
#include "base/clock.h"
#include "daemon/catalogue/collection.h"
#include "daemon/job/job-event.h"
#include "daemon/manager.h"
#include "daemon/state/unpacking.h"
#include "database/import/import.h"

typedef struct ImportTask {
        int input_fd;
        char *source_name;
        char *label;
        char name[BACKUP_NAME_MAX];
        char *image_name; /* the database while it is built, below the backups */
        char *image_path;
        AgeRecipients recipients;
        CreateRequest request; /* points into this task and to what the Manager keeps while workers run */
        ImportResult result;
        Manifest *manifest;
} ImportTask;

static void import_free_task(void *userdata)
{
        ImportTask *task = userdata;

        closep(&task->input_fd);
        free(task->source_name);
        free(task->label);
        free(task->image_name);
        free(task->image_path);
        (void) manifest_free(task->manifest);
        free(task);
}

static int import_start(Job *job, void *userdata, Fault *fault)
{
        ImportTask *task = userdata;
        const Manager *manager = job->manager;
        _cleanup_free_ char *file = NULL, *unpacked = NULL;
        uint64_t now_usec = clock_now_usec();
        int r;

        r = collection_name_backup(manager, now_usec, &task->recipients, task->name, &file, fault);
        if (r < 0)
                return r;
        unpacked = unfinished_verify_name(file);
        /* A name that the next start removes, should this one be killed. */
        if (!unpacked || asprintf(&task->image_name, ".%s.tmp", unpacked) < 0) {
                task->image_name = NULL;
                return -ENOMEM;
        }
        if (asprintf(&task->image_path, "%s/%s", manager->backup_directory, task->image_name) < 0) {
                task->image_path = NULL;
                return -ENOMEM;
        }
        task->request = (CreateRequest){
                        .database_path = task->image_path,
                        .directory_fd = manager->backups_fd,
                        .directory_path = manager->backup_directory,
                        .name = task->name,
                        .kind = BACKUP_IMPORTED,
                        .label = task->label,
                        .database_id = manager->identity.id,
                        .compression = manager->configuration.compression,
                        .effort = unpacking_effort(manager),
                        .recipients = &task->recipients,
                        .identities = manager->identities,
                        .now_usec = now_usec,
        };
        return job_claim_file(job, file);
}

static int import_run_task(void *userdata, Progress *progress, Fault *fault)
{
        ImportTask *task = userdata;
        const CreateRequest *request = &task->request;
        int r;

        unfinished_remove_image(request->directory_fd, task->image_name);
        r = import_run(task->input_fd,
                        task->image_path,
                        request->effort.image_max_bytes,
                        progress,
                        &task->result,
                        fault);
        if (r < 0)
                return fault_prefix(fault, r, "Importing %s", task->source_name);
        r = create_backup(request, progress, &task->manifest, fault);
        unfinished_remove_image(request->directory_fd, task->image_name);
        if (r < 0)
                return r;
        /* Where it came from, not the file that it was built in. */
        free(task->manifest->source);
        task->manifest->source = TAKE_PTR(task->source_name);
        return manifest_store(request->directory_fd, task->manifest, fault);
}

static int import_finish(Job *job, void *userdata)
{
        ImportTask *task = userdata;

        if (job->fault.code != FAULT_NONE)
                return 0;
        event_backup_created(job, task->manifest);
        return collection_put(job->manager, TAKE_PTR(task->manifest), job->id, true);
}

const Operation operation_import = {
                .name = "import",
                .doing = "Importing",
                .action = ACTION_IMPORT,
                .needs_backups = true,
                .start = import_start,
                .run = import_run_task,
                .finish = import_finish,
                .free_task = import_free_task,
};

int operation_import_queue(Manager *manager,
                int input_fd,
                const char *source_name,
                const char *label,
                const Caller *caller,
                Job **ret,
                Fault *fault)
{
        ImportTask *task = calloc(1, sizeof(ImportTask));

        if (!task) {
                closep(&input_fd);
                return fault_set_errno(fault, ENOMEM, "Making a job");
        }
        task->input_fd = input_fd;
        task->source_name = strdup(source_name);
        task->label = label && label[0] ? strdup(label) : NULL;
        if (!task->source_name || (label && label[0] && !task->label)) {
                import_free_task(task);
                return fault_set_errno(fault, ENOMEM, "Making a job");
        }
        return job_queue(manager, &operation_import, task, NULL, caller, JOB_LAST, ret, fault);
}
