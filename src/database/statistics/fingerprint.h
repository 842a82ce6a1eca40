/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Tells without reading it whether a database is still what it was: a text that stays the same only while
 * nobody has written to it. Runs in a worker thread on that thread's connection.
 *
 * It holds the identity, size and times of the file and of its -wal, the change counter in the file's
 * header, and what the header of the wal-index says of the -wal. Why that is enough, and where it gives up:
 *
 * - Whoever commits writes to the -wal or to the file, and the kernel then sets its mtime and ctime. The
 * clock behind them only ticks every few milliseconds, so two writes can leave the same times: a file that
 * was written in the last FINGERPRINT_QUIET_USEC, or in the future, has no fingerprint.
 * - In WAL mode a commit is made by the wal-index, in shared memory, some time after its frames were written
 *   (they are synced in between): no time tells that moment. The wal-index header counts the frames of all
 *   commits and names the last one by its checksum and salt.
 * - A checkpoint writes to the file without changing what the database holds. It looks like a change, and
 *   costs no more than reading. In WAL mode the change counter need not count.
 * - With a rollback journal there may be half a transaction in the file: no fingerprint while there is one.
 *
 * It is taken before the snapshot that it is to stand for is pinned: what is committed in between makes the
 * next fingerprint another one, and the snapshot is then read again for nothing. The other way round a
 * commit could be missed. Where anything can't be told, there is no fingerprint. */

#include "database/connection/connection.h"

#define FINGERPRINT_MAX 512
#define FINGERPRINT_QUIET_USEC (2 * USEC_PER_SEC)

/* Fills in the fingerprint of the file that the connection has open, "" when there is none to be had now.
 * `now_usec` is the wall clock, by which files get their times. Faults are those of reading the database. */
int fingerprint_take(
                Connection *connection, uint64_t now_usec, char ret[static FINGERPRINT_MAX], Fault *fault);
