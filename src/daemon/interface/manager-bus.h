/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The Manager's object on the bus: methods and their vtable. */

#include "daemon/manager.h"

int manager_bus_register(Manager *manager);

/* The work of Verify, here and on a backup: reads the options that are next in the message. An empty name is
 * the live database. */
int manager_method_verify(Manager *manager, sd_bus_message *message, const char *name, sd_bus_error *error);

/* The reply that methods which start a job share. */
int manager_reply_job(Job *job, sd_bus_message *message);
