/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* SQLite appends a page to its WAL in two writes, of 24 bytes and of the page. For one that writes a whole
 * database in one transaction, left to right, that is most of what the kernel does. This VFS is the default
 * one but for the files of WALs, whose adjacent writes it gathers into large ones.
 *
 * What is gathered is put out before anything that could look for it: a read, the size, a truncation, and
 * the sync that comes before a commit is made known. So it is for connections with synchronous=FULL only;
 * with less, others would be told of a commit that is not in the file. A process that is killed meanwhile
 * leaves less of a transaction that was not committed.
 *
 * The connection is for one transaction, and then to be closed. Once something could not be written it can
 * commit nothing any more; and after a rollback nothing stands between what is gathered still and the
 * commits of others, over which a later read would put it.
 *
 * The file belongs to its connection, and so to that connection's thread. */

#include "base/fault.h"

/* Registers it, once; any thread. *ret is the name for sqlite3_open_v2(). */
int wal_gather_vfs(const char **ret, Fault *fault);
