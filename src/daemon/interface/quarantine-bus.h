/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* ListQuarantine, DeleteQuarantine and Salvage. */

#include <systemd/sd-bus.h>

int manager_method_list_quarantine(sd_bus_message *message, void *userdata, sd_bus_error *error);
int manager_method_delete_quarantine(sd_bus_message *message, void *userdata, sd_bus_error *error);
int manager_method_salvage(sd_bus_message *message, void *userdata, sd_bus_error *error);
