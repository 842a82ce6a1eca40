/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How much of the disk a file that comes from elsewhere may take. A backup with a manifest is not meant: its
 * size is known, and needs nothing but room. */

#include "base/effort.h"
#include "daemon/manager.h"

/* What a file of unknown size may unpack to, at least 1: what is set (0: nothing), or what the disk has free
 * less its reserve. */
uint64_t unpacking_max_bytes(uint64_t set_bytes, uint64_t free_bytes, uint64_t reserve_bytes);

/* The configured effort, bounded by RestoreMaxSize= and the disk of the backups. A disk that can't be asked
 * has no room. */
Effort unpacking_effort(const Manager *manager);
