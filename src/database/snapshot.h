/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A consistent copy of the live database: one read transaction pins the snapshot for the whole copy (a
 * stepwise copy without it starts over at every commit, and may never end), sqlite3_backup copies it, and
 * the copy is switched to journal_mode=DELETE so that no -wal belongs to it. The transaction is let go as
 * soon as the last page is copied: in WAL it blocks no writer, but it holds back the checkpoint. */

#include "database/connection.h"

typedef struct Snapshot {
        uint64_t page_size_bytes;
        uint64_t pages;
        uint64_t held_usec; /* how long the read transaction was held */
} Snapshot;

/* Copies `source_path` to the new file `target_path` (created 0600; must not exist; removed again on
 * failure). Not synced. Progress counts bytes. Faults: BUSY, CORRUPT, NO_SPACE, IO, CANCELLED, … */
int snapshot_copy(const char *source_path,
                const char *target_path,
                Progress *progress,
                Snapshot *ret,
                Fault *fault);
