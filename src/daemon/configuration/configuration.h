/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* oracxpred.conf: one file, and drop-ins over it. Every setting has a default, and a wrong line is told with
 * its place and ignored, so that a slip never keeps the database from being served. A wrong line that
 * speaks of encryption keeps backups from being written: ignoring it would write them in clear. */

#include "age/key.h"
#include "backup/catalogue/backup-rights.h"
#include "backup/catalogue/manifest.h"
#include "backup/restore/rescue-weigh.h"
#include "base/effort.h"
#include "database/schema/schema.h"

/* JournalMode=; kept, unless the service has made the database itself. */
typedef enum JournalChoice {
        JOURNAL_CHOICE_AUTOMATIC,
        JOURNAL_CHOICE_KEEP,
        JOURNAL_CHOICE_WAL,
} JournalChoice;

typedef struct SettingOrigin SettingOrigin;

typedef struct Configuration {
        char *database_path;    /* Database=, absolute; NULL for the one in the state directory */
        char *backup_directory; /* BackupDirectory=, absolute; NULL for the one in the state directory */
        gid_t backup_group;     /* BackupGroup=, or BACKUP_GROUP_NONE */
        Compression compression;
        bool quick_check;             /* IntegrityCheck=quick */
        Effort effort;                /* CompressionLevel=, Threads= and BandwidthLimit= */
        AgeRecipients recipients;     /* EncryptionRecipients= */
        bool encrypt_with_passphrase; /* the same setting, when it is that word */
        char *encryption_fault; /* the first wrong line that speaks of encryption; then no backup may be
                                 * written */
        uint64_t retention_usec;
        unsigned retention_minimum_verified;
        uint64_t log_retention_usec; /* UINT64_MAX: rows are kept for good */
        bool log_retention_all;      /* LogRetentionAll=: the application's rows as well */
        SchemaChoice schema;         /* Schema= */
        JournalChoice journal_mode;
        uint64_t cadence_usec;
        uint64_t check_interval_usec; /* CheckInterval=; UINT64_MAX: never */
        uint64_t low_disk_space_bytes;
        uint64_t quarantine_max_bytes;     /* UINT64_MAX: no bound */
        uint64_t restore_max_bytes;        /* 0: what the disk has, less its reserve */
        uint64_t prediction_cache_entries; /* 0: none */
        uint64_t prediction_cache_bytes;
        unsigned bcrypt_cost; /* BcryptCost= */
        bool auto_restore;
        MaxLoss max_loss;         /* AutoRestoreMaxLoss= */
        char **application_units; /* owned */
        size_t n_application_units;

        char **faults; /* NULL-terminated, "FILE:LINE: …"; bounded */
        size_t n_faults;

        SettingOrigin *origins; /* owned, as many as there are settings; NULL for all of them defaults */
} Configuration;

void configuration_done(Configuration *configuration);

/* CONFIGURATION with the first wrong line; 0 when there is none. The others are in force all the same. */
int configuration_refuse_faults(const Configuration *configuration, Fault *fault);

/* Reads `file`, then `drop_in_directory`/\*.conf in the order of their names; both need not exist unless
 * `file_required`. A file that can't be read at all is CONFIGURATION: what it says may matter. */
int configuration_load(const char *file,
                bool file_required,
                const char *drop_in_directory,
                Configuration *ret,
                Fault *fault);
