/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Timers that are set again and again, and fire once each time. The loop's thread only. */

#include <systemd/sd-event.h>

/* Fires `handler` in `delay_usec` (CLOCK_MONOTONIC), give or take a tenth of it; one that stands already is
 * kept when it comes earlier. *source is NULL at first, and the caller's to unref. A failure is logged. */
void one_shot_arm(sd_event *event,
                sd_event_source **source,
                uint64_t delay_usec,
                sd_event_time_handler_t handler,
                void *userdata);
