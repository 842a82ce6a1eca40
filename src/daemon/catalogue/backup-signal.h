/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The signals about backups: objects that come and go, and properties that change. `name` is that of the
 * catalogue's entry. */

#include "daemon/manager.h"

/* InterfacesAdded and InterfacesRemoved. */
void backup_emit_added(Manager *manager, const char *name);
void backup_emit_interfaces_removed(Manager *manager, const char *name);

/* PropertiesChanged. */
void backup_emit_changed(Manager *manager, const char *name);
void backup_emit_in_use(Manager *manager, const char *name);

/* Manager's signals BackupCreated and BackupRemoved. `job_id` is 0 for a file that came from outside. */
void backup_emit_created(Manager *manager, uint32_t job_id, const char *name);
void backup_emit_removed(Manager *manager, const char *name);
