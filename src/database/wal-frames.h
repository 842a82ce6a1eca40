/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Puts the pages that a -wal holds over a copy of the main file. Every frame is proved on the way, by the
 * salts and the chain of checksums that SQLite itself would go by after a crash, up to the checksum of the
 * last frame in the wal-index: what is not exactly those frames is not taken. Belongs to the connection's
 * thread. Format: https://www.sqlite.org/walformat.html#the_wal_file_format */

#include "database/connection.h"
#include "database/copy-target.h"
#include "database/wal-index.h"

/* Writes each page of the first `index->n_frames` frames, in their order and as far as it is one of the
 * first `index->n_pages`, into `target`. 1 when it was all as the index says; 0 when it was not, with a
 * literal in *ret_doubt, the target being of no use then; negative with the fault filled. */
int wal_frames_overlay(Connection *source,
                const WalIndex *index,
                const CopyTarget *target,
                const char **ret_doubt,
                Fault *fault);
