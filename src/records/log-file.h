/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The service's own file for the rows of its logs, where the database has no place for them: it is another
 * application's, or has no `system_logs`. A small SQLite database with the same two tables, which refer to
 * nothing. Any thread. */

#include "base/fault.h"

/* Creates the file, readable by the service alone, and its tables, where they are not there yet. */
int log_file_prepare(const char *path, Fault *fault);

/* Damage of this file says nothing about the database: it becomes FAILED, with the way out. Returns the
 * errno of what the fault is by then; `r` when it was another one. */
int log_file_disguise(const char *path, int r, Fault *fault);
