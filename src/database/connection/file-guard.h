/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What SQLite may touch in this process. The application's user owns the folder of the live database, and
 * SQLite does what it finds there: it opens a FIFO that is named like a journal, which blocks for ever, and
 * it unlinks whatever file a hot journal names as its super-journal. The guard sits below every connection,
 * in the open() and unlink() of SQLite's unix VFS:
 *
 * - Only regular files are opened, and the directories that SQLite syncs. Links are not followed, a side
 * file with a second name is refused, and nothing blocks.
 * - Closing a file drops all POSIX locks that the process has on it. A journal may name any file as its
 *   super-journal, which SQLite then reads. It finds it empty, unless its name is that of a journal.
 * - Only the side files of a database that SQLite has open here are removed, SQLite's own temporary files,
 *   and a super-journal beside such a database. Any other is left, and SQLite goes on as if it were gone: it
 *   can only be a super-journal, which nothing here needs any more. */

#include <sqlite3.h>

#include "base/fault.h"

/* Puts the guard into SQLite, once for the process. Returns an SQLite code. */
int file_guard_install(void);

/* Forgets what file_guard_refusal() has to say to this thread. */
void file_guard_forget(void);

/* What the guard last refused to open for this thread since then, as the end of a sentence ("/x/y-journal
 * is a FIFO"); NULL when nothing. Valid until the next refusal. */
const char *file_guard_refusal(void);

/* Whether a descriptor below `n` is one of a file on which SQLite holds locks here (a database, its -shm),
 * and not SQLite's own. Who closes it drops those locks. May see one that another thread of this service has
 * open for a moment. */
bool file_guard_finds_stranger(int n);

/* A descriptor that reads the file itself, past the kernel's page cache (O_DIRECT), of a database that
 * SQLite has open here for writing; a negative errno when there is none, or when its file system can't do
 * that. file_guard_close_reader() gives it back, and it is closed with the last of SQLite's, so that no
 * locks are dropped. Any thread. */
int file_guard_open_reader(const char *path);
void file_guard_close_reader(int fd);

/* Whether what SQLite has opened is the file that `path` names, which it reached without following a link in
 * the last part of the name: UNSAFE_FILE_SYSTEM otherwise, and, with `writes`, when it has a second name,
 * which may be that of a file that only the service may write. */
int file_guard_require_meant(sqlite3 *handle, const char *path, bool writes, Fault *fault);
