/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/quantity.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

typedef struct Unit {
        const char *name;
        uint64_t factor;
} Unit;

/* man 7 systemd.time, "Parsing Time Spans"; months and years are left out, since a retention of "1 month"
 * that means 30.44 days surprises people. */
static const Unit span_units[] = {
                {"us", 1},
                {"usec", 1},
                {"ms", USEC_PER_MSEC},
                {"msec", USEC_PER_MSEC},
                {"s", USEC_PER_SEC},
                {"sec", USEC_PER_SEC},
                {"second", USEC_PER_SEC},
                {"seconds", USEC_PER_SEC},
                {"", USEC_PER_SEC},
                {"m", USEC_PER_MINUTE},
                {"min", USEC_PER_MINUTE},
                {"minute", USEC_PER_MINUTE},
                {"minutes", USEC_PER_MINUTE},
                {"h", USEC_PER_HOUR},
                {"hr", USEC_PER_HOUR},
                {"hour", USEC_PER_HOUR},
                {"hours", USEC_PER_HOUR},
                {"d", USEC_PER_DAY},
                {"day", USEC_PER_DAY},
                {"days", USEC_PER_DAY},
                {"w", 7 * USEC_PER_DAY},
                {"week", 7 * USEC_PER_DAY},
                {"weeks", 7 * USEC_PER_DAY},
};

static const Unit size_units[] = {
                {"", 1},
                {"B", 1},
                {"K", KIB},
                {"M", MIB},
                {"G", GIB},
                {"T", 1024 * GIB},
};

/* Reads one "number unit" pair and moves *text past it. */
static int read_pair(const char **text, const Unit *units, size_t n_units, uint64_t *ret)
{
        uint64_t number = 0;
        size_t length = 0;

        if (!isdigit((unsigned char) **text))
                return -EINVAL;
        for (; isdigit((unsigned char) **text); (*text)++)
                if (__builtin_mul_overflow(number, 10, &number) ||
                                __builtin_add_overflow(number, (uint64_t) (**text - '0'), &number))
                        return -ERANGE;
        *text += strspn(*text, " \t");
        while (isalpha((unsigned char) (*text)[length]))
                length++;

        for (size_t i = 0; i < n_units; i++)
                if (strlen(units[i].name) == length && strncmp(units[i].name, *text, length) == 0) {
                        if (__builtin_mul_overflow(number, units[i].factor, ret))
                                return -ERANGE;
                        *text += length;
                        return 0;
                }
        return -EINVAL;
}

int quantity_parse_span(const char *text, uint64_t *ret_usec)
{
        uint64_t total_usec = 0;

        text += strspn(text, " \t");
        do {
                uint64_t part_usec;
                int r = read_pair(&text, span_units, ELEMENTSOF(span_units), &part_usec);

                if (r < 0)
                        return r;
                if (__builtin_add_overflow(total_usec, part_usec, &total_usec))
                        return -ERANGE;
                text += strspn(text, " \t");
        } while (*text != '\0');
        *ret_usec = total_usec;
        return 0;
}

int quantity_parse_size(const char *text, uint64_t *ret_bytes)
{
        uint64_t bytes;
        int r;

        text += strspn(text, " \t");
        r = read_pair(&text, size_units, ELEMENTSOF(size_units), &bytes);
        if (r < 0)
                return r;
        if (text[strspn(text, " \t")] != '\0')
                return -EINVAL;
        *ret_bytes = bytes;
        return 0;
}

void quantity_format_size(uint64_t bytes, char ret[static QUANTITY_MAX])
{
        static const char *const names[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
        uint64_t unit = 1;
        size_t i = 0;

        /* What would be rounded to 1024.0 of one unit is 1.0 of the next. */
        for (; i + 1 < ELEMENTSOF(names) && (double) bytes / (double) unit >= (i == 0 ? 1024 : 1023.95); i++)
                unit *= 1024;
        if (i == 0)
                (void) snprintf(ret, QUANTITY_MAX, "%" PRIu64 " B", bytes);
        else
                (void) snprintf(ret, QUANTITY_MAX, "%.1f %s", (double) bytes / (double) unit, names[i]);
}

void quantity_format_span(uint64_t usec, char ret[static QUANTITY_MAX])
{
        static const Unit units[] = {
                        {"d", USEC_PER_DAY},
                        {"h", USEC_PER_HOUR},
                        {"min", USEC_PER_MINUTE},
                        {"s", USEC_PER_SEC},
                        {"ms", USEC_PER_MSEC},
                        {"us", 1},
        };
        size_t i = 0;
        uint64_t second;

        while (i + 1 < ELEMENTSOF(units) && usec < units[i].factor)
                i++;
        second = i + 1 < ELEMENTSOF(units) ? usec % units[i].factor / units[i + 1].factor : 0;
        /* Below a second one unit says enough. */
        if (second > 0 && units[i].factor > USEC_PER_SEC)
                (void) snprintf(ret,
                                QUANTITY_MAX,
                                "%" PRIu64 "%s %" PRIu64 "%s",
                                usec / units[i].factor,
                                units[i].name,
                                second,
                                units[i + 1].name);
        else
                (void) snprintf(ret, QUANTITY_MAX, "%" PRIu64 "%s", usec / units[i].factor, units[i].name);
}
