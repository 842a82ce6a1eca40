/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Mends a database that has lost no row, in place, with the application connected. The files are saved
 * first, under the lock of the transaction that changes them, and every step is one transaction: killed
 * anywhere, the database is as it was or mended.
 *
 * Indexes that lack what their tables have are made anew one by one (REINDEX), each in a transaction of its
 * own. Where pages are damaged (an index's, the freelist's, the pointer map's) REINDEX would walk through
 * them and could free what is another's: a copy is made anew from the
 * tables then (rebuilt-copy.h), checked in full, its rows counted against the database's, and it is put in
 * place by restore-in-place.h: only when nobody has committed meanwhile, else it is copied again.
 *
 * Runs in a worker thread. The caller guarantees that no SQLite connection of this process has the database
 * open meanwhile: the files are also read raw, and closing a raw descriptor drops this process's locks. */

#include "backup/remedy/remedy.h"
#include "base/progress.h"
#include "database/check/check.h"

typedef struct RepairRequest {
        const char *state_directory_path;
        const char *database_path;
        int directory_fd;           /* of the backups: a copy lies there meanwhile */
        const char *directory_path; /* the same */
        const char *quarantine_path;
        bool free_pages;          /* the check found damage to free pages */
        uint64_t busy_bound_usec; /* how long to wait for others; 0: RESTORE_BUSY_BOUND_USEC */
        uint64_t now_usec;
} RepairRequest;

typedef struct RepairOutcome {
        char **objects;     /* what was mended, for people; NULL-terminated, or NULL */
        char *quarantine;   /* folder with the files as they were before; NULL when nothing was changed */
        Fault left;         /* why something could not be mended; FAULT_NONE for nothing */
        CheckResult check;  /* of the database afterwards */
        Remedies remedies;  /* with this one */
        uint64_t held_usec; /* the longest that a writer had to wait */
        uint64_t duration_usec;
} RepairOutcome;

void repair_outcome_done(RepairOutcome *outcome);

/* 0 with *ret filled when it ran to its end; ret->check says whether it helped. Otherwise nothing was
 * changed, or whole indexes were: FAILED       it was repaired before, or tried; or the schema needs what is
 * not here CORRUPT      rows are damaged after all BUSY, NO_SPACE, IO, CANCELLED, … */
int repair_database(const RepairRequest *request, Progress *progress, RepairOutcome *ret, Fault *fault);
