/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* org.freedesktop.LogControl1: `systemctl service-log-level` and `service-log-target`. */

#include <systemd/sd-bus.h>

int log_control_register(sd_bus *bus);
