/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Removes the logs' rows that are older than LogRetentionSec=, after a backup that has them, on the quick
 * lane: a few rows in each transaction and a pause between two, so that neither the application's writers
 * nor other calls wait for it. All functions are for the loop's thread. */

#include "base/fault.h"

typedef struct Manager Manager;
typedef struct LogCleanup LogCleanup;

/* Between two transactions. */
#define LOG_CLEANUP_PAUSE_USEC (20 * USEC_PER_MSEC)

int log_cleanup_new(Manager *manager, LogCleanup **ret, Fault *fault);

/* After the lane was freed. */
LogCleanup *log_cleanup_free(LogCleanup *cleanup);
DEFINE_CLEANUP(LogCleanup *, log_cleanup_free);

/* Begins, unless it is at work or rows are kept for good. It ends early, until the next backup, when the
 * database is or becomes unfit: corrupt, replaced, being restored, locked. */
void log_cleanup_begin(LogCleanup *cleanup);

/* Whether the lane has a piece of it. */
bool log_cleanup_is_busy(const LogCleanup *cleanup);
