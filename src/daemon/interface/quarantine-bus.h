/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* ListQuarantine and DeleteQuarantine. */

#include <systemd/sd-bus.h>

int manager_method_list_quarantine(sd_bus_message *message, void *userdata, sd_bus_error *error);
int manager_method_delete_quarantine(sd_bus_message *message, void *userdata, sd_bus_error *error);
