/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* PropertiesChanged of the Manager, gathered: whoever changes something says which group, and one signal for
 * all of them goes out at the loop's next idle moment, or before the reply or signal that people would take
 * as its cause. */

#include "daemon/manager.h"

typedef enum Change {
        CHANGE_STATUS,
        CHANGE_HEALTH,
        CHANGE_INTEGRITY,
        CHANGE_STATISTICS,
        CHANGE_SCHEMA,
        CHANGE_BACKUPS,
        CHANGE_LAST_BACKUP_FAULT,
        CHANGE_CONFIGURATION,
        CHANGE_JOBS,
        CHANGE_RESTORE,
        CHANGE_REMEDIES,
        _CHANGE_MAX,
        _CHANGE_INVALID = -EINVAL,
} Change;

void manager_changed(Manager *manager, Change change);

/* Emits what has gathered, now. */
void manager_flush_changes(Manager *manager);
