/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The kinds of work that are Jobs. A kind is a row of functions: start() and finish() run on the loop and
 * may use the Manager; run() runs in a worker thread and sees nothing but its task, which holds the request
 * by value and takes the result. One operation-….c per kind. */

#include "age/key.h"
#include "base/progress.h"
#include "daemon/access/authorize.h"
#include "database/export/export.h"

typedef struct Job Job;
typedef struct Manager Manager;

typedef struct Operation {
        const char *name;  /* as on the bus */
        const char *doing; /* for the status line: "Backing up" */
        Action action;     /* what one has to be allowed to ask for it, or to cancel another's */
        bool urgent;       /* the application may be down until it is done, whoever asked for it */

        bool needs_backups; /* does not start while their directory is not at hand */

        /* Loop, right before run(): fills the request from the state of that moment. A fault ends the job.
         * May be NULL. */
        int (*start)(Job *job, void *task, Fault *fault);

        /* Worker. */
        int (*run)(void *task, Progress *progress, Fault *fault);

        /* Loop, once the run is over or could not start; the job's fault says how it went. Takes the result
         * over into the Manager, and logs it when it is good. > 0 asks for another run. */
        int (*finish)(Job *job, void *task);

        void (*free_task)(void *task);
} Operation;

extern const Operation operation_startup;
extern const Operation operation_backup;
extern const Operation operation_verify;
extern const Operation operation_check;
extern const Operation operation_scheduled_check; /* the same, when nothing is suspected */
extern const Operation operation_delete;
extern const Operation operation_keep;
extern const Operation operation_unkeep;
extern const Operation operation_cleanup;
extern const Operation operation_salvage;
extern const Operation operation_repair;
extern const Operation operation_restore;
extern const Operation operation_undo;
extern const Operation operation_export;
extern const Operation operation_import;

/* Each queues a job for the caller. BUSY when a queue is full; other faults are told by the job's end. */
int operation_startup_queue(Manager *manager, Fault *fault);
int operation_backup_queue(Manager *manager,
                bool automatic,
                bool keep,
                const char *label,
                const Caller *caller,
                Job **ret,
                Fault *fault);
/* Takes *identities over, unless it fails at once; NULL there means those of the service. */
int operation_verify_queue(Manager *manager,
                const char *name,
                bool automatic,
                AgeIdentities **identities,
                const Caller *caller,
                Job **ret,
                Fault *fault);
int operation_check_queue(Manager *manager, bool automatic, const Caller *caller, Job **ret, Fault *fault);
int operation_check_queue_scheduled(Manager *manager, Fault *fault);
/* Mends indexes and free pages in place, next. */
int operation_repair_queue(Manager *manager, Fault *fault);

int operation_delete_queue(
                Manager *manager, const char *name, const Caller *caller, Job **ret, Fault *fault);
int operation_keep_queue(Manager *manager,
                const char *name,
                bool keep,
                const Caller *caller,
                Job **ret,
                Fault *fault);
int operation_cleanup_queue(Manager *manager, const Caller *caller, Job **ret, Fault *fault);

/* Applies retention right after the running job, when it would drop anything. */
void operation_cleanup_follow(Manager *manager);

/* Goes on with a start-up that a restore has interrupted. */
void operation_startup_continue(Manager *manager);

/* What to restore: a backup, a file, or (undo) what the last restore replaced. */
typedef struct RestoreWish {
        const char *name;          /* "" for the one that recovery_choose() finds; NULL for the other two */
        const char *file_name;     /* for messages; NULL when there is no file */
        int file_fd;               /* a database to bring in first; duplicated before the call returns */
        AgeIdentities *identities; /* for this restore; NULL: those of the service. Taken over when queued */
        bool undo;
        bool automatic;
        bool rescue; /* the rows of the database as it is now come into the backup */
        bool force;
} RestoreWish;

/* NO_HEALTHY_BACKUP or NOT_FOUND at once when that is known already. An automatic one is queued next. */
int operation_restore_queue(
                Manager *manager, RestoreWish *wish, const Caller *caller, Job **ret, Fault *fault);

/* Writes the database, or some of its tables, as JSON into the descriptor, which is taken over in every
 * case, as is the NULL-terminated list of tables (NULL: all). */
int operation_export_queue(Manager *manager,
                int output_fd,
                char **tables,
                ExportStyle style,
                bool redact,
                const Caller *caller,
                Job **ret,
                Fault *fault);

/* Builds a database from an export and keeps it as a backup. Takes the descriptor over in every case. */
int operation_import_queue(Manager *manager,
                int input_fd,
                const char *source_name,
                const char *label,
                const Caller *caller,
                Job **ret,
                Fault *fault);
