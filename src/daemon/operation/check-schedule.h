/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The check that nobody asks for (CheckInterval=). What rots on a disk changes no time stamp, and a page
 * that the kernel has in memory is not read again: so the database is read from its disk and checked in full
 * at least that often, whether it has changed or not. Any such check counts: the one of `oracxpredctl
 * verify`, that of a backup whose copy was read from the disk, and where there was none, one of the
 * service's own, in the background. */

#include "daemon/manager.h"

/* Wall clock; 0 for never. */
typedef struct CheckTimes {
        uint64_t checked_usec;
        uint64_t tried_usec; /* by the service itself, and it did not come to its end */
        uint64_t started_usec;
        uint64_t interval_usec; /* UINT64_MAX: no check */
        bool hastened;          /* an error of the disk was met */
} CheckTimes;

/* When the service has to check by itself; 0 for never. One that did not work out (a full disk, a lock) is
 * tried again after an eighth of the interval. A moment that lies in the future by more than a clock is set
 * back in passing counts as never. */
uint64_t check_schedule_due_usec(const CheckTimes *times, uint64_t now_usec);

/* Whether a backup that reads from the disk now spares the service a check of its own. */
bool check_schedule_is_near(const CheckTimes *times, uint64_t now_usec);

CheckTimes check_schedule_times(const Manager *manager);

/* Queues a check when it is due and nothing else is being done, and else waits for that moment. */
void check_schedule_consider(Manager *manager);

/* Something that was done with the database met an error of a disk: is it the database's? A check is queued
 * soon. */
void check_schedule_hasten(Manager *manager);

/* The database was read from its disk at that moment, and what was found in it is known. The worker has
 * noted it (last-check.h). */
void check_schedule_done(Manager *manager, uint64_t checked_usec);

/* Its disk could not read it, or holds something else than the kernel's memory. As long as the pages are in
 * memory a backup still has them all: one is made. */
void check_schedule_failed(Manager *manager, const char *message);
