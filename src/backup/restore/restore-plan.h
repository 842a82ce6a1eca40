/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a restore would do, without doing any of it. Runs in a worker thread; opens the live database for
 * reading only, and needs no gate: nothing is read raw. */

#include "backup/restore/restore.h"
#include "database/connection/open-files.h"

typedef struct RestorePlanTable {
        char *name;        /* valid UTF-8, as manifests have it */
        bool now_known;    /* false: the live database can't be read */
        bool then_known;   /* false: nobody counted, as with an adopted backup */
        uint64_t rows_now; /* 0 when there is no such table */
        uint64_t rows_then;
} RestorePlanTable;

typedef struct RestorePlan {
        char *backup; /* its name, or the quarantine folder */
        uint64_t created_usec;
        uint64_t age_usec;        /* 0 for one dated after now */
        uint64_t verified_usec;   /* when all of it was last read back and checked; 0 for never */
        char *verification_fault; /* what was found then; NULL for nothing */
        bool current_readable;    /* rows_now is known */
        char *current_problem;    /* why not; owned */
        RestorePlanTable *tables; /* sorted by name; those of both sides */
        size_t n_tables;
        OpenFiles open_files; /* who has the database open */
        RestoreMethod method; /* the one to be expected */
        bool stops_units;
        bool refused_in_use;   /* it would end with DATABASE_IN_USE unless forced */
        uint64_t needed_bytes; /* at the worst moment, on the file system of the backups */
        uint64_t free_bytes;
        char *saves_as;   /* name of the pre-restore backup to be expected; NULL for none */
        char *quarantine; /* where files that can't be a backup go; NULL for none */
} RestorePlan;

void restore_plan_done(RestorePlan *plan);

/* `control` and `force` of the request count, too. Nothing about the source is proved here. */
int restore_plan(const RestoreRequest *request, Progress *progress, RestorePlan *ret, Fault *fault);
