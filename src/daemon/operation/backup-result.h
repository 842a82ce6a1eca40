/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What becomes of a backup that was attempted: the same for the first one, made by the start-up, and for all
 * later ones. */

#include "backup/catalogue/manifest.h"
#include "daemon/job/job.h"

/* Lists it, tells of it, and takes over the row counts that came with it. Takes the manifest over. */
int backup_result_made(Job *job, Manifest *manifest);

/* Remembers why; a snapshot that was found corrupt says so of the database. */
void backup_result_failed(Job *job);
