/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Counting the database's rows in the quick lane, for GetStatistics and the properties. However many ask,
 * one count runs and at most one more follows: who asks while one runs waits for the next, since what they
 * wrote just before may not be in the one that runs. */

#include <systemd/sd-bus.h>

#include "base/fault.h"
#include "daemon/bus/caller.h"
#include "database/statistics/statistics.h"

typedef struct Manager Manager;
typedef struct StatisticsRun StatisticsRun;

/* How many calls may wait for an answer, of one user and together. */
#define STATISTICS_WAITERS_PER_CALLER_MAX 8
#define STATISTICS_WAITERS_MAX 64

int statistics_run_new(Manager *manager, StatisticsRun **ret, Fault *fault);
StatisticsRun *statistics_run_free(StatisticsRun *run);

/* Asks for a count. `message` (NULL: nobody waits) is answered when it is there. BUSY when too many wait. */
int statistics_run_ask(StatisticsRun *run, sd_bus_message *message, const Caller *caller, Fault *fault);

/* Takes over a count that was made elsewhere: the properties show it from now on. */
void statistics_run_take_over(Manager *manager, const Statistics *statistics);

/* Interrupts a count that runs, and refuses those who wait. True when a worker still has to come back. */
bool statistics_run_stop(StatisticsRun *run);

/* Whether a worker has it at this moment. */
bool statistics_run_is_running(const StatisticsRun *run);
