/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ctl/show/moment.h"

#include <string.h>
#include <time.h>

#include "base/quantity.h"
#include "base/timestamp.h"

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

static int of_local(struct tm *tm, uint64_t *ret_usec)
{
        struct tm given = *tm;
        time_t seconds;

        tm->tm_isdst = -1;
        seconds = mktime(tm);
        /* 30 February becomes March; an hour that the summer time leaves out may move. */
        if (seconds < 0 || tm->tm_mday != given.tm_mday || tm->tm_mon != given.tm_mon)
                return -EINVAL;
        *ret_usec = (uint64_t) seconds * USEC_PER_SEC;
        return 0;
}

static int day_before_now(uint64_t now_usec, int n_days, uint64_t *ret_usec)
{
        time_t seconds = (time_t) (now_usec / USEC_PER_SEC);
        struct tm tm;

        if (!localtime_r(&seconds, &tm))
                return -EINVAL;
        tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
        tm.tm_mday -= n_days;
        tm.tm_isdst = -1;
        seconds = mktime(&tm);
        if (seconds < 0)
                return -EINVAL;
        *ret_usec = (uint64_t) seconds * USEC_PER_SEC;
        return 0;
}

int moment_parse(const char *text, uint64_t now_usec, uint64_t *ret_usec)
{
        static const char *const forms[] = {"%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d"};
        uint64_t span_usec;

        if (strcmp(text, "now") == 0) {
                *ret_usec = now_usec;
                return 0;
        }
        if (strcmp(text, "today") == 0)
                return day_before_now(now_usec, 0, ret_usec);
        if (strcmp(text, "yesterday") == 0)
                return day_before_now(now_usec, 1, ret_usec);
        if (text[0] == '-') {
                if (quantity_parse_span(text + 1, &span_usec) < 0 || span_usec > now_usec)
                        return -EINVAL;
                *ret_usec = now_usec - span_usec;
                return 0;
        }
        for (size_t i = 0; i < ELEMENTSOF(forms); i++) {
                struct tm tm = {0};
                const char *end = strptime(text, forms[i], &tm);

                if (end && *end == '\0')
                        return of_local(&tm, ret_usec);
        }
        return strpbrk(text, "Tt") ? timestamp_parse_rfc3339(text, ret_usec) : -EINVAL;
}
