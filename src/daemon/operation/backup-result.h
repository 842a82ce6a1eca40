/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What becomes of a backup that was attempted: the same for the first one, made by the start-up, and for all
 * later ones. */

#include "backup/catalogue/manifest.h"
#include "daemon/job/job.h"
#include "database/copy/raw-copy.h"

/* In the worker, once create_backup() is over: remembers whether it has read the disk. The manifest may be
 * NULL. */
void backup_result_note(const char *state_directory_path, const Manifest *manifest, const DiskRead *disk);

/* Lists it, tells of it, and takes over the row counts that came with it. Takes the manifest over. `disk` is
 * what create_backup() said of the disk. */
int backup_result_made(Job *job, Manifest *manifest, const DiskRead *disk);

/* Remembers why; a snapshot that was found corrupt says so of the database. */
void backup_result_failed(Job *job);
