/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Backups on the bus: objects below BUS_PATH_BACKUP. They are found in the catalogue when they are asked
 * for, so that ten thousand of them cost nothing while nobody asks. Names are those of the catalogue's
 * entries. */

#include "daemon/manager.h"

int backup_bus_register(Manager *manager);
