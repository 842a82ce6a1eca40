/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A call that works on the application's tables, from its handler to its answer. The handler reads,
 * validates and authorizes on the loop, and hands over what is wanted; a worker does it on a connection; the
 * loop answers. All functions here are for the loop's thread. */

#include <systemd/sd-bus.h>

#include "base/fault.h"
#include "daemon/bus/caller.h"
#include "daemon/store/record-store.h"

typedef struct Manager Manager;
typedef struct RecordCall RecordCall;

/* How many may wait or run, of one user and together. */
#define RECORD_CALLS_PER_CALLER_MAX 64
#define RECORD_CALLS_MAX 256

/* Those that wait for the thread that hashes: at a fifth of a second each, the last one is still answered
 * before its caller gives up, which is after 25 s with most D-Bus libraries. */
#define PASSWORD_CALLS_MAX 96

typedef enum RecordLane {
        RECORD_LANE_QUICK,    /* on the connection that such calls share (record-store.h) */
        RECORD_LANE_PASSWORD, /* on a thread of its own, with a connection of its own: hashing a password
                               * takes a quarter of a second, which no look-up may have to wait for */
        RECORD_LANE_CHANGE,   /* the same, for what writes: it may have to wait for the application's lock. A
                               * look-up can overtake it, but sees every change that was answered before */
        _RECORD_LANE_MAX,
        _RECORD_LANE_INVALID = -EINVAL,
} RecordLane;

/* What a kind of call does; static. */
typedef struct RecordCallType {
        RecordLane lane;

        /* Worker. Touches nothing but the connection and the call, and leaves no statement and no
         * transaction open. */
        int (*run)(Connection *connection, void *call, Fault *fault);

        /* Loop, after a run that succeeded: emits what there is to tell and sends the answer. */
        int (*reply)(Manager *manager, sd_bus_message *message, void *call);

        /* Loop. Wipes what is secret. */
        void (*free)(void *call);

        /* Loop, when a call has ended that got as far as waiting for a worker, however it ended: records it
         * (audit.h). NULL for one that only looks. */
        void (*record)(const Caller *caller, const void *call, const Fault *fault);

        /* The tables that it is about, "accounts" or "predictions": refused where the database is another
         * application's. NULL for one that works on every database. */
        const char *tables;

        /* It is about the rows of the logs, wherever they are (manager_log_store()). Quick lane only. */
        bool of_logs;

        /* How many of this kind may wait or run, of one user; 0: no bound of its own. For those that
         * everybody may make: the application's calls stand in the same lane. */
        unsigned per_caller_max;
} RecordCallType;

/* Takes `call` over in any case. 1 when the message is going to be answered: after the work, or with the
 * fault that it ended with. BUSY when too many wait, CORRUPT while the database is. */
int record_call_ask(Manager *manager,
                const RecordCallType *type,
                void *call,
                sd_bus_message *message,
                const Caller *caller,
                Fault *fault);

/* Interrupts those that run and refuses those that wait. */
void record_call_stop_all(Manager *manager);

/* Frees all; when no worker is left. */
void record_call_free_all(Manager *manager);
