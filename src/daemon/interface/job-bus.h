/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Jobs on the bus: objects below BUS_PATH_JOB. */

#include "daemon/job/job.h"

int job_bus_register(Manager *manager);

/* The work of Cancel and CancelJob. */
int job_method_cancel(Job *job, sd_bus_message *message, sd_bus_error *error);
