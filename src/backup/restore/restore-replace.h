/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The restore of a database that can't be written through SQLite any more: its users are stopped, the four
 * files move into the quarantine together, and the new file takes the place. */

#include "backup/restore/restore-source.h"

/* 0: the new database is in force and *outcome has method, quarantine, units and times. Negative: the old
 * files are where they were (when even that failed, the message says so, and restore_recover() goes on).
 * Either way the units that were stopped have been started again, or the message says why not. */
int restore_replace(const RestoreRequest *request,
                RestoreSource *source,
                Progress *progress,
                RestoreOutcome *outcome,
                Fault *fault);
