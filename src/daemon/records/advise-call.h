/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Manager.Advise: which indexes the application's tables lack, looked up on the quick lane. */

#include <systemd/sd-bus.h>

/* A handler of the Manager's vtable. */
int manager_method_advise(sd_bus_message *message, void *userdata, sd_bus_error *error);
