/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Work that nobody waits for, out of the way of everybody else's: on a thread of its own, in the idle class
 * of the CPU, where whoever else wakes up runs at once, and with the lowest I/O priority that still gets its
 * turn. On a host that is never idle the work goes on all the same, with 3 shares against each other task's
 * 1024 (within one control group), and what waits behind it in its lane waits as long: no lock that others
 * need is held over it, and nobody should be waiting. The idle class of I/O would get no turn there. A
 * thread can only be lowered, not raised again, so it is gone afterwards; threads that the work starts
 * inherit what it has. */

#include "base/progress.h"

typedef int (*BackgroundFunction)(void *userdata, Progress *progress, Fault *fault);

/* Runs it to its end and returns what it returned. Where the kernel gives no thread or does not let it be
 * lowered, the work is done all the same. Any thread. */
int background_run(BackgroundFunction function, void *userdata, Progress *progress, Fault *fault);
