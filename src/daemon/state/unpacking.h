/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How much of the disk a file that comes from elsewhere may take. */

#include "base/effort.h"
#include "daemon/manager.h"

/* The configured effort, with the bound on what a file of unknown size may unpack to: RestoreMaxSize=, or
 * what the disk of the backups has free less LowDiskSpace=, but never less than half of it, since a restore
 * may be the way out of a full disk. */
Effort unpacking_effort(const Manager *manager);
