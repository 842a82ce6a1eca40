/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Whether the directory of the backups is at hand: the one at its path, on its own disk where it has one. It
 * may be exchanged or lost while the service runs, and come late; whatever is below the mount point of a
 * missing disk is then left alone. */

#include "backup/catalogue/backup-disk.h"
#include "daemon/manager.h"

/* After the start-up has looked: opened, or away for the reason that is given. */
void backup_place_begin(Manager *manager, const BackupDisk *disk, const Fault *away);

/* 0, or CANNOT_OPEN with the way out. Takes over what is at the path now, but not under a worker that has
 * the old directory. `for_job` when a job that runs already asks: it is no obstacle to itself. */
int backup_place_require(Manager *manager, bool for_job, Fault *fault);

/* The same, but with no look at a directory that is at hand: for calls that name a backup. */
int backup_place_refuse_away(Manager *manager, Fault *fault);

/* The same as the first at once, or as soon as nothing works with the old one. */
void backup_place_look(Manager *manager);
