/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a worker thread and the event loop share about one piece of long work: how far it is, and whether to
 * stop. The worker writes the counters and asks progress_cancelled() between chunks; any thread may read
 * the counters and call progress_cancel(). While a call that can't ask (an SQLite statement) runs, the
 * worker registers a function that interrupts it; the mutex keeps that target alive during the call. Several
 * threads that share one piece of work register one each. Work that runs lowered (background.h) registers in
 * the same way what raises it once somebody waits for its end. */

#include <pthread.h>
#include <stdatomic.h>

#include "base/fault.h"

/* Lies in the caller's memory while it is registered. */
typedef struct ProgressInterrupt {
        void (*function)(void *target);
        void *target;
        struct ProgressInterrupt *next; /* the Progress's */
} ProgressInterrupt;

typedef struct Progress {
        _Atomic uint64_t done_bytes;
        _Atomic uint64_t total_bytes; /* 0 while unknown */
        _Atomic(const char *) step;   /* a string literal: what is being done, in a few words */
        _Atomic bool cancelled;
        _Atomic bool urgent; /* no bound on the bytes holds (pace.h) */

        pthread_mutex_t interrupt_mutex; /* guards the rest */
        ProgressInterrupt *interrupts;
        ProgressInterrupt *on_hurry; /* or NULL */
        bool hurried;
} Progress;

void progress_init(Progress *progress);
void progress_done(Progress *progress);

/* Starts a new step with a count of `total_bytes` of its own (0: unknown). `step` must be a literal. */
void progress_begin(Progress *progress, const char *step, uint64_t total_bytes);
void progress_add(Progress *progress, uint64_t bytes);

/* Asks the work to stop as soon as it can; it then ends with FAULT_CANCELLED. Idempotent, any thread. */
void progress_cancel(Progress *progress);

/* 0, or -ECANCELED with *fault filled once progress_cancel() was called. */
int progress_check(Progress *progress, Fault *fault);

/* Registers what progress_cancel() has to call. When the work was cancelled before, the function is called
 * at once. It is called with the mutex held, and may not register anything itself. */
void progress_add_interrupt(Progress *progress, ProgressInterrupt *interrupt);

/* Takes it back; nothing happens when it was not registered. After this returns it is not running any more.
 */
void progress_remove_interrupt(Progress *progress, ProgressInterrupt *interrupt);

/* Says that somebody waits for the end of the work. Idempotent, any thread. */
void progress_hurry(Progress *progress);

/* The same, where the waiting does harm: the bound on the bytes is lifted, too. */
void progress_urge(Progress *progress);

/* Sets what progress_hurry() has to call, under the same rules, or NULL once it is not to be called any
 * more.
 */
void progress_on_hurry(Progress *progress, ProgressInterrupt *interrupt);
