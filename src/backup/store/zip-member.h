/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The database in a .zip, as the application's own archives (oracxpred_backup_*.zip) hold it, beside a
 * folder of its backups. Read by libzip, which compares the checksum of what it unpacks. Messages name no
 * archive. */

#include "base/progress.h"

#define ZIP_MAGIC "PK\003\004"
#define ZIP_MAGIC_BYTES 4

/* Writes the database that the archive in `source_fd` holds to `target_fd`, at its position: the
 * oracxpred.db nearest to the top, or else the only .db file outside of the folder of the backups.
 * `directory_path` is where the target lies. INVALID_ARGUMENT when there is none, or when changes lie beside
 * it that it lacks; NOT_SUPPORTED when it is encrypted; NO_SPACE before anything is written, also for
 * one of more than `max_bytes` (0: no bound); CORRUPT. */
int zip_member_extract(int source_fd,
                int target_fd,
                const char *directory_path,
                uint64_t max_bytes,
                Progress *progress,
                Fault *fault);
