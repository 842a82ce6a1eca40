/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Asking for a job and waiting until it has ended. Whoever waits subscribes before it asks, so that a job
 * that ends at once is not waited for forever; a service that goes away ends the waiting too. */

#include <systemd/sd-event.h>

#include "ctl/call/session.h"

typedef struct JobWaiter JobWaiter;

/* Subscribes. The waiter serves any number of jobs, one after the other. With `many`, their steps are shown
 * on a terminal only: in a log the result of each says enough. */
int job_waiter_new(Session *session, bool many, JobWaiter **ret, Fault *fault);
JobWaiter *job_waiter_free(JobWaiter *waiter);
DEFINE_CLEANUP(JobWaiter *, job_waiter_free);

/* For a job whose only purpose is this process's output: shows no progress when `quiet`, and SIGINT or
 * SIGTERM, from now on until the waiter is freed, cancels it, which job_run() then returns as
 * FAULT_CANCELLED. */
int job_waiter_own(JobWaiter *waiter, bool quiet, Fault *fault);

/* What waiting runs on, for whoever has to do something meanwhile. Borrowed. */
sd_event *job_waiter_event(JobWaiter *waiter);

/* Sends a call that answers with a job (u id, o path), shows its progress under the name `operation`, and
 * waits for its end, unless --no-wait was given. The outcome is an object with Id and Job, and after waiting
 * also Operation, Result, Error, Message (as JobRemoved has them) and Name, the backup that it made, "" for
 * none; after a restore Name is what was restored, with Method, Automatic, SavedAs and Quarantine (as
 * DatabaseRestored has them). Only a call that is refused and a service that goes away are faults here;
 * job_outcome_fault() tells how the job ended. SIGINT and SIGTERM leave the job alone, say so, and end this
 * process. */
int job_run(JobWaiter *waiter,
                sd_bus_message *call,
                const char *operation,
                json_object **ret_outcome,
                Fault *fault);

/* 0 when the job did what was asked or was not waited for; else its fault. */
int job_outcome_fault(const Session *session, json_object *outcome, Fault *fault);

/* Prints what --no-wait prints for people: the job's number and path. */
void job_print_queued(json_object *outcome);

/* The jobs that the service has now: an array of objects with Path and the properties of each. */
int job_list(Session *session, json_object **ret, Fault *fault);
