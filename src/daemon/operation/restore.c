/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Restoring a backup, a file from elsewhere, or what the last restore replaced. An automatic restore goes
 * from candidate to candidate, a run each, until one passes its proof. */

#include <fcntl.h>
#include <openssl/crypto.h>
#include <string.h>

#include "backup/catalogue/backup-name.h"
#include "backup/create/bring-in.h"
#include "backup/create/verify.h"
#include "backup/restore/restore-record.h"
#include "base/clock.h"
#include "base/journal.h"
#include "daemon/catalogue/backup-place.h"
#include "daemon/catalogue/collection.h"
#include "daemon/facts/recovery-decision.h"
#include "daemon/manager.h"
#include "daemon/operation/application-units.h"
#include "daemon/operation/automatic-restore.h"
#include "daemon/operation/database-watch.h"
#include "daemon/operation/restore-remedy.h"
#include "daemon/operation/restore-result.h"
#include "daemon/state/condition.h"
#include "daemon/state/encryption.h"
#include "daemon/state/unpacking.h"
#include "daemon/store/record-store.h"

static void restore_free_task(void *userdata)
{
        RestoreTask *task = userdata;

        free(task->name);
        free(task->file_name);
        closep(&task->file_fd);
        (void) age_identities_free(task->passed);
        fault_done(&task->encryption_fault);
        OPENSSL_cleanse(&task->imported_key, sizeof task->imported_key);
        (void) manifest_free(task->source);
        free(task->quarantine);
        application_units_done(&task->units);
        (void) manifest_free(task->imported);
        (void) manifest_free(task->verdict);
        restore_outcome_done(&task->outcome);
        restored_database_done(&task->settled);
        restore_record_done(&task->record);
        table_counts_free(task->known_tables, task->n_known_tables);
        remedies_done(&task->remedies);
        fault_done(&task->remedies_fault);
        free(task);
}

/* A restore that nobody asked for would go further back than it had to, for want of a key. */
static bool passes_encrypted_over(const Manager *manager, const CatalogueEntry *taken)
{
        const CatalogueEntry *best = recovery_choose(manager->catalogue, &manager->last_restore, true);

        return best && best != taken;
}

static int take_source(Job *job, RestoreTask *task, const char *name, Fault *fault)
{
        const CatalogueEntry *entry;
        int r;

        r = recovery_find(job->manager->catalogue,
                        &job->manager->last_restore,
                        name,
                        !task->automatic || encryption_can_open(job->manager),
                        &entry,
                        fault);
        if (r < 0)
                return r;
        if (task->automatic)
                task->terms = (RestoreTerms){
                                .facts = {.source_is_initial = entry->manifest->kind == BACKUP_INITIAL,
                                                .source_is_of_another = entry->other,
                                                .newer_is_encrypted =
                                                                passes_encrypted_over(job->manager, entry)},
                                .max_loss = job->manager->configuration.max_loss};
        task->source = manifest_copy(entry->manifest);
        if (!task->source)
                return -ENOMEM;
        if (job->leased)
                collection_release(job->manager, job->leased);
        free(TAKE_PTR(job->leased));
        r = job_lease(job, task->source->file);
        /* A proof that fails is written into its manifest. */
        return r < 0 ? r : job_claim_file(job, task->source->file);
}

/* What was found when an automatic restore was queued may be over by now: the file was only away, or
 * somebody has put another one there. A restore over that would lose what is in it. */
static int require_broken(Manager *manager, const RestoreTask *task, Fault *fault)
{
        if (!task->automatic)
                return 0;
        database_watch_examine(manager);
        if (manager_require_sound_database(manager, NULL) < 0)
                return 0;
        return fault_set(fault,
                        FAULT_CANCELLED,
                        "%s is there again; it is checked and not restored over",
                        manager->database_path);
}

static int choose_source(Job *job, RestoreTask *task, Fault *fault)
{
        const Manager *manager = job->manager;
        _cleanup_free_ char *name = NULL;
        int r;

        if (task->file_name)
                return 0;
        if (!task->undo)
                return take_source(job, task, task->name, fault);
        r = restore_undo_source(manager->state_directory,
                        &manager->identity,
                        manager->backups_fd,
                        &name,
                        &task->quarantine,
                        fault);
        if (r < 0)
                return r;
        return name ? take_source(job, task, name, fault) : 0;
}

static int claim_new_backup(Job *job,
                const RestoreTask *task,
                uint64_t now_usec,
                uint64_t *newest_usec,
                char ret_name[static BACKUP_NAME_MAX])
{
        _cleanup_free_ char *file = NULL;
        int r;

        r = collection_make_name(job->manager, now_usec, *newest_usec, ret_name);
        if (r >= 0)
                r = backup_name_usec(ret_name, newest_usec);
        if (r < 0)
                return r;
        file = backup_name_to_file(ret_name,
                        job->manager->configuration.compression,
                        age_recipients_any(&task->recipients));
        return file ? job_claim_file(job, file) : -ENOMEM;
}

/* A wrong setting is no reason to go without a database: what was there then stays in the quarantine. */
static int take_recipients(Job *job, RestoreTask *task, Fault *fault)
{
        /* Its name is made already, for the first candidate. */
        if (task->pre_restore_name[0])
                return 0;
        if (task->file_name)
                return encryption_recipients(job->manager, &task->recipients, fault);
        (void) encryption_recipients(job->manager, &task->recipients, &task->encryption_fault);
        return 0;
}

static int name_new_backups(Job *job, RestoreTask *task, uint64_t now_usec, Fault *fault)
{
        uint64_t newest_usec = job->manager->newest_label_usec;
        int r = 0;

        if (task->pre_restore_name[0])
                return 0;
        if (task->file_name)
                r = claim_new_backup(job, task, now_usec, &newest_usec, task->import_name);
        if (r >= 0)
                r = claim_new_backup(job, task, now_usec, &newest_usec, task->pre_restore_name);
        return r < 0 ? fault_set_errno(fault, r, "Making a name for the backup") : 0;
}

static int take_units(Job *job, RestoreTask *task)
{
        const Manager *manager = job->manager;
        int r;

        application_units_done(&task->units);
        r = application_units_init(&task->units,
                        manager->configuration.application_units,
                        manager->configuration.n_application_units);
        /* Those that run no more because of an earlier restore are started after this one. */
        for (size_t i = 0; i < task->units.n_names; i++)
                task->units.was_active[i] = manager->units_left_stopped;
        task->units.user_bus = manager->user_bus;
        task->units.wait_for_start = manager->ready_told;
        task->units.progress = &job->progress;
        task->control = (ApplicationControl){
                        .userdata = &task->units,
                        .has_units = task->units.n_names > 0,
                        .stop = application_units_stop,
                        .start = application_units_start,
        };
        return r;
}

/* Whoever restores waits for it: no bound on the bytes. */
static Effort in_a_hurry(Effort effort)
{
        effort.bytes_per_second = 0;
        return effort;
}

static int restore_start(Job *job, void *userdata, Fault *fault)
{
        RestoreTask *task = userdata;
        Manager *manager = job->manager;
        uint64_t now_usec = clock_now_usec();
        int r;

        task->source = manifest_free(task->source);
        task->verdict = manifest_free(task->verdict);
        r = require_broken(manager, task, fault);
        if (r >= 0)
                r = choose_source(job, task, fault);
        if (r >= 0)
                r = take_recipients(job, task, fault);
        if (r >= 0)
                r = name_new_backups(job, task, now_usec, fault);
        if (r >= 0)
                r = take_units(job, task);
        if (r >= 0)
                r = restore_remedy_prepare(manager, task);
        if (r < 0)
                return r;

        task->gate = &manager->gate;
        task->schema_choice = manager->configuration.schema;
        task->audit_path = record_store_path(manager->audit_store);
        task->request = (RestoreRequest){
                        .state_directory_path = manager->state_directory,
                        .database_path = manager->database_path,
                        .directory_fd = manager->backups_fd,
                        .directory_path = manager->backup_directory,
                        .quarantine_path = manager->quarantine_directory,
                        .source = task->source,
                        .source_quarantine = task->quarantine,
                        .pre_restore_name = task->pre_restore_name,
                        .database_id = manager->identity.id,
                        .identities = task->passed ? task->passed : manager->identities,
                        .compression = manager->configuration.compression,
                        .effort = in_a_hurry(unpacking_effort(manager)),
                        .recipients = &task->recipients,
                        .saving_refused = task->encryption_fault.message,
                        .control = &task->control,
                        .force = task->force,
                        .replaced = manager->database_replaced,
                        .missing = task->automatic && manager->database_missing,
                        .automatic = task->automatic,
                        .known_tables = task->known_tables,
                        .n_known_tables = task->n_known_tables,
                        .rescue = task->rescue,
                        .terms = task->automatic ? &task->terms : NULL,
                        .now_usec = now_usec,
        };
        manager->restoring = true;
        manager_update_health(manager);
        return 0;
}

static int bring_in_file(RestoreTask *task, Progress *progress, Fault *fault)
{
        const RestoreRequest *request = &task->request;
        BringInRequest bring = {
                        .source_fd = task->file_fd,
                        .source_name = task->file_name,
                        .directory_fd = request->directory_fd,
                        .directory_path = request->directory_path,
                        .name = task->import_name,
                        .database_id = request->database_id,
                        .identities = request->identities,
                        .compression = request->compression,
                        .effort = request->effort,
                        .recipients = request->recipients,
                        .ret_file_key = &task->imported_key,
                        .now_usec = request->now_usec,
        };

        return bring_in(&bring, progress, &task->imported, fault);
}

/* A backup that did not pass is marked, so that the next candidate is another one; a verdict that finds
 * nothing says that the fault is not the backup's. */
static void judge_source(RestoreTask *task, const Fault *met, Progress *progress)
{
        const RestoreRequest *request = &task->request;

        if (!task->automatic || !fault_means_corrupt(met->code))
                return;
        (void) verify_backup(request->directory_fd,
                        request->directory_path,
                        request->source,
                        request->identities,
                        request->effort,
                        request->now_usec,
                        progress,
                        &task->verdict,
                        NULL);
}

static int restore_run(void *userdata, Progress *progress, Fault *fault)
{
        RestoreTask *task = userdata;
        RestoreRequest *request = &task->request;
        int r;

        if (task->file_name) {
                r = bring_in_file(task, progress, fault);
                if (r < 0)
                        return r;
                request->source = task->imported;
                request->source_key = &task->imported_key;
        }
        progress_begin(progress, "waiting for readers of this service", 0);
        r = gate_close(task->gate, progress, fault);
        if (r < 0)
                return r;
        task->attempted = true;
        r = restore_backup(request, progress, &task->outcome, fault);
        if (r >= 0) {
                task->in_force = true;
                restored_database_settle(request,
                                task->schema_choice,
                                task->audit_path,
                                restore_task_source(task),
                                &task->outcome,
                                progress,
                                &task->settled);
                restore_remedy_tell(task, progress);
        }
        /* Also of one whose result failed its check: it happened, and what guards against a loop counts it.
         */
        (void) restore_record_load(request->state_directory_path, &task->record, NULL);
        gate_open(task->gate);
        if (r < 0 && request->source)
                judge_source(task, fault, progress);
        return r;
}

/* Whether another candidate is worth a run: the last one was at fault, and now another one comes first. */
static bool has_next_candidate(Job *job, RestoreTask *task)
{
        Manager *manager = job->manager;
        const CatalogueEntry *next;
        _cleanup_free_ char *failed = NULL;
        bool source_missing;

        if (!task->automatic || !task->source || manager->stopping)
                return false;
        source_missing = job->fault.code == FAULT_NOT_FOUND || job->fault.code == FAULT_CANNOT_OPEN;
        if (job->fault.code == FAULT_KEY_UNAVAILABLE && !manager->identity_missed) {
                manager->identity_missed = true;
                return recovery_choose(manager->catalogue, &manager->last_restore, false);
        }
        if (!source_missing && (!task->verdict || !task->verdict->verification_fault))
                return false;
        failed = strdup(task->source->file);
        if (!failed)
                return false;
        if (task->verdict)
                (void) collection_put(manager, TAKE_PTR(task->verdict), job->id, false);
        else
                collection_refresh(manager, failed);
        next = recovery_choose(manager->catalogue, &manager->last_restore, encryption_can_open(manager));
        return !next || strcmp(next->manifest->file, failed) != 0;
}

static int restore_finish(Job *job, void *userdata)
{
        RestoreTask *task = userdata;
        Manager *manager = job->manager;

        if (has_next_candidate(job, task)) {
                restore_result_candidate_failed(job, task);
                fault_done(&job->fault);
                return 1;
        }
        manager->restoring = false;
        if (task->imported)
                restore_result_imported(job, task);
        if (task->in_force)
                restore_result_succeeded(job, task);
        else
                restore_result_failed(job, task);
        if (!manager->started)
                operation_startup_continue(manager);
        return 0;
}

const Operation operation_restore = {
                .name = "restore",
                .doing = "Restoring",
                .action = ACTION_RESTORE,
                .urgent = true,
                .needs_backups = true,
                .start = restore_start,
                .run = restore_run,
                .finish = restore_finish,
                .free_task = restore_free_task,
};

const Operation operation_undo = {
                .name = "undo",
                .doing = "Undoing the last restore",
                .action = ACTION_RESTORE,
                .urgent = true,
                .needs_backups = true,
                .start = restore_start,
                .run = restore_run,
                .finish = restore_finish,
                .free_task = restore_free_task,
};

static int new_task(RestoreWish *wish, RestoreTask **ret, Fault *fault)
{
        RestoreTask *task = calloc(1, sizeof(RestoreTask));

        if (!task)
                return fault_set_errno(fault, ENOMEM, "Making a job");
        task->file_fd = -EBADF;
        task->undo = wish->undo;
        task->automatic = wish->automatic;
        task->rescue = wish->rescue || wish->automatic;
        task->force = wish->force;
        if (wish->name)
                task->name = strdup(wish->name);
        if (wish->file_name) {
                task->file_name = strdup(wish->file_name);
                task->file_fd = fcntl(wish->file_fd, F_DUPFD_CLOEXEC, 3);
        }
        if ((wish->name && !task->name) || (wish->file_name && (!task->file_name || task->file_fd < 0))) {
                restore_free_task(task);
                return fault_set_errno(fault, wish->file_name ? errno : ENOMEM, "Making a job");
        }
        task->passed = TAKE_PTR(wish->identities);
        *ret = task;
        return 0;
}

int operation_restore_queue(
                Manager *manager, RestoreWish *wish, const Caller *caller, Job **ret, Fault *fault)
{
        _cleanup_free_ char *undo_name = NULL, *undo_quarantine = NULL;
        const CatalogueEntry *entry = NULL;
        RestoreTask *task = NULL;
        Job *job;
        int r;

        r = backup_place_refuse_away(manager, fault);
        if (r < 0)
                return r;
        if (wish->undo && manager->started) {
                r = restore_undo_source(manager->state_directory,
                                &manager->identity,
                                manager->backups_fd,
                                &undo_name,
                                &undo_quarantine,
                                fault);
                if (r < 0)
                        return r;
        }
        /* Before the catalogue is there, nobody knows: the job finds out when its turn comes. */
        if (wish->name && manager->catalogue_loaded) {
                r = recovery_find(
                                manager->catalogue, &manager->last_restore, wish->name, true, &entry, fault);
                if (r < 0)
                        return r;
        }
        r = new_task(wish, &task, fault);
        if (r < 0)
                return r;
        r = job_queue(manager,
                        wish->undo ? &operation_undo : &operation_restore,
                        task,
                        entry ? entry->manifest->name : NULL,
                        caller,
                        wish->automatic ? JOB_NEXT : JOB_LAST,
                        &job,
                        fault);
        if (r < 0)
                return r;
        /* From now on, and not only from its turn on: what somebody asked for is not removed. */
        if (entry)
                (void) job_lease(job, entry->manifest->file);
        if (ret)
                *ret = job;
        return 0;
}
