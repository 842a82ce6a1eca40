/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The work of each stage of the start-up, as the worker thread does it: it sees this task and nothing else.
 */

#include "age/key.h"
#include "backup/catalogue/backup-disk.h"
#include "backup/catalogue/backup-name.h"
#include "backup/catalogue/catalogue.h"
#include "backup/remedy/remedy.h"
#include "backup/restore/restore-record.h"
#include "backup/restore/restore-recover.h"
#include "base/progress.h"
#include "daemon/catalogue/hold-keeper.h"
#include "daemon/catalogue/identity-keeper.h"
#include "daemon/configuration/configuration.h"
#include "daemon/operation/application-units.h"
#include "database/check/check.h"
#include "database/copy/raw-copy.h"
#include "database/schema/schema.h"

typedef struct StartupTask {
        size_t stage;
        bool resumed; /* after a restore that was tried because of what the first part found */

        /* Given; the strings are the Manager's, which outlives the workers. */
        const char *data_directory; /* NULL: the database is elsewhere, and its directory not ours to make */
        const char *database_path;
        const char *state_directory;
        const char *backup_directory;
        bool backups_elsewhere; /* BackupDirectory= */
        const char *quarantine_directory;
        gid_t backup_group;
        SchemaChoice schema_choice;
        JournalChoice journal_choice;
        Compression compression;
        Effort effort;
        AgeRecipients recipients;
        const AgeIdentities *identities;
        Fault encryption_fault; /* why the initial backup must not be written */
        char backup_name[BACKUP_NAME_MAX];
        BackupKind backup_kind;
        uint64_t now_usec;
        int backups;      /* borrowed, once the first stage is over */
        size_t n_backups; /* of this database */
        const char *database_id;
        bool take_backup;
        bool start_units;

        /* Results, each of one stage. */
        int backups_fd;
        Fault rights_fault; /* why the backups are open to others than they should be; harmless else */
        BackupDisk disk;
        Fault away; /* why the backups are not at hand; no fault of the start */
        Fault mark_fault;
        Fault left_fault; /* what has the name of a temporary file, and stays */
        unsigned n_leftovers;
        RestoreRecovered recovered;
        RestoreRecord last_restore; /* empty when there was none */
        Fault record_fault;         /* why it could not be read; harmless */
        char *last_backup_fault;    /* NULL when the last attempt succeeded */
        bool auto_restore_stopped;
        Remedies remedies;
        Fault remedies_fault;   /* why they could not be read, or told; harmless */
        ApplicationUnits units; /* given */
        Fault units_fault;      /* why they could not be started; kept for the next start */
        Catalogue *catalogue;
        DatabaseIdentity identity; /* as the last run has recorded it */
        RetentionHold hold;
        ClockHistory clock;
        uint64_t disk_checked_usec;
        Fault identity_fault; /* why they could not be read; harmless */
        bool database_missing;
        IdentityLook look;
        bool created;
        CheckResult check;
        Fault wal_fault; /* why the journal mode could not be changed; harmless */
        SchemaReport schema;
        Manifest *manifest;
        DiskRead disk_read;
} StartupTask;

int startup_prepare_directories(StartupTask *task, Progress *progress, Fault *fault);
/* Finishes a restore that was cut off, before anybody looks at the database. */
int startup_finish_restore(StartupTask *task, Progress *progress, Fault *fault);

int startup_load_catalogue(StartupTask *task, Progress *progress, Fault *fault);

/* Looks at the database's place and creates an empty one, unless there are backups: then a database that is
 * missing, or an empty file in its place, means a restore and not a new start. */
int startup_open_database(StartupTask *task, Progress *progress, Fault *fault);

/* The quick check: the full one follows when the service is up. */
int startup_check(StartupTask *task, Progress *progress, Fault *fault);
int startup_migrate(StartupTask *task, Progress *progress, Fault *fault);

/* The application's units that an interrupted restore has stopped. */
int startup_start_units(StartupTask *task, Progress *progress, Fault *fault);

int startup_initial_backup(StartupTask *task, Progress *progress, Fault *fault);
