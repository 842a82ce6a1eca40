/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* PlanRestore, PlanRestoreFile and PlanUndo: what a restore would do, worked out by a worker and answered
 * when it is known. */

#include <systemd/sd-bus.h>

#include "base/fault.h"
#include "daemon/bus/caller.h"
#include "daemon/job/operation.h"

typedef struct Manager Manager;
typedef struct PlanRun PlanRun;

/* How many may be asked for at a time: each counts the rows of the live database. */
#define PLAN_RUNS_MAX 4

/* Asks for the plan of that restore, and takes over its identities. The message is answered when it is
 * there. NOT_FOUND, NO_HEALTHY_BACKUP, BUSY. */
int plan_run_ask(Manager *manager, RestoreWish *wish, sd_bus_message *message, Fault *fault);

/* Interrupts those that run and refuses those that wait. */
void plan_run_stop_all(Manager *manager);

/* Frees all; when no worker is left. */
void plan_run_free_all(Manager *manager);
