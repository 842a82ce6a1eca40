/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A consistent copy of the live database: one read transaction pins the snapshot for the whole copy (a
 * stepwise copy without it starts over at every commit, and may never end), its files are copied as they are
 * (raw-copy.h), or by sqlite3_backup where that might not do, and the copy is switched to
 * journal_mode=DELETE so that no -wal belongs to it. The transaction is let go as soon as the last page is
 * copied: in WAL it blocks no writer, but it holds back the checkpoint. On a database in a rollback mode
 * writers wait as long as it is held: SQLite has no other way there. */

#include "database/connection/connection.h"
#include "database/copy/raw-copy.h"

typedef struct Snapshot {
        uint64_t page_size_bytes;
        uint64_t pages;
        uint64_t held_usec;          /* how long the read transaction was held */
        const char *by_page_because; /* a literal: why sqlite3_backup had to do it; NULL when it hadn't */
} Snapshot;

/* Copies `source_path` to the new file `target_path` (created 0600; must not exist: INVALID_ARGUMENT;
 * removed again on failure, and never touched when it was there before). Not synced. Begins the step
 * "copying the database" of `progress` (which may be NULL), counted in its bytes. Faults: BUSY, CORRUPT,
 * NOT_A_DATABASE, CANNOT_OPEN, NO_SPACE, IO, CANCELLED, …
 *
 * A killed run may leave the target, and for the moment of the switch its -wal or -journal: whoever cleans
 * up after it removes the three together. */
int snapshot_copy(const char *source_path,
                const char *target_path,
                Progress *progress,
                Snapshot *ret,
                Fault *fault);

/* The same for what the disk holds, as far as raw-copy.h can tell; `disk` says how it went. */
int snapshot_copy_disk(const char *source_path,
                const char *target_path,
                DiskRead *disk,
                Progress *progress,
                Snapshot *ret,
                Fault *fault);
