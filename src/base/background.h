/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Work that nobody waits for, out of the way of everybody else's: on a thread of its own with the lowest
 * CPU weight (nice 19) and the lowest I/O priority that still gets its turn. Not the idle classes: on a host
 * that is never idle a backup would never end. A thread can only be lowered, not raised again, so it is
 * gone afterwards; threads that the work starts inherit what it has. */

#include "base/progress.h"

typedef int (*BackgroundFunction)(void *userdata, Progress *progress, Fault *fault);

/* Runs it to its end and returns what it returned. Where the kernel gives no thread or does not let it be
 * lowered, the work is done all the same. Any thread. */
int background_run(BackgroundFunction function, void *userdata, Progress *progress, Fault *fault);
