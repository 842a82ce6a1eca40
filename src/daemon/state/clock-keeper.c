/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/state/clock-keeper.h"

#include <systemd/sd-id128.h>

#include "base/clock.h"
#include "base/journal.h"
#include "base/names.h"
#include "base/quantity.h"
#include "daemon/state/state-writer.h"

#define STORE_INTERVAL_USEC USEC_PER_HOUR

static uint64_t sum_of_leaps(const ClockHistory *history)
{
        uint64_t sum_usec = 0;

        for (size_t i = 0; i < history->n_leaps; i++)
                sum_usec += history->leaps[i].by_usec;
        return sum_usec;
}

static void tell_leap(uint64_t before_usec, uint64_t after_usec)
{
        char by[QUANTITY_MAX];

        if (after_usec <= before_usec)
                return;
        quantity_format_span(after_usec - before_usec, by);
        journal_line(LOG_WARNING,
                        "The clock leapt ahead by %s; retention does not count that as time that has passed",
                        by);
}

void clock_keeper_see(Manager *manager)
{
        ClockHistory *history = &manager->clock;
        ClockSighting now = {.wall_usec = clock_now_usec(), .boot_usec = clock_boottime_usec()};
        uint64_t before_usec = sum_of_leaps(history), stored_usec = manager->clock_stored_usec;
        json_object *document;
        sd_id128_t boot;

        if (sd_id128_get_boot(&boot) >= 0)
                (void) sd_id128_to_string(boot, now.boot_id);
        clock_history_see(history, &now);
        tell_leap(before_usec, sum_of_leaps(history));
        if (sum_of_leaps(history) == before_usec && now.wall_usec >= stored_usec &&
                        now.wall_usec - stored_usec < STORE_INTERVAL_USEC)
                return;
        document = clock_history_format(history);
        if (!document)
                return;
        manager->clock_stored_usec = now.wall_usec;
        state_writer_put(manager, CLOCK_HISTORY_FILE, document);
}
