/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/loop/gate.h"

void gate_init(Gate *gate)
{
        *gate = (Gate){0};
        (void) pthread_mutex_init(&gate->mutex, NULL);
        (void) pthread_cond_init(&gate->changed, NULL);
}

void gate_done(Gate *gate)
{
        (void) pthread_cond_destroy(&gate->changed);
        (void) pthread_mutex_destroy(&gate->mutex);
}

void gate_set_on_closing(Gate *gate, void (*on_closing)(void *target), void *target)
{
        gate->on_closing = on_closing;
        gate->on_closing_target = target;
}

bool gate_is_closed(Gate *gate)
{
        bool closed;

        (void) pthread_mutex_lock(&gate->mutex);
        closed = gate->closed;
        (void) pthread_mutex_unlock(&gate->mutex);
        return closed;
}

int gate_enter(Gate *gate, Fault *fault)
{
        bool closed;

        (void) pthread_mutex_lock(&gate->mutex);
        closed = gate->closed;
        if (!closed)
                gate->n_inside++;
        (void) pthread_mutex_unlock(&gate->mutex);
        return closed ? fault_set(fault,
                                        FAULT_BUSY,
                                        "A restore of the database is in progress; try again when it has "
                                        "ended")
                      : 0;
}

static bool must_yield(void *target)
{
        return gate_is_closed(target);
}

void gate_let_yield(Gate *gate, Connection *connection)
{
        connection->bound.must_yield = must_yield;
        connection->bound.must_yield_target = gate;
}

void gate_leave(Gate *gate)
{
        (void) pthread_mutex_lock(&gate->mutex);
        if (--gate->n_inside == 0)
                (void) pthread_cond_broadcast(&gate->changed);
        (void) pthread_mutex_unlock(&gate->mutex);
}

/* Called by progress_cancel(). With the mutex, so that it can't fall between the closer's look at the
 * cancellation and its wait. */
static void wake(void *target)
{
        Gate *gate = target;

        (void) pthread_mutex_lock(&gate->mutex);
        (void) pthread_cond_broadcast(&gate->changed);
        (void) pthread_mutex_unlock(&gate->mutex);
}

int gate_close(Gate *gate, Progress *progress, Fault *fault)
{
        ProgressInterrupt interrupt = {.function = wake, .target = gate};
        int r;

        progress_add_interrupt(progress, &interrupt);
        (void) pthread_mutex_lock(&gate->mutex);
        gate->closed = true;
        if (gate->n_inside > 0 && gate->on_closing)
                gate->on_closing(gate->on_closing_target);
        while ((r = progress_check(progress, NULL)) >= 0 && gate->n_inside > 0)
                (void) pthread_cond_wait(&gate->changed, &gate->mutex);
        if (r < 0)
                gate->closed = false;
        (void) pthread_mutex_unlock(&gate->mutex);
        progress_remove_interrupt(progress, &interrupt);
        return r < 0 ? progress_check(progress, fault) : 0;
}

void gate_open(Gate *gate)
{
        (void) pthread_mutex_lock(&gate->mutex);
        gate->closed = false;
        (void) pthread_mutex_unlock(&gate->mutex);
}
