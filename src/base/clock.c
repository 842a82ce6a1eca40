/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/clock.h"

#include <time.h>

#include "base/macro.h"
#include "base/test-hook.h"

static uint64_t read_clock_usec(clockid_t clock)
{
        struct timespec now;

        (void) clock_gettime(clock, &now); /* can't fail for these clocks */
        return (uint64_t) now.tv_sec * USEC_PER_SEC + (uint64_t) now.tv_nsec / 1000;
}

uint64_t clock_now_usec(void)
{
#if TEST_HOOKS
        uint64_t injected_usec;

        if (test_hook_clock(&injected_usec))
                return injected_usec;
#endif
        return read_clock_usec(CLOCK_REALTIME);
}

uint64_t clock_boottime_usec(void)
{
#if TEST_HOOKS
        uint64_t injected_usec;

        if (test_hook_boottime(&injected_usec))
                return injected_usec;
#endif
        return read_clock_usec(CLOCK_BOOTTIME);
}

uint64_t clock_monotonic_usec(void)
{
        return read_clock_usec(CLOCK_MONOTONIC);
}
