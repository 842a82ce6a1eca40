/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the header of the wal-index says of the -wal at this moment, read in SQLite's own mapping of the
 * -shm: closing a descriptor of ours would drop this process's locks on it. Belongs to the connection's
 * thread. Format: https://www.sqlite.org/walformat.html#the_wal_index_header */

#include <sqlite3.h>

#include "base/macro.h"

/* Page size, number of frames, number of pages, checksum of the last frame, and the salts, as they stand in
 * the header. What comes before counts changes of the index itself, and begins anew when the first
 * connection builds it again. */
#define WAL_INDEX_STATE_BYTES 26

typedef struct WalIndex {
        uint32_t n_frames;     /* of all commits in the -wal; a writer may be adding more */
        uint32_t n_backfilled; /* so many of them are in the main file */
        uint32_t n_pages;      /* of the database after the last of these frames; may be 0 without frames */
        uint32_t page_bytes;   /* 0 without frames */
        uint32_t checksum[2];  /* of the last frame */
        unsigned char salts[8];
        bool big_endian; /* how the checksums add words up */
        unsigned char state[WAL_INDEX_STATE_BYTES];
} WalIndex;

/* For the main file of a connection that has a transaction open in WAL mode, in the normal locking mode:
 * else SQLite would make a -shm. False when there is no sound header to be had: no shared memory, one that
 * may only be read, or a commit that doesn't end within some milliseconds. */
bool wal_index_read(sqlite3_file *file, WalIndex *ret);

/* Goes on with the checksum that a -wal and its index carry, by a multiple of 8 bytes. Begins with zeros. */
void wal_checksum(bool big_endian, const void *data, size_t n_bytes, uint32_t sum[static 2]);
