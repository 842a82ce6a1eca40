/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One job for each of several backups, one after the other, so that the service's queue never fills up. One
 * that fails doesn't keep the others from their turn; the first fault decides the exit status. */

#include "ctl/call/job.h"

typedef struct JobBatch {
        Session *session;
        JobWaiter *waiter;
        json_object *outcomes; /* an array, in order; each with Name, the backup it was about */
        bool many;
        const char *done; /* what to say of one that succeeded: "verified" */
        size_t n_done;
        size_t n_failed;
        Fault first; /* of those that failed */
} JobBatch;

/* `many` as job_waiter_new() has it, and whether --json prints an array and people get a sum. */
int job_batch_begin(JobBatch *batch, Session *session, const char *done, bool many, Fault *fault);
void job_batch_done(JobBatch *batch);

/* Runs a call that answers with a job, about the backup `name` ("" for the live database, shown as `title`),
 * and prints a line about how it ended. A negative errno only when the rest makes no sense any more: the
 * service is gone. */
int job_batch_run(JobBatch *batch,
                sd_bus_message *call,
                const char *operation,
                const char *name,
                const char *title,
                Fault *fault);

/* Prints the document or the sum. Returns the exit status of all: 0, or that of the first fault, which has
 * had its line already. */
int job_batch_end(JobBatch *batch, Fault *fault);
