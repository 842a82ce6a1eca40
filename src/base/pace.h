/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A bound on how many bytes a second a piece of work moves, whatever the number of its threads: each
 * reserves its bytes, and sleeps until those that were reserved before have had their time. */

#include <pthread.h>

#include "base/progress.h"

typedef struct Pace {
        uint64_t bytes_per_second; /* 0: no bound; constant */
        pthread_mutex_t mutex;     /* guards the next one */
        uint64_t free_usec;        /* monotonic: when all that is reserved has had its time */
} Pace;

void pace_init(Pace *pace, uint64_t bytes_per_second);
void pace_done(Pace *pace);

/* The moment, at `now_usec` or later, from which on `bytes` may be moved. */
uint64_t pace_reserve(Pace *pace, uint64_t now_usec, uint64_t bytes);

/* Sleeps until that moment (monotonic), or until progress_urge(). CANCELLED soon after progress_cancel(). */
int pace_sleep_until(uint64_t until_usec, Progress *progress, Fault *fault);

/* Reserves, and sleeps until then, or until progress_urge(). CANCELLED soon after progress_cancel(). Any
 * thread.
 */
int pace_wait(Pace *pace, uint64_t bytes, Progress *progress, Fault *fault);
