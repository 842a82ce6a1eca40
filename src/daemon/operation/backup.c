/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Taking a backup of the live database. */

#include <string.h>

#include "backup/catalogue/backup-name.h"
#include "backup/catalogue/sharing.h"
#include "backup/create/create.h"
#include "backup/state/last-attempt.h"
#include "base/clock.h"
#include "base/journal.h"
#include "daemon/audit/audit-queue.h"
#include "daemon/catalogue/collection.h"
#include "daemon/catalogue/identity-keeper.h"
#include "daemon/manager.h"
#include "daemon/operation/backup-result.h"
#include "daemon/operation/check-schedule.h"
#include "daemon/operation/removal.h"
#include "daemon/records/log-cleanup.h"
#include "daemon/records/maintenance.h"
#include "daemon/state/clock-keeper.h"
#include "daemon/state/condition.h"
#include "daemon/state/encryption.h"

typedef struct BackupTask {
        bool automatic;
        bool keep;
        char *label;
        char name[BACKUP_NAME_MAX];
        AgeRecipients recipients;
        Manifest *older; /* leased, for what has not changed since */
        bool older_damaged;
        DiskRead disk;
        Fault key_fault;             /* the identity that is here does not open it */
        bool makes_room;             /* it did not fit; what retention drops goes first */
        Removals removals;           /* of that */
        const char *state_directory; /* the Manager's */
        CreateRequest request; /* points into this task and to what the Manager keeps while workers run */
        Manifest *manifest;    /* the result */
} BackupTask;

static void backup_free_task(void *userdata)
{
        BackupTask *task = userdata;

        (void) manifest_free(task->manifest);
        removals_clear(&task->removals);
        free(task->label);
        (void) manifest_free(task->older);
        fault_done(&task->key_fault);
        free(task);
}

static int lease_older(Manager *manager, BackupTask *task)
{
        const CatalogueEntry *entry = catalogue_newest_reusable(manager->catalogue);

        if (!entry)
                return 0;
        task->older = manifest_copy(entry->manifest);
        if (!task->older)
                return -ENOMEM;
        collection_lease(manager, task->older->file);
        return 0;
}

static int take_expired(Job *job, BackupTask *task)
{
        _cleanup_free_ RetentionReason *reasons = NULL;
        int r = removals_plan(job->manager, &reasons);

        return r < 0 ? r : removals_take(job, reasons, REMOVALS_MAX, &task->removals);
}

/* Whether retention would drop something anyway, so that another run may fit. */
static bool can_make_room(Manager *manager)
{
        _cleanup_free_ RetentionReason *reasons = NULL;

        return !manager->stopping && removals_plan(manager, &reasons) >= 0 &&
               removals_count(manager, reasons) > 0;
}

static int backup_start(Job *job, void *userdata, Fault *fault)
{
        BackupTask *task = userdata;
        Manager *manager = job->manager;
        _cleanup_free_ char *file = NULL;
        CheckTimes check_times = check_schedule_times(manager);
        uint64_t now_usec = clock_now_usec();
        int r;

        clock_keeper_see(manager);
        r = manager_require_sound_database(manager, fault);
        if (r < 0)
                return r;
        if (job_is_attended(job))
                audit_queue_expect(manager->audit_queue);
        r = collection_name_backup(manager, now_usec, &task->recipients, task->name, &file, fault);
        if (r >= 0)
                r = job_claim_file(job, file);
        if (r >= 0)
                r = lease_older(manager, task);
        if (r >= 0 && task->makes_room)
                r = take_expired(job, task);
        if (r < 0)
                return r;

        task->state_directory = manager->state_directory;
        task->request = (CreateRequest){
                        .database_path = manager->database_path,
                        .directory_fd = manager->backups_fd,
                        .directory_path = manager->backup_directory,
                        .name = task->name,
                        .kind = task->automatic ? BACKUP_AUTOMATIC : BACKUP_MANUAL,
                        .label = task->label,
                        .kept = task->keep,
                        .database_id = manager->identity.id,
                        .compression = manager->configuration.compression,
                        .effort = manager->configuration.effort,
                        .quick_check = manager->configuration.quick_check,
                        .from_disk = check_schedule_is_near(&check_times, now_usec),
                        .ret_disk = &task->disk,
                        .background = task->automatic,
                        .recipients = &task->recipients,
                        .identities = manager->identities,
                        .older = task->older,
                        .apart = task->older &&
                                 sharing_is_over(manager->catalogue,
                                                 task->older,
                                                 manager->configuration.retention_minimum_verified,
                                                 now_usec),
                        .ret_older_damaged = &task->older_damaged,
                        .ret_key_fault = &task->key_fault,
                        .now_usec = now_usec,
        };
        return 0;
}

static int backup_run(void *userdata, Progress *progress, Fault *fault)
{
        BackupTask *task = userdata;
        int r = removals_run(&task->removals, task->request.directory_fd, progress, fault);

        if (r >= 0)
                r = create_backup(&task->request, progress, &task->manifest, fault);

        last_attempt_note(task->state_directory, fault);
        backup_result_note(task->state_directory, task->manifest, &task->disk);
        return r;
}

/* What could not be read back from the new backup was copied from this one. */
static void give_back_older(Manager *manager, const BackupTask *task)
{
        AgeIdentities *none = NULL;
        Caller self = caller_self();
        _cleanup_fault_ Fault fault = {0};
        Job *job;

        if (!task->older)
                return;
        collection_release(manager, task->older->file);
        if (task->older_damaged && !manager->stopping &&
                        operation_verify_queue(
                                        manager, task->older->file, true, &none, &self, &job, &fault) < 0)
                journal_line(LOG_WARNING, "Verifying %s failed: %s", task->older->file, fault.message);
}

static int backup_finish(Job *job, void *userdata)
{
        BackupTask *task = userdata;
        int r;

        give_back_older(job->manager, task);
        removals_take_over(job, &task->removals);
        removals_clear(&task->removals);
        if (job->fault.code == FAULT_NO_SPACE && !task->makes_room && can_make_room(job->manager)) {
                journal_line(LOG_NOTICE,
                                "%s; removing what retention drops, and trying again",
                                job->fault.message);
                fault_done(&job->fault);
                task->older = manifest_free(task->older);
                task->makes_room = true;
                job_release_claims(job);
                return 1;
        }
        if (job->fault.code != FAULT_NONE) {
                backup_result_failed(job);
                return 0;
        }
        if (task->manifest->encrypted && job->manager->identities &&
                        task->manifest->copied_usec == task->manifest->created_usec)
                encryption_set_fault(job->manager, &task->key_fault);
        if (task->automatic)
                maintenance_follow(
                                job->manager->maintenance, task->manifest->tables, task->manifest->n_tables);
        identity_keeper_compare(job->manager, task->manifest->tables, task->manifest->n_tables);
        r = backup_result_made(job, TAKE_PTR(task->manifest), &task->disk);
        if (r >= 0) {
                operation_cleanup_follow(job->manager);
                log_cleanup_begin(job->manager->log_cleanup);
        }
        return r;
}

const Operation operation_backup = {
                .name = "backup",
                .doing = "Backing up",
                .action = ACTION_BACKUP,
                .needs_backups = true,
                .start = backup_start,
                .run = backup_run,
                .finish = backup_finish,
                .free_task = backup_free_task,
};

int operation_backup_queue(Manager *manager,
                bool automatic,
                bool keep,
                const char *label,
                const Caller *caller,
                Job **ret,
                Fault *fault)
{
        BackupTask *task = calloc(1, sizeof(BackupTask));

        if (!task)
                return fault_set_errno(fault, ENOMEM, "Making a job");
        task->automatic = automatic;
        task->keep = keep;
        if (label && label[0] && !(task->label = strdup(label))) {
                backup_free_task(task);
                return fault_set_errno(fault, ENOMEM, "Making a job");
        }
        return job_queue(manager,
                        &operation_backup,
                        task,
                        NULL,
                        caller,
                        automatic ? JOB_UNATTENDED : JOB_LAST,
                        ret,
                        fault);
}
