/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Removing what retention drops, in batches: decided and told on the loop, carried out by a job's worker. */

#include "backup/catalogue/retention.h"
#include "daemon/job/job.h"
#include "daemon/manager.h"

#define REMOVALS_MAX 100 /* in a batch: ten thousand at once would hold the loop for seconds */

typedef struct Removal {
        Manifest *manifest;
        RetentionReason reason;
        bool removed; /* the worker's result */
} Removal;

typedef struct Removals {
        Removal items[REMOVALS_MAX];
        size_t n;
} Removals;

void removals_clear(Removals *removals);

/* What retention says of each entry of the catalogue at this moment; owned by the caller. -ENOMEM. */
int removals_plan(Manager *manager, RetentionReason **ret);

/* Evaluates health with what retention would hold now. */
void removals_review(Manager *manager);

/* How many of them it drops. */
size_t removals_count(const Manager *manager, const RetentionReason *reasons);

/* Takes up to `n_wanted` of those into the batch, the oldest first, so that a cancellation leaves the newer
 * part, and claims their files for the job. -ENOMEM. */
int removals_take(Job *job, const RetentionReason *reasons, size_t n_wanted, Removals *removals);

/* Worker: removes them. */
int removals_run(Removals *removals, int directory_fd, Progress *progress, Fault *fault);

/* Loop: takes what is gone out of the catalogue, and tells it. */
void removals_take_over(Job *job, const Removals *removals);
