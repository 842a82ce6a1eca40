/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* STATE/last-backup-fault.json: why the last attempt at a backup failed, so that neither a restart of the
 * service nor one of the machine makes a health out of it that is ok. There is no such file once one has
 * succeeded. Written by whichever worker has made the attempt. */

#include "base/fault.h"

/* Notes how the attempt ended. A cancelled one was none. What can't be noted, on a full disk for instance,
 * is left: the fault itself is told all the same. */
void last_attempt_note(const char *state_directory_path, const Fault *fault);

/* What the fault said, owned by the caller; NULL when the last attempt succeeded, or nobody can tell. */
char *last_attempt_load(const char *state_directory_path);
