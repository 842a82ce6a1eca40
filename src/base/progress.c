/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/progress.h"

void progress_init(Progress *progress)
{
        *progress = (Progress){0};
        (void) pthread_mutex_init(&progress->interrupt_mutex, NULL);
}

void progress_done(Progress *progress)
{
        (void) pthread_mutex_destroy(&progress->interrupt_mutex);
}

void progress_begin(Progress *progress, const char *step, uint64_t total_bytes)
{
        atomic_store(&progress->step, step);
        atomic_store(&progress->done_bytes, 0);
        atomic_store(&progress->total_bytes, total_bytes);
}

void progress_add(Progress *progress, uint64_t bytes)
{
        (void) atomic_fetch_add(&progress->done_bytes, bytes);
}

void progress_cancel(Progress *progress)
{
        (void) pthread_mutex_lock(&progress->interrupt_mutex);
        atomic_store(&progress->cancelled, true);
        if (progress->interrupt)
                progress->interrupt(progress->interrupt_target);
        (void) pthread_mutex_unlock(&progress->interrupt_mutex);
}

int progress_check(Progress *progress, Fault *fault)
{
        if (atomic_load(&progress->cancelled))
                return fault_set(fault, FAULT_CANCELLED, "Cancelled before it was finished");
        return 0;
}

void progress_set_interrupt(Progress *progress, ProgressInterrupt interrupt, void *target)
{
        (void) pthread_mutex_lock(&progress->interrupt_mutex);
        progress->interrupt = interrupt;
        progress->interrupt_target = target;
        if (interrupt && atomic_load(&progress->cancelled))
                interrupt(target);
        (void) pthread_mutex_unlock(&progress->interrupt_mutex);
}
