/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What lies in the quarantine, as the service sees it: listed, removed because somebody asks, and kept
 * within QuarantineMaxSize=. */

#include "backup/quarantine/quarantine-list.h"
#include "daemon/job/job.h"

/* With what only the service knows. */
int quarantine_of(const Manager *manager, QuarantineList *ret, Fault *fault);

/* NOT_FOUND; NEEDS_DECISION for one that may hold rows that are nowhere else, or that `undo` would bring
 * back, unless forced. */
int operation_quarantine_queue(Manager *manager,
                const char *name,
                bool force,
                const Caller *caller,
                Job **ret,
                Fault *fault);

/* Removes the files of the oldest incidents that hold nothing of their own, when all take more than the
 * bound. */
void quarantine_keep_bound(Manager *manager);
