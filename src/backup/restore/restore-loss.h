/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What an automatic restore has cost goes into the list of remedies, also when the service is killed between
 * the two: last-restore.json says that it is still to be told. Runs in a worker thread. */

#include "backup/remedy/remedy.h"
#include "backup/restore/restore.h"

/* Right after restore_backup(). `now` is what is in the restored database, sorted by name; *ret is the list
 * with the new remedy in it. Does nothing for a restore that somebody asked for: *ret stays as it is. */
int restore_loss_tell(const RestoreRequest *request,
                const RestoreOutcome *outcome,
                const TableCount *now,
                size_t n_now,
                Progress *progress,
                Remedies *ret,
                Fault *fault);

/* At the start, when the database was found sound: for a restore that a kill has kept from being told.
 * Nothing to tell is no fault, and leaves *ret alone. */
int restore_loss_tell_interrupted(const char *state_directory_path,
                const char *database_path,
                Progress *progress,
                Remedies *ret,
                Fault *fault);
