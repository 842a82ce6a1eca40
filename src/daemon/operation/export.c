/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The database as JSON, into a descriptor that the caller has passed. */

#include "daemon/job/job-event.h"
#include "daemon/manager.h"
#include "daemon/operation/automatic-restore.h"
#include "daemon/state/condition.h"

typedef struct ExportTask {
        int output_fd;
        char **tables;
        ExportOptions options;
        const char *database_path; /* the Manager's, which outlives the workers */
        ExportResult result;
} ExportTask;

static void export_free_task(void *userdata)
{
        ExportTask *task = userdata;

        closep(&task->output_fd);
        string_list_free(task->tables);
        free(task);
}

static int export_start(Job *job, void *userdata, Fault *fault)
{
        return manager_require_sound_database(job->manager, fault);
}

static int export_run_task(void *userdata, Progress *progress, Fault *fault)
{
        ExportTask *task = userdata;
        int r;

        r = export_run(task->database_path, &task->options, task->output_fd, progress, &task->result, fault);
        /* The reader sees the end of the document now, and not when the loop gets to it. */
        closep(&task->output_fd);
        task->output_fd = -EBADF;
        return r;
}

static int export_finish(Job *job, void *userdata)
{
        ExportTask *task = userdata;
        Manager *manager = job->manager;

        if (job->fault.code == FAULT_NONE)
                event_database_exported(job, task->database_path, &task->result, task->options.redact);
        else
                manager_met_fault(manager, &job->fault);
        return 0;
}

const Operation operation_export = {
                .name = "export",
                .doing = "Exporting",
                .action = ACTION_EXPORT,
                .start = export_start,
                .run = export_run_task,
                .finish = export_finish,
                .free_task = export_free_task,
};

int operation_export_queue(Manager *manager,
                int output_fd,
                char **tables,
                ExportStyle style,
                bool redact,
                const Caller *caller,
                Job **ret,
                Fault *fault)
{
        ExportTask *task = calloc(1, sizeof(ExportTask));

        if (!task) {
                closep(&output_fd);
                string_list_free(tables);
                return fault_set_errno(fault, ENOMEM, "Making a job");
        }
        task->output_fd = output_fd;
        task->tables = tables;
        task->database_path = manager->database_path;
        task->options = (ExportOptions){
                        .tables = (const char *const *) tables,
                        .style = style,
                        .redact = redact,
        };
        return job_queue(manager, &operation_export, task, NULL, caller, JOB_LAST, ret, fault);
}
