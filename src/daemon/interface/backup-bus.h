/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Backups on the bus: objects below BUS_PATH_BACKUP. They are found in the catalogue when they are asked
 * for, so that ten thousand of them cost nothing while nobody asks. Names are those of the catalogue's
 * entries. */

#include "daemon/manager.h"

int backup_bus_register(Manager *manager);

/* InterfacesAdded and InterfacesRemoved. */
void backup_emit_added(Manager *manager, const char *name);
void backup_emit_interfaces_removed(Manager *manager, const char *name);

/* PropertiesChanged. */
void backup_emit_changed(Manager *manager, const char *name);
void backup_emit_in_use(Manager *manager, const char *name);

/* Manager's signals BackupCreated and BackupRemoved. `job_id` is 0 for a file that came from outside. */
void backup_emit_created(Manager *manager, uint32_t job_id, const char *name);
void backup_emit_removed(Manager *manager, const char *name);
