/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* From a finding to a restore that nobody asked for: recovery.h decides, this carries it out, says why not,
 * and tries again when something was in the way. A finding leads to a restore only when a check of the
 * database itself made it. */

#include "daemon/state/condition.h"

/* For manager_set_reactions(). */
extern const ConditionReactions automatic_restore_reactions;

/* Corruption was met while doing something else: a check job decides whether it is so. 0 when one is queued,
 * or a check or restore that waits already will tell; BUSY when none can be, which is logged. */
int automatic_restore_suspect(Manager *manager, Fault *fault);

/* A check found the database corrupt, or the file is missing: decides, and queues the restore next. True
 * when one is queued or running; else it is said why not. */
bool automatic_restore_consider(Manager *manager);

/* What kept a database that is known as broken from being restored may be over. Somebody may have repaired
 * it meanwhile, so that only what is found now is acted upon. */
void automatic_restore_reconsider(Manager *manager);

/* A check that an operator asked for found the database sound: whatever had stopped the automatism was
 * repaired by hand, and it may act again. */
void automatic_restore_repaired(Manager *manager);

/* A restore or undo has put a database in force. `sound` is false for one that was forced although it fails
 * its check: what an operator forces is not undone by the automatism. */
void automatic_restore_succeeded(Manager *manager, bool automatic, bool sound);

/* An automatic restore failed for a reason that may pass: it is tried again later, less and less often. */
void automatic_restore_failed(Manager *manager, FaultCode code);

/* Whether a job that restores waits or runs. */
bool automatic_restore_is_restoring(const Manager *manager);

/* The stop lasts across restarts: STATE/auto-restore-stopped. Reads it; any thread. */
bool automatic_restore_load_stopped(const char *state_directory_path);
