/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What becomes of a restore that has ended: taken over into what the Manager knows, and told. Runs on the
 * loop. */

#include "backup/catalogue/backup-name.h"
#include "backup/remedy/remedy.h"
#include "backup/restore/restore-record.h"
#include "daemon/job/job.h"
#include "daemon/loop/gate.h"
#include "daemon/operation/application-units.h"
#include "daemon/operation/restored-database.h"

/* One restore or undo. The wish is the caller's, the rest of the request is filled when its turn comes, and
 * the results are the worker's. */
typedef struct RestoreTask {
        /* The wish. */
        char *name; /* "" for the best one; NULL for a file or an undo */
        char *file_name;
        int file_fd;
        AgeIdentities *passed; /* for this restore alone, or NULL */
        bool undo;
        bool automatic;
        bool force;
        bool rescue;

        /* The request; the strings in it are this task's or the Manager's, which outlives the workers. */
        Manifest *source;
        char *quarantine;
        char import_name[BACKUP_NAME_MAX];
        char pre_restore_name[BACKUP_NAME_MAX];
        ApplicationUnits units;
        ApplicationControl control;
        AgeRecipients recipients;
        Fault encryption_fault; /* why nothing may be stored */
        TableCount *known_tables;
        size_t n_known_tables;
        RestoreTerms terms;
        RestoreRequest request;
        Gate *gate;
        SchemaChoice schema_choice;
        const char *audit_path;

        /* Results. */
        Manifest *imported;
        AgeFileKey imported_key; /* when it is encrypted: nobody here may have another one */
        Manifest *verdict;       /* of a source that did not pass */
        bool attempted;          /* the database may have been touched */
        bool in_force;
        RestoreOutcome outcome;
        RestoredDatabase settled;
        RestoreRecord record;
        Remedies remedies;    /* with the new one, when it was automatic */
        Fault remedies_fault; /* why it is not told there */
} RestoreTask;

/* What is restored, for people: a backup's name, or a folder of the quarantine. */
const char *restore_task_source(const RestoreTask *task);

/* A file was brought in; it stays a backup, whatever became of its restore. */
void restore_result_imported(Job *job, RestoreTask *task);

/* The new database is in force. */
void restore_result_succeeded(Job *job, RestoreTask *task);

/* It is not; the job's fault says why. */
void restore_result_failed(Job *job, RestoreTask *task);

/* Nothing is left to decide. */
void restore_result_decided(Manager *manager);

/* An automatic restore's candidate was at fault, and the next one follows. */
void restore_result_candidate_failed(Job *job, RestoreTask *task);
