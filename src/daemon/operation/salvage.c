/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/operation/salvage.h"

#include <inttypes.h>
#include <string.h>

#include "backup/catalogue/backup-name.h"
#include "backup/quarantine/salvage.h"
#include "base/clock.h"
#include "base/journal.h"
#include "daemon/bus/bus-argument.h"
#include "daemon/catalogue/collection.h"
#include "daemon/job/operation.h"
#include "daemon/manager.h"
#include "daemon/operation/backup-result.h"
#include "daemon/operation/quarantine.h"
#include "daemon/state/condition.h"
#include "daemon/state/property-changes.h"

typedef struct SalvageTask {
        char *name; /* of the folder */
        bool merge;
        char backup_name[BACKUP_NAME_MAX];
        AgeRecipients recipients;
        CreateRequest create; /* points into this task and to what the Manager keeps while workers run */
        SalvageRequest request;
        MergeReport report;
        Manifest *backup; /* of what there was before */
} SalvageTask;

static void salvage_free_task(void *userdata)
{
        SalvageTask *task = userdata;

        free(task->name);
        merge_report_done(&task->report);
        (void) manifest_free(task->backup);
        free(task);
}

static int salvage_start(Job *job, void *userdata, Fault *fault)
{
        SalvageTask *task = userdata;
        Manager *manager = job->manager;
        _cleanup_free_ char *file = NULL;
        uint64_t now_usec = clock_now_usec();
        int r = manager_require_sound_database(manager, fault);

        if (r >= 0)
                r = collection_name_backup(
                                manager, now_usec, &task->recipients, task->backup_name, &file, fault);
        if (r >= 0)
                r = job_claim_file(job, file);
        if (r < 0)
                return r;
        task->create = (CreateRequest){
                        .database_path = manager->database_path,
                        .directory_fd = manager->backups_fd,
                        .directory_path = manager->backup_directory,
                        .name = task->backup_name,
                        .kind = BACKUP_PRE_RESTORE,
                        .database_id = manager->identity.id,
                        .compression = manager->configuration.compression,
                        .effort = manager->configuration.effort,
                        .recipients = &task->recipients,
                        .now_usec = now_usec,
        };
        task->request = (SalvageRequest){
                        .database_path = manager->database_path,
                        .quarantine_path = manager->quarantine_directory,
                        .name = task->name,
                        .merge = task->merge,
                        .pre_restore = &task->create,
                        .threads = manager->configuration.effort.threads,
        };
        return 0;
}

static int salvage_run_task(void *userdata, Progress *progress, Fault *fault)
{
        SalvageTask *task = userdata;

        return salvage_run(&task->request, progress, &task->report, &task->backup, fault);
}

static int answer(const Job *job, const SalvageTask *task)
{
        _cleanup_message_ sd_bus_message *reply = NULL;
        size_t room_bytes = BUS_NAMES_MAX_BYTES;
        int r = sd_bus_message_new_method_return(job->message, &reply);

        if (r >= 0)
                r = sd_bus_message_append(reply, "s", task->name);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "(sttt)");
        for (size_t i = 0; r >= 0 && i < task->report.n_tables &&
                           bus_take_room(&room_bytes, task->report.tables[i].name);
                        i++) {
                const MergeTable *table = task->report.tables + i;

                r = sd_bus_message_open_container(reply, 'r', "sttt");
                if (r >= 0)
                        r = bus_append_name(reply, table->name);
                if (r >= 0)
                        r = sd_bus_message_append(
                                        reply, "ttt", table->merged, table->refused, table->differing);
                if (r >= 0)
                        r = sd_bus_message_close_container(reply);
        }
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        if (r >= 0)
                r = sd_bus_message_append(reply, "s", task->backup ? task->backup_name : "");
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

/* The backup is there even where the merge failed after it. */
static int salvage_finish(Job *job, void *userdata)
{
        SalvageTask *task = userdata;
        int answered = 0, r = 0;

        if (job->fault.code == FAULT_NONE && task->backup)
                journal_line(LOG_NOTICE,
                                "%" PRIu64
                                " rows of the quarantined database %s/%s were merged into %s; what "
                                "there was before is the backup %s",
                                merge_report_merged(&task->report),
                                job->manager->quarantine_directory,
                                task->name,
                                job->manager->database_path,
                                task->backup_name);
        if (job->fault.code == FAULT_NONE && job->message)
                answered = answer(job, task);
        if (task->backup)
                r = backup_result_made(job, TAKE_PTR(task->backup), &(DiskRead){0});
        manager_flush_changes(job->manager);
        if (answered < 0)
                journal_line(LOG_DEBUG, "Answering Salvage failed: %s", strerrordesc_np(-answered));
        return r;
}

const Operation operation_salvage = {
                .name = "salvage",
                .doing = "Salvaging rows",
                .action = ACTION_RESTORE,
                .needs_backups = true,
                .start = salvage_start,
                .run = salvage_run_task,
                .finish = salvage_finish,
                .free_task = salvage_free_task,
};

/* Reports whose files are gone are passed by. */
static int find(const Manager *manager, const char *name, char **ret, Fault *fault)
{
        _cleanup_(quarantine_list_done) QuarantineList list = {0};
        int r = quarantine_of(manager, &list, fault);

        for (size_t i = 0; r >= 0 && i < list.n_items; i++) {
                const QuarantineItem *item = list.items + i;

                if (item->bytes == 0 || (name[0] && strcmp(item->name, name) != 0))
                        continue;
                *ret = strdup(item->name);
                return *ret ? 0 : fault_set_errno(fault, ENOMEM, "Making a job");
        }
        if (r < 0)
                return r;
        return name[0] ? fault_set(fault, FAULT_NOT_FOUND, "There is no database %s in the quarantine", name)
                       : fault_set(fault, FAULT_NOT_FOUND, "There is no database in the quarantine");
}

int operation_salvage_queue(Manager *manager,
                const char *name,
                bool merge,
                const Caller *caller,
                Job **ret,
                Fault *fault)
{
        _cleanup_free_ char *found = NULL;
        SalvageTask *task;
        int r = find(manager, name, &found, fault);

        if (r >= 0)
                r = manager_require_sound_database(manager, fault);
        if (r < 0)
                return r;
        task = calloc(1, sizeof(SalvageTask));
        if (!task)
                return fault_set_errno(fault, ENOMEM, "Making a job");
        task->name = TAKE_PTR(found);
        task->merge = merge;
        return job_queue(manager, &operation_salvage, task, NULL, caller, JOB_LAST, ret, fault);
}
