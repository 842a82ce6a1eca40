/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Keeps what holds retention across restarts, in STATE/retention-hold.json, until somebody acknowledges it
 * or restores. */

#include "base/fault.h"
#include "daemon/facts/retention-hold.h"

typedef struct Manager Manager;

void retention_hold_done(RetentionHold *hold);

/* Reads the file; any thread. One that can't be understood holds, too. */
int retention_hold_load(const char *state_directory_path, RetentionHold *ret, Fault *fault);

/* Holds, unless something is held already: what came first is what has to be looked at. */
void retention_hold_set(Manager *manager, const char *code, const char *format, ...) _printf_(3, 4);

/* A person has looked, or has restored. */
void retention_hold_release(Manager *manager);
