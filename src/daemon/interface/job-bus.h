/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Jobs on the bus: objects below BUS_PATH_JOB, and the signals of their life. */

#include "daemon/job/job.h"

int job_bus_register(Manager *manager);

/* InterfacesAdded and JobNew. */
void job_emit_added(Job *job);

/* PropertiesChanged for the names that follow, ended by NULL. */
void job_emit_changed(Job *job, const char *name, ...) __attribute__((sentinel));

/* InterfacesRemoved and JobRemoved, with the job's fault as the result. The job is off the list already. */
void job_emit_removed(Job *job);

/* The work of Cancel and CancelJob. */
int job_method_cancel(Job *job, sd_bus_message *message, sd_bus_error *error);
