/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Who may read the backups. They hold every row there was, deleted ones too: the service alone reads them,
 * and the group that BackupGroup= names. The directory carries that group, and its files follow it. */

#include <sys/types.h>

#include "base/fault.h"

#define BACKUP_GROUP_NONE ((gid_t) -1)

/* Sets owner group and mode of the directory (0700, or 0750 with a group) and of each backup and manifest in
 * it (0600 or 0640). Files that aren't this user's are passed by. Fails when the directory can't be changed
 * but needs it; then it is open to more, or to fewer, than it should be. */
int backup_rights_set(int directory_fd, const char *path, gid_t group, Fault *fault);

/* Gives a file that was made with BACKUP_FILE_MODE to the directory's group, when that may read there. Where
 * it can't, the file stays the service's alone. */
void backup_rights_follow(int directory_fd, int fd);
