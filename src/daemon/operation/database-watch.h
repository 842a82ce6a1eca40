/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The database file deleted, replaced or truncated by somebody else: inotify on its directory, and on the
 * file itself for truncate(2). An event only makes the loop look at the file's name, inode and size, so what
 * counts is the difference to what was accepted last, and this service's own replacements, which accept what
 * they leave, are never reacted to. Nothing is opened: a commit costs at most a look, and no lock is lost.
 *
 * The watch on the file ends with its first event and begins again with the look that follows a second
 * later: the application's commits don't wake the loop one by one. A directory that goes away is watched
 * again when it is back. */

#include "daemon/manager.h"

/* Which file lies at the database's path. A negative errno when nobody can tell: what can't be looked at is
 * not gone. */
int database_watch_look(const Manager *manager, FileIdentity *ret);

/* Begins to watch, and accepts the file as it is. Once it exists, or is known to be missing. */
int database_watch_start(Manager *manager, Fault *fault);

/* Looks at once rather than at the next event, and acts on what differs. */
void database_watch_examine(Manager *manager);

/* The file as it is now is the one that counts. */
void database_watch_accept(Manager *manager);
