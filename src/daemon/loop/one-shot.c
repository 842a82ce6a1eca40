/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/loop/one-shot.h"

#include <string.h>

#include "base/clock.h"
#include "base/journal.h"

static bool stands_before(sd_event_source *source, uint64_t usec)
{
        uint64_t stands_usec;
        int enabled;

        return sd_event_source_get_enabled(source, &enabled) > 0 &&
               sd_event_source_get_time(source, &stands_usec) >= 0 && stands_usec <= usec;
}

void one_shot_arm(sd_event *event,
                sd_event_source **source,
                uint64_t delay_usec,
                sd_event_time_handler_t handler,
                void *userdata)
{
        uint64_t usec = clock_monotonic_usec() + delay_usec;
        int r;

        if (!*source)
                r = sd_event_add_time(
                                event, source, CLOCK_MONOTONIC, usec, delay_usec / 10, handler, userdata);
        else if (stands_before(*source, usec))
                return;
        else {
                r = sd_event_source_set_time(*source, usec);
                if (r >= 0)
                        r = sd_event_source_set_enabled(*source, SD_EVENT_ONESHOT);
        }
        if (r < 0)
                journal_line(LOG_WARNING, "Setting a timer failed: %s", strerrordesc_np(-r));
}
