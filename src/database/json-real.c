/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "database/json-real.h"

#include <float.h>
#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <string.h>

static pthread_once_t locale_once = PTHREAD_ONCE_INIT;
static locale_t c_locale;

static void make_locale(void)
{
        /* Can't fail: glibc has "C" built in, and gives a static object. */
        c_locale = newlocale(LC_ALL_MASK, "C", (locale_t) 0);
}

static locale_t numbers_locale(void)
{
        (void) pthread_once(&locale_once, make_locale);
        return c_locale;
}

static size_t format_shortest(double value, char *ret)
{
        /* Up to 15 digits any decimal survives the way to a normal double and back, so "%.15g", which leaves
         * trailing zeros out, is the shortest whenever 15 suffice. Denormals carry fewer. */
        int digits = fabs(value) < DBL_MIN ? 1 : 15;
        int length = 0;

        for (; digits <= 17; digits++) {
                double back = 0;

                length = snprintf(ret, JSON_REAL_MAX - 2, "%.*g", digits, value);
                back = strtod(ret, NULL);
                if (back == value)
                        break;
        }
        return (size_t) length;
}

size_t json_real_format(double value, char ret[static JSON_REAL_MAX])
{
        /* printf has no variant that takes a locale. */
        locale_t before = uselocale(numbers_locale());
        size_t length = format_shortest(value, ret);

        (void) uselocale(before);
        if (!strpbrk(ret, ".e")) {
                memcpy(ret + length, ".0", sizeof ".0");
                length += 2;
        }
        return length;
}

int json_real_parse(const char *text, double *ret)
{
        double value = strtod_l(text, NULL, numbers_locale());

        if (!isfinite(value))
                return -ERANGE;
        *ret = value;
        return 0;
}
