/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Checking the live database because somebody asks, something is suspected, or it is time. */

#include <string.h>
#include <sys/stat.h>

#include "backup/create/check-live.h"
#include "backup/repair/repair-intent.h"
#include "backup/state/last-check.h"
#include "base/clock.h"
#include "daemon/catalogue/backup-place.h"
#include "daemon/catalogue/identity-keeper.h"
#include "daemon/job/job-event.h"
#include "daemon/manager.h"
#include "daemon/operation/automatic-restore.h"
#include "daemon/operation/check-schedule.h"
#include "daemon/operation/remedy-state.h"
#include "daemon/operation/wal-watch.h"
#include "daemon/state/condition.h"
#include "database/connection/placement.h"
#include "database/copy/deleted-wal.h"

typedef struct CheckTask {
        char *database_path;
        bool on_copy;   /* somebody waits for it, or it is time */
        LiveCheck live; /* borrows from this and from the Manager, which outlives the workers */
        uint64_t begun_usec;
        bool checked; /* to the end; `result` says what was found */
        CheckResult result;
        IdentityLook look;
        const char *state_directory; /* borrowed, too */
        Remedies remedies;           /* when a repair that was cut off is to be told */
} CheckTask;

static void check_free_task(void *userdata)
{
        CheckTask *task = userdata;

        check_result_done(&task->result);
        identity_look_done(&task->look);
        remedies_done(&task->remedies);
        free(task->database_path);
        free(task);
}

static int check_start(Job *job, void *userdata, Fault *fault)
{
        CheckTask *task = userdata;
        Manager *manager = job->manager;

        bool scheduled = job->operation == &operation_scheduled_check;

        /* Where something is suspected the service writes no copy for it: at each start of a large database
         * that would be more than the faster way is worth. */
        task->on_copy = scheduled ||
                        (job_is_attended(job) && backup_place_require(manager, true, NULL) >= 0);
        task->live = (LiveCheck){
                        .database_path = task->database_path,
                        .directory_fd = manager->backups_fd,
                        .directory_path = manager->backup_directory,
                        .threads = manager->configuration.effort.threads,
                        .background = scheduled,
        };
        task->state_directory = manager->state_directory;
        return 0;
}

static int check_run_task(void *userdata, Progress *progress, Fault *fault)
{
        CheckTask *task = userdata;
        struct stat status;
        int r;

        task->begun_usec = clock_now_usec();
        progress_begin(progress, "checking the database", 0);
        /* To SQLite that is a sound database without tables; the one of this service has had its schema
         * since the start. */
        if (lstat(task->database_path, &status) == 0 && S_ISREG(status.st_mode) &&
                        status.st_size <= PLACEMENT_NOTHING_BYTES)
                return fault_set(fault,
                                FAULT_CORRUPT,
                                "The database %s was emptied; `oracxpredctl restore` puts the newest good "
                                "backup in its place",
                                task->database_path);
        r = deleted_wal_refuse(task->database_path, fault);
        if (r < 0)
                return r;
        r = task->on_copy ? check_live(&task->live, progress, &task->result, fault)
                          : check_run_twice(task->database_path,
                                            CONNECTION_READ,
                                            CHECK_FULL,
                                            task->live.threads,
                                            progress,
                                            &task->result,
                                            fault);
        task->checked = r >= 0;
        if (task->checked && task->on_copy)
                last_check_note(task->state_directory, task->begun_usec);
        /* Another file may be in its place by now. */
        if (task->checked)
                identity_look(task->database_path, progress, &task->look);
        if (r >= 0 && task->result.healthy)
                return repair_intent_settle(task->state_directory, &task->remedies, fault);
        if (r < 0)
                return r;
        return fault_set(fault,
                        FAULT_CORRUPT,
                        "The database %s %s, %u finding%s, the first: %s",
                        task->database_path,
                        task->result.damage & DAMAGE_CONTENT ? "is corrupt"
                                                             : "has damaged indexes or free pages",
                        task->result.n_findings,
                        task->result.n_findings == 1 ? "" : "s",
                        task->result.first_finding);
}

static int check_finish(Job *job, void *userdata)
{
        CheckTask *task = userdata;
        Manager *manager = job->manager;

        if (job->fault.code == FAULT_NONE)
                event_database_checked(job, task->database_path);
        if (task->checked) {
                identity_keeper_settle(manager, &task->look);
                manager_take_check(manager, &task->result);
                if (task->on_copy)
                        check_schedule_done(manager, task->begun_usec);
        } else if (fault_means_corrupt(job->fault.code)) /* it was emptied */
                manager_set_integrity(manager, INTEGRITY_CORRUPT, job->fault.message);
        else if (job->fault.code == FAULT_IO)
                check_schedule_failed(manager, job->fault.message);
        else if (job->fault.code != FAULT_CANCELLED && job->fault.code != FAULT_BUSY &&
                        job->operation != &operation_scheduled_check)
                manager_set_integrity(manager, INTEGRITY_UNKNOWN, job->fault.message);
        remedy_state_take(manager, &task->remedies);
        if (fault_means_corrupt(job->fault.code) &&
                        (manager->integrity == INTEGRITY_CORRUPT ||
                                        manager->integrity == INTEGRITY_REPAIRABLE))
                (void) automatic_restore_consider(manager);
        /* The new file is sound, but who had the old one open still writes there: that is for somebody to
         * see, and `oracxpredctl verify` says that they have. */
        if (job->fault.code == FAULT_NONE && job_is_attended(job)) {
                manager->database_replaced = false;
                wal_watch_accept(manager);
                automatic_restore_repaired(manager);
                manager_update_health(manager);
        }
        return 0;
}

const Operation operation_check = {
                .name = "check",
                .doing = "Checking the database",
                .action = ACTION_VERIFY,
                .urgent = true, /* a restore may be what follows */
                .start = check_start,
                .run = check_run_task,
                .finish = check_finish,
                .free_task = check_free_task,
};

/* Nothing is known against the database: what waits is not hurried, and the application goes on. */
const Operation operation_scheduled_check = {
                .name = "check",
                .doing = "Checking the database",
                .action = ACTION_VERIFY,
                .needs_backups = true,
                .start = check_start,
                .run = check_run_task,
                .finish = check_finish,
                .free_task = check_free_task,
};

static int queue(Manager *manager,
                const Operation *operation,
                JobPlace place,
                const Caller *caller,
                Job **ret,
                Fault *fault)
{
        CheckTask *task = calloc(1, sizeof(CheckTask));

        if (!task || !(task->database_path = strdup(manager->database_path))) {
                free(task);
                return fault_set_errno(fault, ENOMEM, "Making a job");
        }
        return job_queue(manager, operation, task, NULL, caller, place, ret, fault);
}

int operation_check_queue(Manager *manager, bool automatic, const Caller *caller, Job **ret, Fault *fault)
{
        return queue(manager, &operation_check, automatic ? JOB_UNATTENDED : JOB_LAST, caller, ret, fault);
}

int operation_check_queue_scheduled(Manager *manager, Fault *fault)
{
        Caller self = caller_self();

        return queue(manager, &operation_scheduled_check, JOB_UNATTENDED, &self, NULL, fault);
}
