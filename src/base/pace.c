/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/pace.h"

#include <time.h>

#include "base/clock.h"

/* Between two looks at whether to stop. */
#define SLICE_USEC (100 * USEC_PER_MSEC)

void pace_init(Pace *pace, uint64_t bytes_per_second)
{
        *pace = (Pace){.bytes_per_second = bytes_per_second};
        (void) pthread_mutex_init(&pace->mutex, NULL);
}

void pace_done(Pace *pace)
{
        (void) pthread_mutex_destroy(&pace->mutex);
}

uint64_t pace_reserve(Pace *pace, uint64_t now_usec, uint64_t bytes)
{
        uint64_t from_usec = now_usec;

        if (pace->bytes_per_second == 0)
                return now_usec;
        (void) pthread_mutex_lock(&pace->mutex);
        from_usec = MAX_OF(pace->free_usec, now_usec);
        pace->free_usec = from_usec + bytes * USEC_PER_SEC / pace->bytes_per_second;
        (void) pthread_mutex_unlock(&pace->mutex);
        return from_usec;
}

int pace_wait(Pace *pace, uint64_t bytes, Progress *progress, Fault *fault)
{
        return pace_sleep_until(pace_reserve(pace, clock_monotonic_usec(), bytes), progress, fault);
}

int pace_sleep_until(uint64_t until_usec, Progress *progress, Fault *fault)
{
        for (;;) {
                uint64_t now_usec = clock_monotonic_usec(), left_usec;
                struct timespec slice = {0};
                int r = progress_check(progress, fault);

                if (r < 0 || now_usec >= until_usec || atomic_load(&progress->urgent))
                        return r;
                left_usec = MIN_OF(until_usec - now_usec, SLICE_USEC);
                slice.tv_nsec = (long) (left_usec * 1000);
                (void) nanosleep(&slice, NULL);
        }
}
