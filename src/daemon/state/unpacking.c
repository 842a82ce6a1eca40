/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/state/unpacking.h"

#include "database/connection/placement.h"

Effort unpacking_effort(const Manager *manager)
{
        Effort effort = manager->configuration.effort;
        uint64_t reserve_bytes = manager->configuration.low_disk_space_bytes;
        DiskSpace space = {0};

        effort.image_max_bytes = manager->configuration.restore_max_bytes;
        if (effort.image_max_bytes > 0 || placement_disk_space(manager->backup_directory, &space, NULL) < 0)
                return effort;
        effort.image_max_bytes = MAX_OF(space.free_bytes / 2, UINT64_C(1));
        if (space.free_bytes > reserve_bytes)
                effort.image_max_bytes = MAX_OF(effort.image_max_bytes, space.free_bytes - reserve_bytes);
        return effort;
}
