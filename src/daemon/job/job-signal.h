/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The signals of a job's life. */

#include "daemon/job/job.h"

/* InterfacesAdded and JobNew. */
void job_emit_added(Job *job);

/* PropertiesChanged for the names that follow, ended by NULL. */
void job_emit_changed(Job *job, const char *name, ...) __attribute__((sentinel));

/* InterfacesRemoved and JobRemoved, with the job's fault as the result. The job is off the list already. */
void job_emit_removed(Job *job);
