/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Work that nobody waits for, out of the way of everybody else's: on threads of its own, in the idle class
 * of the CPU, where whoever else wakes up runs at once, and with the lowest I/O priority that still gets its
 * turn. On a host that is never idle the work goes on all the same, with 3 shares against each other task's
 * 1024 (within one control group): no lock that others need is held over it. The idle class of I/O would get
 * no turn there. As soon as somebody does wait, progress_hurry() gives its threads the priority back that
 * the caller has. Without privileges the kernel allows that as far as RLIMIT_NICE goes (the unit's
 * LimitNICE=), else the work stays lowered. */

#include "base/progress.h"

typedef int (*BackgroundFunction)(void *userdata, Progress *progress, Fault *fault);

/* Runs it to its end and returns what it returned. Where the kernel gives no thread or does not let it be
 * lowered, the work is done all the same. Any thread; of one Progress, one at a time. */
int background_run(BackgroundFunction function, void *userdata, Progress *progress, Fault *fault);

typedef struct Background Background;

/* Who starts threads for such work leaves it meanwhile, so that they are not born lowered, out of the reach
 * of progress_hurry() until they have had their first turn; then it joins again, as each of them does.
 * Leaving returns what the calling thread took part in, or NULL; joining NULL does nothing. */
Background *background_leave(void);
void background_join(Background *background);
