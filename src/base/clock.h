/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The two clocks. Everything that decides by time takes `now_usec` as an argument; only the daemon and the
 * command line ask here, so that tests can inject the time (see test-hook.h). */

#include <stdint.h>

/* Wall clock, µs since the epoch. Can jump, in both directions. */
uint64_t clock_now_usec(void);

/* CLOCK_BOOTTIME: µs since the machine was booted, also while it sleeps. */
uint64_t clock_boottime_usec(void);

/* CLOCK_MONOTONIC in µs, for durations. */
uint64_t clock_monotonic_usec(void);
