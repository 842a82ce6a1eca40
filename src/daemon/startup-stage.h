/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The work of each stage of the start-up, as the worker thread does it: it sees this task and nothing else.
 */

#include "backup/catalogue.h"
#include "base/progress.h"
#include "database/check.h"
#include "database/schema.h"

typedef struct StartupTask {
        size_t stage;

        /* Given; the strings are the Manager's, which outlives the workers. */
        const char *data_directory; /* NULL: the database is elsewhere, and its directory not ours to make */
        const char *database_path;
        const char *backup_directory;
        Compression compression;
        char initial_file[64];
        uint64_t now_usec;
        int backups; /* borrowed, once the first stage is over */
        size_t n_backups;
        bool take_backup;

        /* Results, each of one stage. */
        int backups_fd;
        unsigned n_leftovers;
        Catalogue *catalogue;
        bool database_missing;
        bool created;
        CheckResult check;
        Fault wal_fault; /* why the journal mode could not be changed; harmless */
        SchemaReport schema;
        Manifest *manifest;
} StartupTask;

int startup_prepare_directories(StartupTask *task, Progress *progress, Fault *fault);
int startup_load_catalogue(StartupTask *task, Progress *progress, Fault *fault);

/* Looks at the database's place and creates an empty one, unless there are backups: then a database that is
 * missing, or an empty file in its place, means a restore and not a new start. */
int startup_open_database(StartupTask *task, Progress *progress, Fault *fault);

int startup_check(StartupTask *task, Progress *progress, Fault *fault);
int startup_migrate(StartupTask *task, Progress *progress, Fault *fault);
int startup_initial_backup(StartupTask *task, Progress *progress, Fault *fault);
