/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Backups that come and go without us: inotify on their directory, and on its parent for the directory
 * itself. */

#include "daemon/manager.h"

/* Begins to watch. Call it before the directory is read the first time, so that nothing falls between. */
int watch_start(Manager *manager, Fault *fault);

/* Another directory has taken the place of the one that was watched; or it is away. */
void watch_files_again(Manager *manager);
void watch_stop_files(Manager *manager);

/* Looks at one name of the directory, whatever it is. */
void watch_handle_file(Manager *manager, const char *name);
