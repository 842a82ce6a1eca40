/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/state/unpacking.h"

#include "database/connection/placement.h"

uint64_t unpacking_max_bytes(uint64_t set_bytes, uint64_t free_bytes, uint64_t reserve_bytes)
{
        if (set_bytes > 0)
                return set_bytes;
        /* 0 would be no bound. */
        return free_bytes > reserve_bytes ? free_bytes - reserve_bytes : 1;
}

Effort unpacking_effort(const Manager *manager)
{
        Effort effort = manager->configuration.effort;
        DiskSpace space = {0};

        (void) placement_disk_space(manager->backup_directory, &space, NULL);
        effort.image_max_bytes = unpacking_max_bytes(manager->configuration.restore_max_bytes,
                        space.free_bytes,
                        manager->configuration.low_disk_space_bytes);
        return effort;
}
