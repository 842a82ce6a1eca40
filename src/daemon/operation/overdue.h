/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The backup that the timer did not ask for. A timer that is on may be silent all the same: its calendar has
 * no next elapse, its unit fails, the clock was set. Once the cadence and its slack are over, the service
 * makes one backup itself. */

#include "daemon/manager.h"

/* When that is: 0 for never, since nobody asked for backups, or it is not known. A service that has just
 * been started leaves the timer the time to make up for what a machine that was off has missed. */
uint64_t overdue_due_usec(
                UnitState timer, uint64_t newest_usec, uint64_t started_usec, uint64_t cadence_usec);

/* Queues it when it is due, and else waits for that moment. Once for each backup that is the newest. */
void overdue_consider(Manager *manager);
