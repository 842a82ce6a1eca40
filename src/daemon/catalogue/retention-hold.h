/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Why retention removes nothing until a person has looked: the database was emptied, or another one took its
 * place, so that the older backups may be the only ones worth keeping. Lasts across restarts, in
 * STATE/retention-hold.json, until somebody acknowledges it or restores. */

#include "base/fault.h"

typedef struct Manager Manager;

typedef struct RetentionHold {
        const char *code; /* static, of health.h; NULL: nothing is held */
        char *text;       /* for people; owned */
} RetentionHold;

#define RETENTION_HOLD_EMPTIED "database-emptied"
#define RETENTION_HOLD_OTHER "another-database"

void retention_hold_done(RetentionHold *hold);

/* Reads the file; any thread. One that can't be understood holds, too. */
int retention_hold_load(const char *state_directory_path, RetentionHold *ret, Fault *fault);

/* Holds, unless something is held already: what came first is what has to be looked at. */
void retention_hold_set(Manager *manager, const char *code, const char *format, ...) _printf_(3, 4);

/* A person has looked, or has restored. */
void retention_hold_release(Manager *manager);
