/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A worker thread and the queue before it. The queue belongs to the event loop, which hands over one piece
 * of work at a time and takes it back through an eventfd: so a piece that still waits can be withdrawn, and
 * what it needs (a backup's name, a manifest) is decided at the last moment, on the loop. All functions here
 * are for the loop's thread. */

#include <systemd/sd-event.h>

#include "base/fault.h"

typedef struct Lane Lane;
typedef struct Work Work;

/* Embedded in what the work is about. */
struct Work {
        int (*start)(Work *work);   /* loop, right before run(); negative: finish() follows without run() */
        void (*run)(Work *work);    /* worker thread; touches nothing but what the work owns */
        void (*finish)(Work *work); /* loop, after run(); may free the work, or submit it again */

        Work *next; /* the lane's */
};

/* Starts the thread, with all signals blocked in it. At most `capacity` pieces wait. */
int lane_new(sd_event *event, const char *name, size_t capacity, Lane **ret, Fault *fault);

/* Waits for the piece that is running (cancel it before) and ends the thread. Neither that piece nor waiting
 * ones are finished: they stay their owner's. */
Lane *lane_free(Lane *lane);
DEFINE_CLEANUP(Lane *, lane_free);

/* Appends. It starts from the loop's next turn, never from inside this call. -EBUSY when the queue is full.
 */
int lane_submit(Lane *lane, Work *work);

/* Puts it before all that waits, without a bound: the next stage of what just ran, or what follows from it.
 */
void lane_submit_first(Lane *lane, Work *work);

/* Takes a waiting piece out again. False when it runs already, or is not here. */
bool lane_withdraw(Lane *lane, Work *work);
