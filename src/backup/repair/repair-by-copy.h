/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The part of repair.h that mends damaged pages: the tables are copied, and the copy is put in place of all
 * of the database in one transaction, if nobody has committed since it was made. */

#include "backup/repair/repair.h"
#include "database/check/damaged-indexes.h"

/* Fills outcome->objects and outcome->quarantine when *ret_changed. Faults as repair_database(). */
int repair_by_copy(const RepairRequest *request,
                const DamagedIndexes *damaged,
                char *const *objects,
                Progress *progress,
                RepairOutcome *outcome,
                bool *ret_changed,
                Fault *fault);
