/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One restore, start to finish. The source is proved before anything of the target is touched; what is there
 * is saved before it is changed; and the result is the old database or the new one, never a mix, whatever is
 * killed at whatever moment.
 *
 * In place: sqlite3_backup INTO the live file in one write transaction, so that connected processes stay
 * connected. With that transaction's lock held the files are copied into the quarantine first: no commit
 * that anybody was told about falls between the copy and the restore. Afterwards the copy becomes a
 * `pre-restore` backup; a corrupt one stays in the quarantine.
 * By replacing: when the live file can't be written through SQLite (no database any more, another page size,
 * missing, replaced under its users). Its users are stopped first, the four files move into the quarantine,
 * the new file takes their place. restore-recover.h finishes it after a crash.
 *
 * Runs in a worker thread. The caller guarantees that no SQLite connection of this process has the database
 * open meanwhile: the files are also read raw, and closing a raw descriptor drops this process's locks. */

#include "age/header.h"
#include "backup/catalogue/manifest.h"
#include "backup/restore/rescue-weigh.h"
#include "base/effort.h"
#include "base/progress.h"
#include "database/rescue/rescue.h"

/* How long a restore waits for readers and writers before it ends with FAULT_BUSY. */
#define RESTORE_BUSY_BOUND_USEC (30 * USEC_PER_SEC)

/* How the application is stopped and started; the daemon does it through systemd. Called in the restore's
 * thread; returns a negative errno with the fault filled. */
typedef struct ApplicationControl {
        void *userdata;
        bool has_units; /* without units neither function is called */
        int (*stop)(void *userdata, Fault *fault);
        int (*start)(void *userdata, Fault *fault);
} ApplicationControl;

/* For one that is a step of something else (repair.h): called while the lock is held. A negative errno with
 * the fault filled ends it, and nothing has changed. */
typedef struct RestoreHooks {
        void *userdata;
        int (*locked)(void *userdata, Connection *live, Fault *fault);
        int (*saved)(void *userdata,
                        const char *quarantine,
                        Fault *fault); /* in place of last-restore.json */
} RestoreHooks;

/* What the caller knows of the source, and how much may be lost. */
typedef struct RestoreTerms {
        RescueFacts facts; /* the numbers are the rescue's */
        MaxLoss max_loss;
} RestoreTerms;

typedef struct RestoreRequest {
        const char *state_directory_path; /* holds restore.json and last-restore.json */
        const char *database_path;
        int directory_fd;           /* of the backups */
        const char *directory_path; /* the same, for messages and for SQLite */
        const char *quarantine_path;

        const Manifest *source;        /* the backup to restore: a copy of the caller's; or NULL and: */
        const char *source_quarantine; /* a quarantine folder that an undo brings back */

        const char *pre_restore_name;    /* from backup_name_make() */
        const char *database_id;         /* of the database that is replaced; may be NULL */
        const AgeIdentities *identities; /* for an encrypted source; may be NULL */
        const AgeFileKey *source_key;    /* of the source, when it was just made; else NULL */
        Compression compression;         /* of the pre-restore backup, and: */
        const AgeRecipients *recipients; /* NULL or without any: it is stored in clear */
        const char *saving_refused;      /* why there must be no pre-restore backup; NULL for nothing */
        Effort effort;
        const ApplicationControl *control; /* NULL counts as one without units */
        bool force;     /* replace although others have the file open; take a source_quarantine that fails
                         * its check. A backup that fails is never restored. */
        bool replaced;  /* the caller saw the file deleted or replaced under its users: they still have the
                         * old one, so this one is not restored in place */
        bool missing;   /* the database is gone or empty: one that is there after all is left, CANCELLED */
        bool automatic; /* for the record */
        const TableCount *known_tables; /* rows that were last counted in the database, sorted by name: for
                                         * an automatic one to tell what it cost */
        size_t n_known_tables;
        const RestoreHooks *hooks; /* NULL for a restore by itself */
        bool rescue;               /* the rows of the database that is there are rescued into the backup */
        const RestoreTerms *terms; /* on which a rescued one may be put in force; NULL: on any */
        uint64_t busy_bound_usec;  /* how long to wait for others; 0: RESTORE_BUSY_BOUND_USEC */
        uint64_t now_usec;
} RestoreRequest;

typedef enum RestoreMethod {
        RESTORE_IN_PLACE,
        RESTORE_REPLACE,
        _RESTORE_METHOD_MAX,
        _RESTORE_METHOD_INVALID = -EINVAL,
} RestoreMethod;

const char *restore_method_to_string(RestoreMethod method); /* "in-place", "replace" */
RestoreMethod restore_method_from_string(const char *text);

typedef struct RestoreOutcome {
        RestoreMethod method;
        Manifest *pre_restore;   /* what was replaced, as a backup; NULL when it isn't one */
        char *quarantine;        /* folder with the files that were replaced; NULL when there is none */
        bool rescued;            /* and what that has saved: */
        RescueReport rescue;     /* also of one that is held (NEEDS_DECISION) */
        char *saving_problem;    /* why there is no pre-restore backup; NULL when there is one */
        bool damaged;            /* the files in the quarantine are no sound database */
        bool was_deleted;        /* they are copies of what was removed while in use */
        bool checked;            /* false: cancelled after the restore was already in force */
        bool checkpointed;       /* the new content is in the main file, no longer in the -wal */
        bool units_stopped;      /* stopped, and started again unless: */
        Fault start_fault;       /* why they could not be started again */
        uint64_t database_bytes; /* of the new database */
        uint64_t duration_usec;
        uint64_t waited_usec; /* for other processes' locks */
        uint64_t held_usec;   /* how long writers had to wait (in place), or the file was away (replace) */
} RestoreOutcome;

void restore_outcome_done(RestoreOutcome *outcome);

/* 0 with *ret filled when the new database is in force. Otherwise the old one is (or, for CORRUPT after the
 * final check, the message says what to do):
 *   CORRUPT, NOT_A_DATABASE, NOT_FOUND  the source is not sound or not there; nothing was touched
 *   KEY_UNAVAILABLE       the source is encrypted, and no identity opens it; nothing was touched
 *   NEEDS_DECISION        the terms are not met, or rows can't be rescued; nothing was touched
 *   CONFLICT              the database was written to faster than it can be rescued; nothing was touched
 *   BUSY                  readers or writers did not make way within RESTORE_BUSY_BOUND_USEC
 *   DATABASE_IN_USE       it has to be replaced, and others have it open
 *   NO_SPACE, IO, PERMISSION, CANCELLED, … */
int restore_backup(const RestoreRequest *request, Progress *progress, RestoreOutcome *ret, Fault *fault);
