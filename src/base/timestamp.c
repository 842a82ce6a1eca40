/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/timestamp.h"

#include <ctype.h>
#include <string.h>
#include <time.h>

static int break_down(uint64_t usec, struct tm *ret)
{
        time_t seconds = (time_t) (usec / USEC_PER_SEC);

        if (!gmtime_r(&seconds, ret) || ret->tm_year + 1900 > 9999)
                return -ERANGE;
        return 0;
}

int timestamp_format_label(uint64_t usec, char ret[static TIMESTAMP_LABEL_MAX])
{
        struct tm tm;
        int r = break_down(usec, &tm);

        if (r < 0)
                return r;
        (void) strftime(ret, TIMESTAMP_LABEL_MAX, "%Y%m%d_%H%M%S", &tm);
        return 0;
}

int timestamp_format_rfc3339(uint64_t usec, char ret[static TIMESTAMP_RFC3339_MAX])
{
        struct tm tm;
        size_t length;
        int r = break_down(usec, &tm);

        if (r < 0)
                return r;
        length = strftime(ret, TIMESTAMP_RFC3339_MAX, "%Y-%m-%dT%H:%M:%S", &tm);
        (void) snprintf(ret + length,
                        TIMESTAMP_RFC3339_MAX - length,
                        ".%06uZ",
                        (unsigned) (usec % USEC_PER_SEC));
        return 0;
}

int timestamp_format_datetime(uint64_t usec, char ret[static TIMESTAMP_RFC3339_MAX])
{
        int r = timestamp_format_rfc3339(usec, ret);

        if (r < 0)
                return r;
        *strchr(ret, 'T') = ' ';
        *strchr(ret, 'Z') = '\0';
        return 0;
}

/* Reads exactly `digits` digits and moves *text past them. */
static int read_number(const char **text, unsigned digits, int *ret)
{
        int value = 0;

        for (unsigned i = 0; i < digits; i++) {
                if (!isdigit((unsigned char) (*text)[i]))
                        return -EINVAL;
                value = value * 10 + ((*text)[i] - '0');
        }
        *text += digits;
        *ret = value;
        return 0;
}

static int read_literal(const char **text, const char *accepted)
{
        if (**text == '\0' || !strchr(accepted, **text))
                return -EINVAL;
        (*text)++;
        return 0;
}

/* timegm() normalizes 30 February into March; comparing afterwards tells a wrong calendar day. */
static int assemble(struct tm *tm, uint64_t *ret_usec)
{
        struct tm given = *tm;
        time_t seconds;

        tm->tm_year -= 1900;
        tm->tm_mon -= 1;
        seconds = timegm(tm);
        if (seconds < 0 || tm->tm_year != given.tm_year - 1900 || tm->tm_mon != given.tm_mon - 1 ||
                        tm->tm_mday != given.tm_mday || tm->tm_hour != given.tm_hour ||
                        tm->tm_min != given.tm_min || tm->tm_sec != given.tm_sec)
                return -EINVAL;
        *ret_usec = (uint64_t) seconds * USEC_PER_SEC;
        return 0;
}

int timestamp_parse_label(const char *text, uint64_t *ret_usec)
{
        struct tm tm = {0};

        if (read_number(&text, 4, &tm.tm_year) < 0 || read_number(&text, 2, &tm.tm_mon) < 0 ||
                        read_number(&text, 2, &tm.tm_mday) < 0 || read_literal(&text, "_") < 0 ||
                        read_number(&text, 2, &tm.tm_hour) < 0 || read_number(&text, 2, &tm.tm_min) < 0 ||
                        read_number(&text, 2, &tm.tm_sec) < 0)
                return -EINVAL;
        return assemble(&tm, ret_usec);
}

static int read_fraction_usec(const char **text, uint64_t *ret_usec)
{
        uint64_t usec = 0, unit_usec = USEC_PER_SEC / 10;

        if (!isdigit((unsigned char) **text))
                return -EINVAL;
        for (; isdigit((unsigned char) **text); (*text)++, unit_usec /= 10)
                usec += (uint64_t) (**text - '0') * unit_usec;
        *ret_usec = usec;
        return 0;
}

static int read_zone_usec(const char **text, int64_t *ret_usec)
{
        int sign, hours, minutes;

        *ret_usec = 0;
        if (**text == '\0')
                return 0;
        if (**text == 'Z' || **text == 'z') {
                (*text)++;
                return 0;
        }
        sign = **text == '-' ? -1 : 1;
        if (read_literal(text, "+-") < 0 || read_number(text, 2, &hours) < 0 ||
                        read_literal(text, ":") < 0 || read_number(text, 2, &minutes) < 0 || hours > 23 ||
                        minutes > 59)
                return -EINVAL;
        *ret_usec = sign * (hours * 60 + minutes) * (int64_t) USEC_PER_MINUTE;
        return 0;
}

/* The hour that summer time skips is taken for the one after it. */
static int assemble_local(struct tm *tm, uint64_t *ret_usec)
{
        struct tm local = *tm;
        time_t seconds;

        if (assemble(tm, ret_usec) < 0)
                return -EINVAL;
        local.tm_year -= 1900;
        local.tm_mon -= 1;
        local.tm_isdst = -1;
        seconds = mktime(&local);
        if (seconds < 0)
                return -EINVAL;
        *ret_usec = (uint64_t) seconds * USEC_PER_SEC;
        return 0;
}

static int parse(const char *text, bool is_local, uint64_t *ret_usec)
{
        struct tm tm = {0};
        uint64_t usec, fraction_usec = 0;
        int64_t zone_usec;

        if (read_number(&text, 4, &tm.tm_year) < 0 || read_literal(&text, "-") < 0 ||
                        read_number(&text, 2, &tm.tm_mon) < 0 || read_literal(&text, "-") < 0 ||
                        read_number(&text, 2, &tm.tm_mday) < 0 || read_literal(&text, "Tt ") < 0 ||
                        read_number(&text, 2, &tm.tm_hour) < 0 || read_literal(&text, ":") < 0 ||
                        read_number(&text, 2, &tm.tm_min) < 0 || read_literal(&text, ":") < 0 ||
                        read_number(&text, 2, &tm.tm_sec) < 0)
                return -EINVAL;
        if (*text == '.') {
                text++;
                if (read_fraction_usec(&text, &fraction_usec) < 0)
                        return -EINVAL;
        }
        is_local = is_local && *text == '\0';
        if (read_zone_usec(&text, &zone_usec) < 0 || *text != '\0' ||
                        (is_local ? assemble_local(&tm, &usec) : assemble(&tm, &usec)) < 0)
                return -EINVAL;
        if (zone_usec > 0 && usec < (uint64_t) zone_usec)
                return -EINVAL;
        *ret_usec = usec + fraction_usec - (uint64_t) zone_usec;
        return 0;
}

int timestamp_parse_rfc3339(const char *text, uint64_t *ret_usec)
{
        return parse(text, false, ret_usec);
}

int timestamp_parse_local(const char *text, uint64_t *ret_usec)
{
        return parse(text, true, ret_usec);
}
