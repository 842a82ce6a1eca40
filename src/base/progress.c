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
        for (const ProgressInterrupt *interrupt = progress->interrupts; interrupt;
                        interrupt = interrupt->next)
                interrupt->function(interrupt->target);
        (void) pthread_mutex_unlock(&progress->interrupt_mutex);
}

int progress_check(Progress *progress, Fault *fault)
{
        if (atomic_load(&progress->cancelled))
                return fault_set(fault, FAULT_CANCELLED, "Cancelled before it was finished");
        return 0;
}

void progress_add_interrupt(Progress *progress, ProgressInterrupt *interrupt)
{
        (void) pthread_mutex_lock(&progress->interrupt_mutex);
        interrupt->next = progress->interrupts;
        progress->interrupts = interrupt;
        if (atomic_load(&progress->cancelled))
                interrupt->function(interrupt->target);
        (void) pthread_mutex_unlock(&progress->interrupt_mutex);
}

void progress_remove_interrupt(Progress *progress, ProgressInterrupt *interrupt)
{
        (void) pthread_mutex_lock(&progress->interrupt_mutex);
        for (ProgressInterrupt **at = &progress->interrupts; *at; at = &(*at)->next)
                if (*at == interrupt) {
                        *at = interrupt->next;
                        break;
                }
        (void) pthread_mutex_unlock(&progress->interrupt_mutex);
}

void progress_hurry(Progress *progress)
{
        (void) pthread_mutex_lock(&progress->interrupt_mutex);
        progress->hurried = true;
        if (progress->on_hurry)
                progress->on_hurry->function(progress->on_hurry->target);
        (void) pthread_mutex_unlock(&progress->interrupt_mutex);
}

void progress_urge(Progress *progress)
{
        atomic_store(&progress->urgent, true);
        progress_hurry(progress);
}

void progress_on_hurry(Progress *progress, ProgressInterrupt *interrupt)
{
        (void) pthread_mutex_lock(&progress->interrupt_mutex);
        progress->on_hurry = interrupt;
        if (interrupt && progress->hurried)
                interrupt->function(interrupt->target);
        (void) pthread_mutex_unlock(&progress->interrupt_mutex);
}
