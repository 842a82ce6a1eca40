/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/operation/startup-stage.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backup/catalogue/backup-rights.h"
#include "backup/catalogue/unfinished.h"
#include "backup/create/create.h"
#include "backup/restore/restore-loss.h"
#include "backup/state/last-attempt.h"
#include "backup/state/last-check.h"
#include "daemon/operation/automatic-restore.h"
#include "daemon/operation/backup-result.h"
#include "database/connection/placement.h"

/* On a disk that is missing nothing is opened, and above all nothing made. Where the directory was named in
 * the configuration, what it is to be on may be missing the first time. */
static int open_backups(StartupTask *task, Fault *fault)
{
        _cleanup_fault_ Fault met = {0};
        int r = backup_disk_look(task->state_directory, task->backup_directory, &task->disk, fault);

        if (r < 0)
                return r;
        if (task->disk.state == BACKUP_DISK_MISSING) {
                (void) backup_disk_missing(
                                &task->disk, task->state_directory, task->backup_directory, &task->away);
                return 0;
        }
        r = placement_open_directory(task->backup_directory, 0700, &task->backups_fd, &met);
        if (r < 0) {
                fault_move(task->backups_elsewhere && met.code == FAULT_CANNOT_OPEN ? &task->away : fault,
                                &met);
                return task->away.code != FAULT_NONE ? 0 : r;
        }
        (void) backup_rights_set(
                        task->backups_fd, task->backup_directory, task->backup_group, &task->rights_fault);
        if (task->disk.state == BACKUP_DISK_NEW && backup_disk_remember(task->state_directory,
                                                                   task->backup_directory,
                                                                   task->backups_fd,
                                                                   &task->mark_fault) >= 0) {
                backup_disk_done(&task->disk);
                r = backup_disk_look(task->state_directory, task->backup_directory, &task->disk, fault);
        }
        if (r >= 0)
                r = create_clean_up_leftovers(task->backups_fd, &task->n_leftovers, &met);
        if (r < 0 && met.code != FAULT_NONE)
                fault_move(fault, &met);
        else if (r > 0)
                fault_move(&task->left_fault, &met);
        return MIN_OF(r, 0);
}

/* In its own directory the service's own file is for the application's user, too, whatever an earlier
 * owner's umask was. A file with a second name, or of somebody else, is left: its mode is not the service's
 * to say. */
static void share_database(const StartupTask *task)
{
        _cleanup_close_ int fd = open(task->database_path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        char itself[sizeof "/proc/self/fd/" + 10];
        struct stat status;

        if (fd < 0 || fstat(fd, &status) < 0 || !S_ISREG(status.st_mode) || status.st_nlink > 1 ||
                        status.st_uid != geteuid() || (status.st_mode & 0660) == 0660)
                return;
        (void) snprintf(itself, sizeof itself, "/proc/self/fd/%d", fd);
        (void) chmod(itself, (status.st_mode & 07777) | 0660);
}

int startup_prepare_directories(StartupTask *task, Progress *progress, Fault *fault)
{
        _cleanup_close_ int data_fd = -EBADF;
        int r;

        /* Setgid, so that what the application's processes create beside the database stays in the group. */
        r = task->data_directory ? placement_open_directory(task->data_directory, 02770, &data_fd, fault)
                                 : 0;
        if (r < 0)
                return r;
        if (task->data_directory)
                share_database(task);
        return open_backups(task, fault);
}

int startup_load_catalogue(StartupTask *task, Progress *progress, Fault *fault)
{
        if (task->backups >= 0)
                return catalogue_load(task->backups, &task->catalogue, fault);
        return catalogue_new(&task->catalogue) < 0 ? fault_set_errno(fault, ENOMEM, "Listing the backups")
                                                   : 0;
}

int startup_finish_restore(StartupTask *task, Progress *progress, Fault *fault)
{
        int r;

        r = restore_recover(task->state_directory,
                        task->database_path,
                        task->quarantine_directory,
                        task->now_usec,
                        &task->recovered,
                        fault);
        if (r < 0)
                return r;
        task->last_backup_fault = last_attempt_load(task->state_directory);
        task->auto_restore_stopped = automatic_restore_load_stopped(task->state_directory);
        (void) remedies_load(task->state_directory, &task->remedies, &task->remedies_fault);
        clock_history_load(task->state_directory, &task->clock);
        task->disk_checked_usec = last_check_load(task->state_directory);
        if (database_identity_load(task->state_directory, &task->identity, &task->identity_fault) >= 0)
                (void) retention_hold_load(task->state_directory, &task->hold, &task->identity_fault);
        if (restore_record_load(task->state_directory, &task->last_restore, &task->record_fault) < 0 &&
                        task->record_fault.code == FAULT_NOT_FOUND)
                fault_done(&task->record_fault);
        return 0;
}

int startup_start_units(StartupTask *task, Progress *progress, Fault *fault)
{
        if (!task->start_units)
                return 0;
        task->units.progress = progress;
        if (application_units_start(&task->units, &task->units_fault) < 0)
                return 0;
        return restore_recover_done(task->state_directory, fault);
}

/* Backups on it count: an empty database must not take the place of what they hold. */
static bool is_disk_missing(const StartupTask *task)
{
        _cleanup_(backup_disk_done) BackupDisk disk = {0};

        return task->backups < 0 &&
               backup_disk_look(task->state_directory, task->backup_directory, &disk, NULL) >= 0 &&
               disk.state == BACKUP_DISK_MISSING;
}

int startup_open_database(StartupTask *task, Progress *progress, Fault *fault)
{
        struct stat status = {0};
        int r;

        r = placement_check(task->database_path, fault);
        if (r < 0)
                return r;
        /* What can't be looked at is not missing. */
        if (lstat(task->database_path, &status) < 0 && errno != ENOENT)
                return fault_set_errno(fault, errno, "Looking at %s", task->database_path);
        /* Another application makes its file itself. */
        if (((task->n_backups > 0 || is_disk_missing(task)) && status.st_size <= PLACEMENT_NOTHING_BYTES) ||
                        (task->schema_choice == SCHEMA_CHOICE_NONE && status.st_size == 0)) {
                task->database_missing = true;
                return 0;
        }
        r = placement_create_database(task->database_path, &task->created, fault);
        if (r >= 0)
                identity_look(task->database_path, progress, &task->look);
        return r;
}

int startup_check(StartupTask *task, Progress *progress, Fault *fault)
{
        int r;

        r = check_run_twice(
                        task->database_path, CONNECTION_READ, CHECK_QUICK, 1, progress, &task->check, fault);
        if (r >= 0 && (task->check.damage & DAMAGE_CONTENT) == 0) {
                fault_done(&task->remedies_fault);
                (void) restore_loss_tell_interrupted(task->state_directory,
                                task->database_path,
                                progress,
                                &task->remedies,
                                &task->remedies_fault);
                return 0;
        }
        if (r < 0)
                return r;
        return fault_set(fault,
                        FAULT_CORRUPT,
                        "%u finding%s, the first: %s",
                        task->check.n_findings,
                        task->check.n_findings == 1 ? "" : "s",
                        task->check.first_finding);
}

static int inspect(const StartupTask *task, Progress *progress, SchemaReport *ret, Fault *fault)
{
        _cleanup_(connection_closep) Connection *connection = NULL;
        int r = connection_open(task->database_path, CONNECTION_READ, progress, &connection, fault);

        return r < 0 ? r : schema_inspect(connection, task->schema_choice, ret, fault);
}

static bool wants_wal(const StartupTask *task, SchemaRole role)
{
        return task->journal_choice == JOURNAL_CHOICE_WAL ||
               (task->journal_choice == JOURNAL_CHOICE_AUTOMATIC && role == SCHEMA_ROLE_OWN);
}

/* A database that others have made is only looked at. */
int startup_migrate(StartupTask *task, Progress *progress, Fault *fault)
{
        _cleanup_(connection_closep) Connection *connection = NULL;
        _cleanup_(schema_report_done) SchemaReport report = {0};
        bool changed;
        int r = inspect(task, progress, &report, fault);

        if (r < 0)
                return r;
        if (report.role == SCHEMA_ROLE_OWN || wants_wal(task, report.role))
                r = connection_open(task->database_path, CONNECTION_WRITE, progress, &connection, fault);
        if (r >= 0 && wants_wal(task, report.role)) {
                r = connection_ensure_wal(connection, &changed, &task->wal_fault);
                if (r < 0 && task->wal_fault.code != FAULT_BUSY &&
                                task->wal_fault.code != FAULT_NOT_SUPPORTED) {
                        fault_move(fault, &task->wal_fault);
                        return r;
                }
                r = 0;
        }
        if (r >= 0 && report.role == SCHEMA_ROLE_OWN)
                return schema_migrate(connection, task->now_usec, &task->schema, fault);
        if (r < 0)
                return r;
        task->schema = report;
        report = (SchemaReport){0};
        return 0;
}

int startup_initial_backup(StartupTask *task, Progress *progress, Fault *fault)
{
        CreateRequest request = {
                        .database_path = task->database_path,
                        .directory_fd = task->backups,
                        .directory_path = task->backup_directory,
                        .name = task->backup_name,
                        .kind = task->backup_kind,
                        .database_id = task->database_id,
                        .compression = task->compression,
                        .effort = task->effort,
                        .recipients = &task->recipients,
                        .identities = task->identities,
                        .from_disk = true,
                        .ret_disk = &task->disk_read,
                        .now_usec = task->now_usec,
        };
        int r;

        if (task->take_backup && task->encryption_fault.code != FAULT_NONE) {
                fault_move(fault, &task->encryption_fault);
                return fault_errno(fault->code);
        }
        if (!task->take_backup)
                return 0;
        r = create_backup(&request, progress, &task->manifest, fault);
        last_attempt_note(task->state_directory, fault);
        backup_result_note(task->state_directory, task->manifest, &task->disk_read);
        return r;
}
