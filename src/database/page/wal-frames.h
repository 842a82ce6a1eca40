/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Puts the pages that a -wal holds over a copy of the main file. Every frame is proved on the way, by the
 * salts and the chain of checksums that SQLite itself would go by after a crash, up to the checksum of the
 * last frame in the wal-index: what is not exactly those frames is not taken. Belongs to the connection's
 * thread. Format: https://www.sqlite.org/walformat.html#the_wal_file_format */

#include "database/connection/connection.h"
#include "database/page/copy-target.h"
#include "database/page/wal-index.h"

/* Takes the content of a page, which lies at this offset of the -wal. 1, or negative with the fault filled.
 */
typedef int (*WalFrameFunction)(void *userdata,
                uint32_t page,
                const unsigned char *content,
                uint64_t offset_bytes,
                Fault *fault);

/* Calls the function for each of the first `index->n_frames` frames, in their order and as far as its page
 * is one of the first `index->n_pages`. 1 when it was all as the index says; 0 when it was not, with a
 * literal in *ret_doubt, and what the function was told being of no use; negative with the fault filled. */
int wal_frames_each(Connection *source,
                const WalIndex *index,
                WalFrameFunction function,
                void *userdata,
                const char **ret_doubt,
                Fault *fault);

/* The same, writing each page into `target`, which is of no use when 0 is returned. */
int wal_frames_overlay(Connection *source,
                const WalIndex *index,
                const CopyTarget *target,
                const char **ret_doubt,
                Fault *fault);
