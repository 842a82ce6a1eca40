/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Puts what a -wal has committed into the main file without SQLite, which gives up on a file whose first
 * page it does not understand. For private copies only. The frames are proved as SQLite would after a crash:
 * by the salts and the chain of checksums, up to the last one that ends a commit.
 * Format: https://www.sqlite.org/fileformat2.html, section 4. */

#include "base/fault.h"

/* Rolls PATH-journal back where SQLite can, folds PATH-wal in, and removes both and the -shm. A -wal that
 * begins with no sound header holds no commit, and is removed as well: as to SQLite. */
int wal_fold(const char *path, Fault *fault);

/* A hash of what the database would be with its -wal folded in, without touching either: the same before and
 * after a checkpoint, and another one after a commit. */
int wal_folded_hash(const char *path, uint64_t ret[static 2], Fault *fault);
