/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The database file deleted, replaced or truncated by somebody else. What wakes the loop (file-events.h)
 * only makes it look at the file's name, inode and size, so what counts is the difference to what was
 * accepted last, and this service's own replacements, which accept what they leave, are never reacted to.
 * Nothing is opened: no lock is lost. A directory that goes away is watched again when it is back. */

#include "daemon/manager.h"

/* Begins to watch, and accepts the file as it is, unless it has begun already. Once the file exists, or is
 * known to be missing. */
int database_watch_start(Manager *manager, Fault *fault);

/* Looks at once rather than at the next event, and acts on what differs. */
void database_watch_examine(Manager *manager);

/* The file as it is now is the one that counts. */
void database_watch_accept(Manager *manager);

/* Looks, and again in a second when something differs; then the answer is true. */
bool database_watch_notice(Manager *manager);

/* Watches anew and looks in a second. */
void database_watch_settle(Manager *manager);

/* Whether a file is waited for, so that no event may be missed. */
bool database_watch_is_attentive(const Manager *manager);
