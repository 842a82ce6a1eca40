/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The Manager's methods about restoring, exporting and importing; their rows are in manager-bus.c's vtable.
 */

#include "daemon/manager.h"
#include "daemon/state/encryption.h"

int manager_method_restore(sd_bus_message *message, void *userdata, sd_bus_error *error);
int manager_method_undo_restore(sd_bus_message *message, void *userdata, sd_bus_error *error);
int manager_method_plan_restore(sd_bus_message *message, void *userdata, sd_bus_error *error);
int manager_method_plan_restore_file(sd_bus_message *message, void *userdata, sd_bus_error *error);
int manager_method_plan_undo(sd_bus_message *message, void *userdata, sd_bus_error *error);
int manager_method_export(sd_bus_message *message, void *userdata, sd_bus_error *error);
int manager_method_import(sd_bus_message *message, void *userdata, sd_bus_error *error);
int manager_method_report_corruption(sd_bus_message *message, void *userdata, sd_bus_error *error);

/* An error, with the message kept for as long as it takes, when a file that is passed as a key is one of the
 * live database's: whoever closes it drops the locks of this process. Else 0. */
int manager_refuse_live_keys(
                Manager *manager, sd_bus_message *message, const PassedKeys *keys, sd_bus_error *error);

/* The work of Restore on a backup's object: reads the options that are next in the message. */
int manager_restore_backup(Manager *manager, sd_bus_message *message, const char *name, sd_bus_error *error);
