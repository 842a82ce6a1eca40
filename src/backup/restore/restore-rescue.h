/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The rescue of a restore: from a private copy of the damaged files into the private copy of the backup,
 * which it changes into what comes into force. The copy of the damaged files is made before anybody has to
 * wait; once the database is locked, or its users are stopped, restore_rescue_require_current() tells
 * whether something was committed since. */

#include "backup/restore/restore-source.h"

typedef struct RestoreRescue {
        bool done;
        uint64_t hash[2]; /* of the damaged database, its -wal folded in */
        RescueReport report;
} RestoreRescue;

void restore_rescue_done(RestoreRescue *rescue);

/* Whether there is something to rescue from: a file that is more than nothing. */
bool restore_rescue_is_possible(const RestoreRequest *request);

/* Rescues and checks in full. NEEDS_DECISION when the result can't be made or trusted, or does not meet the
 * request's terms: nothing was touched. */
int restore_rescue(const RestoreRequest *request,
                RestoreSource *source,
                Progress *progress,
                RestoreRescue *ret,
                Fault *fault);

/* `folder` holds the files as they are now. CONFLICT when they are not what was rescued from any more. */
int restore_rescue_require_current(const RestoreRequest *request,
                const RestoreSource *source,
                const char *folder,
                Fault *fault);
