/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A database that was removed while processes have it open: they go on committing into files without a name,
 * which are gone when they are stopped. */

#include "base/progress.h"

/* Copies what the process that wrote last still has open of the database and its -wal, through /proc/PID/fd,
 * into a folder of the quarantine: its path is owned by the caller, and is that of an earlier copy when
 * nothing was committed since. 0 with NULL when nobody has it open, or this process may not look. */
int deleted_copy_out(const char *database_path,
                const char *quarantine_path,
                uint64_t now_usec,
                Progress *progress,
                char **ret_folder,
                Fault *fault);
