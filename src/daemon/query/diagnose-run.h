/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One call of Diagnose, from its questions to systemd and the bus to its answer. Everything is asked at
 * once, and each answer has a bound. Belongs to the loop. */

#include <systemd/sd-bus.h>

#include "base/fault.h"

typedef struct Manager Manager;
typedef struct DiagnoseRun DiagnoseRun;

/* How many calls may be under way. */
#define DIAGNOSE_RUNS_MAX 8

/* The message is answered later. BUSY when too many are under way. */
int diagnose_run_ask(Manager *manager, sd_bus_message *message, Fault *fault);

/* Refuses all that are under way, since the service is stopping. */
void diagnose_run_stop_all(Manager *manager);
