/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One piece of work on several threads: they are started, run the same function, and are joined before the
 * call returns, so that nothing of them outlives the work. The threads have every signal blocked: signals
 * are the event loop's. Where results have to come out in order, each thread takes the next number, works,
 * and waits for its turn in a Sequence. Everything here may be called from any thread. */

#include <pthread.h>

#include "base/fault.h"

/* `index` is 0 for the calling thread, then 1, 2, … The fault is this thread's own. */
typedef int (*ParallelFunction)(void *userdata, unsigned index, Fault *fault);

/* Calls `function` exactly `n_threads` times (at least once), each with an index of its own, at the same
 * time where the system gives the threads; what it has no thread for is called one after the other by the
 * calling thread, after its own. So no call may wait for one of a higher index to begin. Returns 0, or what
 * failed first in time with its fault. The function sees to it itself that the other threads then stop, and
 * these return 0, so that what stopped them is what is told. */
int parallel_run(unsigned n_threads, ParallelFunction function, void *userdata, Fault *fault);

/* Lets threads through one at a time, in the order of the numbers that they hold. */
typedef struct Sequence {
        pthread_mutex_t mutex; /* guards the rest */
        pthread_cond_t moved;
        uint64_t next;
        bool stopped;
} Sequence;

void sequence_init(Sequence *sequence);
void sequence_done(Sequence *sequence);

/* Waits until every smaller number has left. Returns false when the sequence was stopped instead: then it is
 * nobody's turn any more, and sequence_leave() must not be called. */
bool sequence_enter(Sequence *sequence, uint64_t number);

/* Ends the turn. */
void sequence_leave(Sequence *sequence);

/* Something failed: wakes whoever waits, for good. */
void sequence_stop(Sequence *sequence);
