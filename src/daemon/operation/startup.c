/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The start-up is the first job: calls are answered meanwhile, and what they ask for waits behind it. It
 * runs in stages, each worked on in the worker and judged on the loop, which tells the next one. */

#include <string.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>

#include "base/clock.h"
#include "base/journal.h"
#include "base/names.h"
#include "daemon/catalogue/backup-place.h"
#include "daemon/catalogue/backup-watch.h"
#include "daemon/catalogue/collection.h"
#include "daemon/manager.h"
#include "daemon/operation/automatic-restore.h"
#include "daemon/operation/backup-result.h"
#include "daemon/operation/database-watch.h"
#include "daemon/operation/remedy-state.h"
#include "daemon/operation/removal.h"
#include "daemon/operation/startup-stage.h"
#include "daemon/query/statistics-run.h"
#include "daemon/state/clock-keeper.h"
#include "daemon/state/condition.h"
#include "daemon/state/encryption.h"
#include "daemon/state/event.h"
#include "daemon/state/property-changes.h"
#include "daemon/store/schema-role.h"

typedef struct Stage {
        const char *step;
        int (*run)(StartupTask *task, Progress *progress, Fault *fault);
        /* 0: the next stage follows. STAGE_SKIP: the service is up, but the rest is not to be done.
         * STAGE_RESTORE: a restore follows, and then operation_startup_continue(). */
        int (*judge)(Job *job, StartupTask *task);
} Stage;

#define STAGE_SKIP 1
#define STAGE_RESTORE 2

static void startup_free_task(void *userdata)
{
        StartupTask *task = userdata;

        closep(&task->backups_fd);
        fault_done(&task->rights_fault);
        fault_done(&task->left_fault);
        backup_disk_done(&task->disk);
        fault_done(&task->away);
        fault_done(&task->mark_fault);
        fault_done(&task->wal_fault);
        check_result_done(&task->check);
        schema_report_done(&task->schema);
        fault_done(&task->encryption_fault);
        restore_recovered_done(&task->recovered);
        restore_record_done(&task->last_restore);
        remedies_done(&task->remedies);
        fault_done(&task->remedies_fault);
        free(task->last_backup_fault);
        database_identity_done(&task->identity);
        retention_hold_done(&task->hold);
        fault_done(&task->identity_fault);
        identity_look_done(&task->look);
        fault_done(&task->record_fault);
        fault_done(&task->units_fault);
        application_units_done(&task->units);
        (void) catalogue_free(task->catalogue);
        (void) manifest_free(task->manifest);
        free(task);
}

static int judge_directories(Job *job, StartupTask *task)
{
        Manager *manager = job->manager;

        manager->backups_fd = TAKE_FD(task->backups_fd);
        if (task->rights_fault.code != FAULT_NONE)
                journal_line(LOG_WARNING, "%s", task->rights_fault.message);
        if (task->left_fault.code != FAULT_NONE)
                journal_line(LOG_WARNING, "%s", task->left_fault.message);
        if (task->n_leftovers > 0)
                journal_line(LOG_NOTICE,
                                "Removed %u files that an interrupted run had left in %s",
                                task->n_leftovers,
                                manager->backup_directory);
        if (task->mark_fault.code != FAULT_NONE)
                journal_line(LOG_WARNING,
                                "The backup directory is not marked: %s",
                                task->mark_fault.message);
        backup_place_begin(manager, &task->disk, &task->away);
        /* Before the directory is read, so that nothing falls between. */
        return watch_start(manager, &job->fault);
}

static int judge_catalogue(Job *job, StartupTask *task)
{
        collection_adopt(job->manager, TAKE_PTR(task->catalogue));
        return 0;
}

static void take_remedies(Manager *manager, StartupTask *task)
{
        if (task->remedies_fault.code != FAULT_NONE)
                journal_line(LOG_WARNING, "%s", task->remedies_fault.message);
        remedy_state_take(manager, &task->remedies);
}

static int judge_interrupted_restore(Job *job, StartupTask *task)
{
        static const char *const outcomes[] = {
                        [RESTORE_RECOVERY_FORWARD] = "the restored database is in force",
                        [RESTORE_RECOVERY_BACK] = "the old database is back in its place",
                        [RESTORE_RECOVERY_LEFT] =
                                        "a database that somebody put in its place since is left there",
        };
        Manager *manager = job->manager;

        if (task->recovered.left)
                journal_line(LOG_WARNING, "%s", task->recovered.left);
        if (task->recovered.recovery != RESTORE_RECOVERY_NONE)
                journal_line(LOG_WARNING,
                                "A restore of %s was interrupted; finished it: %s%s%s",
                                task->recovered.source,
                                outcomes[task->recovered.recovery],
                                task->recovered.quarantine ? "; what it replaced is in " : "",
                                task->recovered.quarantine ? task->recovered.quarantine : "");
        if (task->record_fault.code != FAULT_NONE)
                journal_line(LOG_WARNING, "%s", task->record_fault.message);
        if (task->identity_fault.code != FAULT_NONE)
                journal_line(LOG_WARNING, "%s", task->identity_fault.message);
        manager->last_restore = task->last_restore;
        task->last_restore = (RestoreRecord){0};
        manager->hold = task->hold;
        task->hold = (RetentionHold){0};
        identity_keeper_begin(manager, &task->identity);
        manager->clock = task->clock;
        manager->clock_stored_usec = task->clock.last.wall_usec;
        clock_keeper_see(manager);
        manager->disk_checked_usec = task->disk_checked_usec;
        manager_set_last_backup_fault(manager, task->last_backup_fault);
        take_remedies(manager, task);
        manager->auto_restore_stopped = task->auto_restore_stopped;
        manager->units_left_stopped = task->recovered.units_stopped;
        manager_changed(manager, CHANGE_RESTORE);
        return 0;
}

/* The database can't be used. A restore is tried before READY=1, so that no unit that is ordered after this
 * service meets it; then the start-up goes on, and takes the database as it finds it. */
static int judge_broken(Job *job, const StartupTask *task)
{
        return !task->resumed && automatic_restore_consider(job->manager) ? STAGE_RESTORE : STAGE_SKIP;
}

static int judge_database(Job *job, StartupTask *task)
{
        _cleanup_fault_ Fault fault = {0};

        /* Its directory may be away, and with it the database: that is told below. */
        if (database_watch_start(job->manager, &fault) < 0)
                journal_line(LOG_WARNING, "%s", fault.message);
        if (task->database_missing) {
                manager_set_database_missing(job->manager);
                return judge_broken(job, task);
        }
        if (job->fault.code != FAULT_NONE) {
                journal_line(LOG_ERR, "The database can't be used: %s", job->fault.message);
                manager_set_integrity(job->manager, INTEGRITY_UNKNOWN, job->fault.message);
                fault_done(&job->fault);
                job->manager->opening_deferred = true;
                return STAGE_SKIP;
        }
        if (task->created)
                event_database_created(task->database_path);
        identity_keeper_settle(job->manager, &task->look);
        return 0;
}

/* Somebody holds the database for longer than we wait, or there is no room for the -shm that even a reader
 * needs. That says nothing about its content, and whoever makes room needs the service for it. */
static bool could_not_look(const Fault *fault)
{
        return fault->code == FAULT_BUSY || fault->code == FAULT_NO_SPACE;
}

/* Owner or mode are wrong, or the file system is read-only: a person reads in the status what to do. */
static bool is_of_the_system(const Fault *fault)
{
        return fault->code == FAULT_PERMISSION || fault->code == FAULT_READ_ONLY;
}

/* The disk fails, this SQLite is too old for the file, or something lies in the place of a journal: nothing
 * more is to be read or written, but an operator who restores a backup needs the service. */
static bool must_not_go_on(const Fault *fault)
{
        return fault->code == FAULT_IO || fault->code == FAULT_NOT_SUPPORTED ||
               fault->code == FAULT_CANNOT_OPEN || is_of_the_system(fault);
}

/* Whoever may write the directory can put a FIFO in the place of the database, or give it a second name:
 * that must not keep the service down. */
static bool is_of_the_directory(const StartupTask *task, const Fault *fault)
{
        struct stat status;

        if (fault->code != FAULT_UNSAFE_FILE_SYSTEM)
                return fault->code == FAULT_CANNOT_OPEN || fault->code == FAULT_IO ||
                       is_of_the_system(fault);
        return lstat(task->database_path, &status) == 0 && (S_ISLNK(status.st_mode) || status.st_nlink > 1);
}

static int judge_check(Job *job, StartupTask *task)
{
        Manager *manager = job->manager;

        if (fault_means_corrupt(job->fault.code)) {
                manager_set_integrity(manager, INTEGRITY_CORRUPT, job->fault.message);
                fault_done(&job->fault);
                return judge_broken(job, task);
        }
        if (job->fault.code != FAULT_NONE) {
                bool skip = must_not_go_on(&job->fault);

                manager->opening_deferred = is_of_the_system(&job->fault);
                journal_line(LOG_WARNING, "The database could not be checked: %s", job->fault.message);
                manager_set_integrity(manager, INTEGRITY_UNKNOWN, job->fault.message);
                fault_done(&job->fault);
                return skip ? STAGE_SKIP : 0;
        }
        manager_take_check(manager, &task->check);
        take_remedies(manager, task);
        return 0;
}

static int judge_schema(Job *job, StartupTask *task)
{
        Manager *manager = job->manager;

        if (task->wal_fault.code != FAULT_NONE)
                journal_line(LOG_WARNING,
                                "The database keeps its journal mode: %s",
                                task->wal_fault.message);
        schema_report_done(&manager->schema);
        manager->schema = task->schema;
        task->schema = (SchemaReport){0};
        manager_schema_known(manager);
        if (manager->schema.role == SCHEMA_ROLE_NONE)
                journal_line(LOG_INFO,
                                "%s has another application's tables: nothing is added to it or written to "
                                "it, "
                                "and the rows of the log go to " AUDIT_FILE " in the state directory",
                                manager->database_path);
        if (manager->schema.tables_created > 0 || manager->schema.indexes_created > 0)
                event_schema_changed(manager->database_path,
                                manager->schema.tables_created,
                                manager->schema.indexes_created);
        for (size_t i = 0; i < manager->schema.n_differences; i++)
                event_schema_differs(manager->database_path, manager->schema.differences[i]);
        return 0;
}

/* Damage that was met while writing is a matter for the full check that follows a start. */
static int judge_unwritten_schema(Job *job)
{
        bool skip = fault_means_corrupt(job->fault.code) || must_not_go_on(&job->fault);

        journal_line(LOG_WARNING, "The schema could not be completed: %s", job->fault.message);
        if (job->manager->integrity == INTEGRITY_OK)
                manager_set_integrity(job->manager, INTEGRITY_UNKNOWN, job->fault.message);
        fault_done(&job->fault);
        return skip ? STAGE_SKIP : 0;
}

/* The first backup can fail for a reason that passes, such as a full disk: the service stays up and says so.
 */
static int judge_backup(Job *job, StartupTask *task)
{
        if (job->fault.code != FAULT_NONE) {
                journal_line(LOG_ERR, "The first backup failed: %s", job->fault.message);
                backup_result_failed(job);
                fault_done(&job->fault);
                return 0;
        }
        return task->manifest ? backup_result_made(job, TAKE_PTR(task->manifest), &task->disk_read) : 0;
}

static int judge_units(Job *job, StartupTask *task)
{
        if (task->units_fault.code != FAULT_NONE)
                journal_line(LOG_ERR,
                                "The application's units, stopped by an interrupted restore, could not be "
                                "started again: %s",
                                task->units_fault.message);
        else
                job->manager->units_left_stopped = false;
        return 0;
}

#define OPENING "opening the database"

static const Stage stages[] = {
                {"preparing the directories", startup_prepare_directories, judge_directories},
                {"reading the list of backups", startup_load_catalogue, judge_catalogue},
                {"finishing an interrupted restore", startup_finish_restore, judge_interrupted_restore},
                {OPENING, startup_open_database, judge_database},
                /* Before anything is written: what turns out corrupt stays as it was found. */
                {"checking the database", startup_check, judge_check},
                {"completing the schema", startup_migrate, judge_schema},
                {"taking the first backup", startup_initial_backup, judge_backup},
                {"starting the application", startup_start_units, judge_units},
};

/* Of an older tree that is taken over there may be an initial backup, but none that this service has proved.
 */
static int prepare_backup(Job *job, StartupTask *task)
{
        Manager *manager = job->manager;
        bool has_initial = catalogue_find(manager->catalogue, INITIAL_BACKUP_NAME);
        _cleanup_free_ char *file = NULL;
        int r = 0;

        task->take_backup = task->backups >= 0 &&
                            (!has_initial || manager_newest_own_backup_usec(manager, task->now_usec) == 0);
        if (!task->take_backup)
                return 0;
        task->backup_kind = has_initial ? BACKUP_AUTOMATIC : BACKUP_INITIAL;
        if (has_initial)
                r = collection_make_name(
                                manager, task->now_usec, manager->newest_label_usec, task->backup_name);
        else
                (void) strcpy(task->backup_name, INITIAL_BACKUP_NAME);
        if (r < 0)
                return r;
        file = backup_name_to_file(
                        task->backup_name, task->compression, age_recipients_any(&task->recipients));
        return file ? job_claim_file(job, file) : -ENOMEM;
}

static int startup_start(Job *job, void *userdata, Fault *fault)
{
        StartupTask *task = userdata;
        Manager *manager = job->manager;

        task->now_usec = clock_now_usec();
        task->backups = manager->backups_fd;
        task->n_backups = catalogue_n_owned(manager->catalogue);
        task->database_id = manager->identity.id;
        task->start_units = manager->units_left_stopped;
        progress_begin(&job->progress, stages[task->stage].step, 0);
        journal_line(LOG_DEBUG, "Starting: %s", stages[task->stage].step);
        return stages[task->stage].run == startup_initial_backup ? prepare_backup(job, task) : 0;
}

static int startup_run(void *userdata, Progress *progress, Fault *fault)
{
        StartupTask *task = userdata;

        return stages[task->stage].run(task, progress, fault);
}

static void tell_ready(Manager *manager, bool backup_made)
{
        _cleanup_fault_ Fault fault = {0};
        Caller self = caller_self();

        manager->started = manager->ready_told = true;
        removals_review(manager);
        (void) sd_notify(false, "READY=1");
        journal_line(LOG_INFO,
                        "Ready: %s, %u backup%s in %s",
                        manager->database_path,
                        manager->summary.n_backups,
                        manager->summary.n_backups == 1 ? "" : "s",
                        manager->backup_directory);
        if (manager_require_sound_database(manager, NULL) < 0)
                return;
        manager->counts_awaited = true;
        (void) statistics_run_ask(manager->statistics_run, NULL, &self, &fault);
        /* The copy of a backup is checked in full, so one that was made just now stands for it. */
        if (!backup_made)
                (void) automatic_restore_suspect(manager, NULL);
}

static bool is_tolerable(const StartupTask *task, const Fault *fault)
{
        const Stage *stage = &stages[task->stage];

        if (fault->code == FAULT_CANCELLED)
                return false;
        if (stage->judge == judge_database)
                return is_of_the_directory(task, fault);
        /* A check that could not be made is told as such: nothing is known of the file, and a person needs
         * the service. */
        if (stage->judge == judge_backup || stage->judge == judge_check)
                return true;
        return stage->judge == judge_schema &&
               (fault_means_corrupt(fault->code) || could_not_look(fault) || must_not_go_on(fault));
}

static int startup_finish(Job *job, void *userdata)
{
        StartupTask *task = userdata;
        Manager *manager = job->manager;
        const Stage *stage = &stages[task->stage];
        int r;

        if (job->fault.code == FAULT_NONE || is_tolerable(task, &job->fault)) {
                r = stage->judge == judge_schema && job->fault.code != FAULT_NONE
                                    ? judge_unwritten_schema(job)
                                    : stage->judge(job, task);
                if (r == 0 && ++task->stage < ELEMENTSOF(stages))
                        return 1;
                if (r == STAGE_RESTORE)
                        return 0;
                if (r >= 0) {
                        tell_ready(manager, task->take_backup && !manager->last_backup_fault);
                        return 0;
                }
                if (job->fault.code == FAULT_NONE)
                        (void) fault_set_errno(&job->fault, r, "Starting");
        }
        if (job->fault.code != FAULT_CANCELLED) {
                event_startup_fault(&job->fault);
                (void) sd_notifyf(false, "STATUS=Can't start: %s", job->fault.message);
                manager_stop(manager, fault_exit_code(job->fault.code));
        }
        return 0;
}

const Operation operation_startup = {
                .name = "startup",
                .doing = "Starting",
                .action = ACTION_CONFIGURE,
                .start = startup_start,
                .run = startup_run,
                .finish = startup_finish,
                .free_task = startup_free_task,
};

static int queue(Manager *manager, bool resumed, Fault *fault)
{
        Caller self = caller_self();
        StartupTask *task = calloc(1, sizeof(StartupTask));

        if (!task)
                return fault_set_errno(fault, ENOMEM, "Starting");
        task->backups_fd = -EBADF;
        if (application_units_init(&task->units,
                            manager->configuration.application_units,
                            manager->configuration.n_application_units) < 0) {
                startup_free_task(task);
                return fault_set_errno(fault, ENOMEM, "Starting");
        }
        task->units.user_bus = manager->user_bus;
        task->resumed = resumed && !manager->opening_deferred;
        manager->opening_deferred = false;
        while (resumed && strcmp(stages[task->stage].step, OPENING) != 0)
                task->stage++;
        task->state_directory = manager->state_directory;
        task->quarantine_directory = manager->quarantine_directory;
        task->data_directory = manager->data_directory;
        task->database_path = manager->database_path;
        task->backup_directory = manager->backup_directory;
        task->backup_group = manager->configuration.backup_group;
        task->backups_elsewhere = manager->configuration.backup_directory;
        task->schema_choice = manager->configuration.schema;
        task->journal_choice = manager->configuration.journal_mode;
        task->compression = manager->configuration.compression;
        task->effort = manager->configuration.effort;
        task->identities = manager->identities;
        (void) encryption_recipients(manager, &task->recipients, &task->encryption_fault);
        return job_queue(manager,
                        &operation_startup,
                        task,
                        NULL,
                        &self,
                        resumed ? JOB_NEXT : JOB_LAST,
                        NULL,
                        fault);
}

int operation_startup_queue(Manager *manager, Fault *fault)
{
        return queue(manager, false, fault);
}

void operation_startup_continue(Manager *manager)
{
        _cleanup_fault_ Fault fault = {0};

        /* A restore that was withdrawn before its turn has interrupted nothing. */
        for (const Job *job = manager->jobs; job; job = job->next)
                if (job->operation == &operation_startup)
                        return;
        if (manager->stopping || queue(manager, true, &fault) >= 0)
                return;
        event_startup_fault(&fault);
        manager_stop(manager, fault_exit_code(fault.code));
}
