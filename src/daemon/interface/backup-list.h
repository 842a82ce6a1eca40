/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* ListBackups: one row for each backup, in one message. */

#include <systemd/sd-bus.h>

/* An sd_bus_message_handler_t; its user data is the Manager. */
int backup_list_method(sd_bus_message *message, void *userdata, sd_bus_error *error);
