/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/interface/descriptor-watch.h"

#include <fcntl.h>

#include "database/connection/file-guard.h"

/* So many descriptors may be open beyond those whose numbers are used in a row. */
#define DESCRIPTORS_BEYOND 64

/* sd-bus does not say whether a message carries descriptors. They got the lowest numbers that were free. */
static int on_message(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        Manager *manager = userdata;
        _cleanup_close_ int next = fcntl(sd_bus_get_fd(manager->bus), F_DUPFD_CLOEXEC, 0);

        if (file_guard_finds_stranger(MAX_OF(next, 0) + DESCRIPTORS_BEYOND))
                manager_hold_message(manager, message);
        return 0;
}

int descriptor_watch_start(Manager *manager)
{
        int r = sd_bus_add_filter(manager->bus, NULL, on_message, manager);

        return r < 0 ? r : sd_bus_add_filter(manager->inquiry_bus, NULL, on_message, manager);
}
