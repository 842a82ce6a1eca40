/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Copies the files of a database themselves, in large pieces, under a read transaction that SQLite holds:
 * sqlite3_backup makes two system calls for every page, and writers feel how long it is held. Only for what
 * is plainly understood; all else is left to sqlite3_backup. Everything is read through SQLite's own
 * handles: closing a descriptor of ours would drop this process's locks on the file. Belongs to the
 * connection's thread.
 *
 * Why the copy is one committed state, by SQLite's wal.c (3.40 to 3.53), its names in brackets:
 *
 * In a rollback mode our SHARED lock keeps every writer from the file, and beginning the transaction has
 * rolled a hot journal back: the file is the state.
 *
 * In WAL mode the transaction holds WAL_READ_LOCK(k) since a moment at which the header was still the one
 * that it had read (walTryBeginRead()); call the frames in it R. The header that is read here, later, has M
 * frames, of which B are backfilled; the state that is copied is that of M, which may be newer than the
 * transaction's.
 *
 * (a) With k >= 1 the -wal can't begin anew: walRestartHdr() is only called with WAL_READ_LOCK(1) to (4)
 * held exclusively, by walRestartLog() and a TRUNCATE. So M >= R, in the same -wal, and frames up to M
 * stay. A checkpoint stops at our read mark, which is <= R, or looked before we had it, and then knew of no
 * frame beyond R (walCheckpoint(), mxSafeFrame). So it only writes pages of which there are frames up to R,
 * and all of those are put over the copy, in whatever state they were read. The index may be built anew
 * meanwhile (walIndexRecover(), after a writer died): it finds the same frames, and B is 0.
 *
 * (b) With k = 0 the main file is the state R, and stays so: a checkpoint writes with WAL_READ_LOCK(0) held
 * exclusively, and what one that died left behind would be frames beyond R, of which the header tells. B
 * can't grow, so once M > B neither a writer (which has to find B = M, under the same lock) nor a TRUNCATE
 * can begin the -wal anew: frames up to M stay. Before that it may: then M is 0, and its frames come on top
 * of R.
 *
 * (c) With B = M nothing is missing in the main file, and no checkpoint has anything left to write that we
 * allow: it alone is the state, which is that of R then (k >= 1: B <= R <= M; k = 0: B = R, or both are 0),
 * and its size the transaction's. With B < M all frames are put over it. Those from B on would do, since
 * the header is still the same after B is read (walTryBeginRead(), on minFrame); but that saves little, and
 * the checksums are a chain that has to be followed from the first frame.
 *
 * (d) Between two writes of walRestartHdr() M is 0 and B not yet: B > M is not understood. A main file that
 * is too long is cut by the size that the header gives, one that is too short lacks only pages that are in
 * the -wal, or that were never written and read as zeros. */

#include "database/connection/connection.h"
#include "database/page/copy-target.h"

/* A copy of what the disk holds, past what the kernel has of it in memory. Reading so changes nothing for
 * others: their pages stay in memory, and those that are not written yet are written first. A checkpoint
 * that runs meanwhile is no more in the way than it is of SQLite's own reads. */
typedef struct DiskRead {
        bool done;   /* the whole main file was read so; false where the file system can't */
        bool failed; /* the disk could not read it, as the fault says */
} DiskRead;

/* Copies the pinned database into the empty `target`. `page_bytes` and `n_pages` are those of the
 * transaction. The copy may still be flagged WAL, but needs no -wal. Counts as the step "copying" of the
 * connection's progress. 1 when it was copied; 0 when it has to be done page by page, with the reason as a
 * literal in *ret_doubt, the target being of no use then; negative with the fault filled, for errors of the
 * kernel and cancelling. `disk` is NULL for a copy of what SQLite reads. */
int raw_copy(Connection *source,
                uint64_t page_bytes,
                uint64_t n_pages,
                const CopyTarget *target,
                DiskRead *disk,
                const char **ret_doubt,
                Fault *fault);
