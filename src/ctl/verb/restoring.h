/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Replacing the database: asking first, doing it, and telling what was done and how it is taken back. */

#include "ctl/call/job.h"

/* What stays when nobody confirms, for confirm_ask(). */
#define RESTORING_KEPT "the database is as it was"

/* Shows the plan to a person, refuses what the service would refuse, and asks the question. */
int restoring_agree(Session *session, json_object *plan, const char *question, Fault *fault);

/* Restores the backup `name`, "" for the newest verified one. A person sees the plan first and is asked.
 * *ret_outcome is job.h's, after a job that did what was asked or was not waited for. */
int restoring_run(Session *session,
                JobWaiter *waiter,
                const char *name,
                json_object **ret_outcome,
                Fault *fault);

/* Sends the call, a restore of whatever kind, and waits, as job_run(); a job that failed is a fault, too. */
int restoring_send(JobWaiter *waiter,
                sd_bus_message *call,
                const Session *session,
                const char *operation,
                json_object **ret_outcome,
                Fault *fault);

/* Puts the options that every restore takes into an open a{sv}, --force and the keys, and closes it. */
int restoring_end_options(const Session *session, sd_bus_message *call, Fault *fault);

/* Prints what came of it; as JSON the outcome itself. */
int restoring_print(Session *session, json_object *outcome, Fault *fault);
