/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The shortest check of a restored database: that it is, byte for byte, the copy that was proved before it
 * was restored. Where that can be said, nothing is left for an integrity check to find. Reads the files raw,
 * so no connection of this process may have either of them open. */

#include "backup/restore/restore-source.h"

/* Whether the main file of the database holds what the proved copy holds, but for the fields of the header
 * that every commit changes. Meaningful when the database's -wal is empty. False also when one of them can't
 * be read, and once cancelled. Counts its bytes in `progress`. */
bool restore_is_as_proved(const RestoreSource *source, const char *database_path, Progress *progress);
