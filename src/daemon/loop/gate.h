/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Who may have the live database open in this process: many at a time, or a restore alone. A restore reads
 * the files raw, and closing any raw descriptor drops all POSIX locks that this process holds on them, those
 * of another thread's SQLite connection as well. Any thread. */

#include <pthread.h>

#include "base/progress.h"
#include "database/connection/connection.h"

typedef struct Gate {
        pthread_mutex_t mutex; /* guards the next two */
        unsigned n_inside;
        bool closed;
        pthread_cond_t changed;

        /* Set once, before any thread uses the gate. */
        void (*on_closing)(void *target);
        void *on_closing_target;
} Gate;

void gate_init(Gate *gate);
void gate_done(Gate *gate);

/* Has `on_closing` called when the gate closes while somebody is inside, so that who is there without being
 * at work can leave. It runs in the closer's thread, under the gate's mutex: it only passes the word on. */
void gate_set_on_closing(Gate *gate, void (*on_closing)(void *target), void *target);

/* Before a connection is opened. BUSY at once, without waiting, while a restore has the gate closed. */
int gate_enter(Gate *gate, Fault *fault);

/* Whether one who is inside has to leave. */
bool gate_is_closed(Gate *gate);

/* Has the connection of one who is inside end a statement that goes on for long while somebody waits for the
 * gate. Its progress handler asks. */
void gate_let_yield(Gate *gate, Connection *connection);

/* After the connection was closed. */
void gate_leave(Gate *gate);

/* Lets nobody in any more and waits until the last one has left. A cancellation ends the wait, and the gate
 * is open again. One closer at a time: the bulk lane has one thread. */
int gate_close(Gate *gate, Progress *progress, Fault *fault);
void gate_open(Gate *gate);
