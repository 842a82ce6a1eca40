/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ctl/moment.h"

#include <time.h>

#include "base/quantity.h"

void moment_format_relative(uint64_t usec, uint64_t now_usec, char ret[static MOMENT_MAX])
{
        bool past = usec <= now_usec;
        uint64_t distance_usec = past ? now_usec - usec : usec - now_usec;
        char span[QUANTITY_MAX];

        if (usec == 0) {
                (void) snprintf(ret, MOMENT_MAX, "never");
                return;
        }
        if (distance_usec < USEC_PER_SEC) {
                (void) snprintf(ret, MOMENT_MAX, "now");
                return;
        }
        quantity_format_span(distance_usec, span);
        (void) snprintf(ret, MOMENT_MAX, past ? "%s ago" : "in %s", span);
}

void moment_format_absolute(uint64_t usec, char ret[static MOMENT_MAX])
{
        time_t seconds = (time_t) (usec / USEC_PER_SEC);
        struct tm tm;

        if (usec == 0 || !localtime_r(&seconds, &tm) ||
                        strftime(ret, MOMENT_MAX, "%a %Y-%m-%d %H:%M:%S %Z", &tm) == 0)
                (void) snprintf(ret, MOMENT_MAX, "-");
}

void moment_format(uint64_t usec, uint64_t now_usec, char ret[static MOMENT_MAX])
{
        char absolute[MOMENT_MAX], relative[MOMENT_MAX];

        moment_format_relative(usec, now_usec, relative);
        moment_format_absolute(usec, absolute);
        if (usec == 0)
                (void) snprintf(ret, MOMENT_MAX, "%s", relative);
        else
                (void) snprintf(ret, MOMENT_MAX, "%.60s; %.32s", absolute, relative);
}
