/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Rows that can be read of a database in the quarantine, and that the live one lacks, come into the live
 * one. It is worked out on private copies first, and the result is checked in full there; then the live
 * database gets the same rows in one transaction of its own, with its application connected. No row of it is
 * changed or removed. */

#include "backup/create/create.h"
#include "database/rescue/rescue-merge.h"

typedef struct SalvageRequest {
        const char *database_path;
        const char *quarantine_path;
        const char *name;                 /* of the folder */
        bool merge;                       /* false: only work it out */
        const CreateRequest *pre_restore; /* what there was becomes this backup before it is changed */
        unsigned threads;
} SalvageRequest;

/* Runs in a worker thread. With `merge`, *ret_backup is the backup that was made, NULL when there was
 * nothing to merge. NOT_FOUND when there is no such folder, or no database in it; CORRUPT when the result
 * would not be sound. */
int salvage_run(const SalvageRequest *request,
                Progress *progress,
                MergeReport *ret,
                Manifest **ret_backup,
                Fault *fault);
