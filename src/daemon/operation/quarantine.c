/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/operation/quarantine.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "backup/quarantine/quarantine.h"
#include "base/journal.h"
#include "daemon/access/authorize.h"
#include "daemon/job/operation.h"
#include "daemon/manager.h"
#include "daemon/state/condition.h"

typedef struct QuarantineTask {
        char *quarantine_path;
        char *database_path;
        char **names; /* of folders; NULL-terminated */
        bool reports_stay;
} QuarantineTask;

static void quarantine_free_task(void *userdata)
{
        QuarantineTask *task = userdata;

        for (size_t i = 0; task->names && task->names[i]; i++)
                free(task->names[i]);
        free(task->names);
        free(task->quarantine_path);
        free(task->database_path);
        free(task);
}

int quarantine_of(const Manager *manager, QuarantineList *ret, Fault *fault)
{
        const char *undo = manager->last_restore.quarantine, *slash = undo ? strrchr(undo, '/') : NULL;
        int r = quarantine_list_load(manager->quarantine_directory, ret, fault);

        for (size_t i = 0; r >= 0 && slash && i < ret->n_items; i++)
                ret->items[i].needed = strcmp(ret->items[i].name, slash + 1) == 0;
        return r;
}

static int remove_one(const QuarantineTask *task, const char *name, Fault *fault)
{
        _cleanup_free_ char *folder = NULL;
        int r;

        if (asprintf(&folder, "%s/%s", task->quarantine_path, name) < 0) {
                folder = NULL;
                return fault_set_errno(fault, ENOMEM, "Removing %s", name);
        }
        if (task->reports_stay)
                return quarantine_remove_files(folder, task->database_path, fault);
        r = quarantine_remove(folder, task->database_path, fault);
        if (r >= 0 && access(folder, F_OK) >= 0)
                return fault_set(fault,
                                FAULT_FAILED,
                                "%s holds other files than the database's; look at them, and remove it by "
                                "hand",
                                folder);
        return r;
}

static int quarantine_run(void *userdata, Progress *progress, Fault *fault)
{
        QuarantineTask *task = userdata;
        int r = 0;

        progress_begin(progress, "removing from the quarantine", 0);
        for (size_t i = 0; r >= 0 && task->names[i]; i++) {
                r = progress_check(progress, fault);
                if (r >= 0)
                        r = remove_one(task, task->names[i], fault);
        }
        return r;
}

static int quarantine_finish(Job *job, void *userdata)
{
        const QuarantineTask *task = userdata;

        for (size_t i = 0; job->fault.code == FAULT_NONE && task->names[i]; i++)
                journal_line(LOG_NOTICE,
                                "The quarantined database %s/%s was removed: %s",
                                task->quarantine_path,
                                task->names[i],
                                task->reports_stay ? "QuarantineMaxSize=, and it held no row of its own"
                                                   : "somebody asked for it");
        quarantine_keep_bound(job->manager);
        return 0;
}

const Operation operation_quarantine = {
                .name = "delete-quarantine",
                .doing = "Removing from the quarantine",
                .action = ACTION_DELETE,
                .run = quarantine_run,
                .finish = quarantine_finish,
                .free_task = quarantine_free_task,
};

static QuarantineTask *new_task(const Manager *manager, size_t n_names)
{
        QuarantineTask *task = calloc(1, sizeof(QuarantineTask));

        if (!task)
                return NULL;
        task->quarantine_path = strdup(manager->quarantine_directory);
        task->database_path = strdup(manager->database_path);
        task->names = calloc(n_names + 1, sizeof(char *));
        if (task->quarantine_path && task->database_path && task->names)
                return task;
        quarantine_free_task(task);
        return NULL;
}

static int require_spent(const QuarantineItem *item, Fault *fault)
{
        QuarantineWorth worth = quarantine_worth(item);

        if (item->needed)
                return fault_set(fault,
                                FAULT_NEEDS_DECISION,
                                "`oracxpredctl undo` would bring the quarantined %s back; --force removes "
                                "it all the "
                                "same",
                                item->name);
        if (worth == QUARANTINE_UNJUDGED)
                return fault_set(fault,
                                FAULT_NEEDS_DECISION,
                                "Nobody knows which rows lie in the quarantined %s alone; --force removes "
                                "it all the "
                                "same",
                                item->name);
        if (worth == QUARANTINE_ROWS)
                return fault_set(fault,
                                FAULT_NEEDS_DECISION,
                                "%" PRIu64
                                " rows or more of the quarantined %s could not be read; --force removes "
                                "it all the same",
                                quarantine_unread_rows(item),
                                item->name);
        return 0;
}

int operation_quarantine_queue(Manager *manager,
                const char *name,
                bool force,
                const Caller *caller,
                Job **ret,
                Fault *fault)
{
        _cleanup_(quarantine_list_done) QuarantineList list = {0};
        const QuarantineItem *item;
        QuarantineTask *task;
        int r = quarantine_of(manager, &list, fault);

        if (r < 0)
                return r;
        item = quarantine_list_find(&list, name);
        if (!item)
                return fault_set(fault,
                                FAULT_NOT_FOUND,
                                "There is no '%s' in the quarantine; `oracxpredctl quarantine list` shows "
                                "what is",
                                name);
        r = force ? 0 : require_spent(item, fault);
        if (r < 0)
                return r;
        task = new_task(manager, 1);
        if (!task || !(task->names[0] = strdup(name))) {
                if (task)
                        quarantine_free_task(task);
                return fault_set_errno(fault, ENOMEM, "Making a job");
        }
        return job_queue(manager, &operation_quarantine, task, NULL, caller, JOB_LAST, ret, fault);
}

static QuarantineTask *task_of_plan(const Manager *manager, const QuarantineList *list, const bool *drop)
{
        QuarantineTask *task = new_task(manager, list->n_items);
        size_t n = 0;

        if (!task)
                return NULL;
        task->reports_stay = true;
        for (size_t i = 0; i < list->n_items; i++)
                if (drop[i] && !(task->names[n++] = strdup(list->items[i].name))) {
                        quarantine_free_task(task);
                        return NULL;
                }
        if (n > 0)
                return task;
        quarantine_free_task(task);
        return NULL;
}

void quarantine_keep_bound(Manager *manager)
{
        _cleanup_(quarantine_list_done) QuarantineList list = {0};
        _cleanup_free_ bool *drop = NULL;
        _cleanup_fault_ Fault fault = {0};
        Caller self = caller_self();
        QuarantineTask *task;

        if (quarantine_of(manager, &list, NULL) < 0)
                return;
        drop = calloc(list.n_items + 1, sizeof *drop);
        if (!drop)
                return;
        manager->quarantine_bytes =
                        quarantine_plan(&list, manager->configuration.quarantine_max_bytes, drop);
        manager_update_health(manager);
        task = task_of_plan(manager, &list, drop);
        if (task && job_queue(manager, &operation_quarantine, task, NULL, &self, JOB_NEXT, NULL, &fault) < 0)
                journal_line(LOG_WARNING, "The quarantine is not kept within its bound: %s", fault.message);
}
