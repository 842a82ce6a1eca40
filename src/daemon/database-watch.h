/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The database file deleted, replaced or truncated by somebody else: inotify on its directory. An event only
 * makes the loop look at the file's name, inode and size, so what counts is the difference to what was
 * accepted last, and this service's own replacements, which accept what they leave, are never reacted to.
 *
 * IN_MODIFY is not among the events on purpose: the application's every commit would wake the loop. A file
 * that is truncated in place is looked at when the truncating process closes it. */

#include "daemon/manager.h"

/* Begins to watch, and accepts the file as it is. Once it exists, or is known to be missing. */
int database_watch_start(Manager *manager, Fault *fault);

/* Looks at once rather than at the next event, and acts on what differs. */
void database_watch_examine(Manager *manager);

/* The file as it is now is the one that counts. */
void database_watch_accept(Manager *manager);
