/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <time.h>

#include "ctl/moment.h"

/* 2026-01-24 01:46:21 UTC */
#define MOMENT (UINT64_C(1769219181) * USEC_PER_SEC)

static void assert_relative(uint64_t usec, uint64_t now_usec, const char *expected)
{
        char text[MOMENT_MAX];

        moment_format_relative(usec, now_usec, text);
        assert_string_equal(text, expected);
}

static void past_and_future_are_told_apart(void **state)
{
        assert_relative(MOMENT, MOMENT + 5 * USEC_PER_MINUTE + USEC_PER_SEC, "5min 1s ago");
        assert_relative(MOMENT + 2 * USEC_PER_HOUR, MOMENT, "in 2h");
        assert_relative(MOMENT, MOMENT + 3 * USEC_PER_DAY, "3d ago");
        assert_relative(MOMENT, MOMENT + USEC_PER_SEC / 2, "now");
        assert_relative(MOMENT + 1, MOMENT, "now");
}

static void zero_is_never(void **state)
{
        char text[MOMENT_MAX];

        assert_relative(0, MOMENT, "never");
        moment_format_absolute(0, text);
        assert_string_equal(text, "-");
        moment_format(0, MOMENT, text);
        assert_string_equal(text, "never");
}

static void absolute_is_in_local_time(void **state)
{
        char text[MOMENT_MAX];

        assert_int_equal(setenv("TZ", "UTC", 1), 0);
        tzset();
        moment_format_absolute(MOMENT, text);
        assert_string_equal(text, "Sat 2026-01-24 01:46:21 UTC");
        assert_int_equal(setenv("TZ", "WAT-1", 1), 0);
        tzset();
        moment_format(MOMENT, MOMENT + USEC_PER_HOUR, text);
        assert_string_equal(text, "Sat 2026-01-24 02:46:21 WAT; 1h ago");
}

static void absurd_moments_do_no_harm(void **state)
{
        char text[MOMENT_MAX];

        moment_format(UINT64_MAX, MOMENT, text);
        moment_format(UINT64_MAX, 0, text);
        moment_format(1, UINT64_MAX, text);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                        cmocka_unit_test(past_and_future_are_told_apart),
                        cmocka_unit_test(zero_is_never),
                        cmocka_unit_test(absolute_is_in_local_time),
                        cmocka_unit_test(absurd_moments_do_no_harm),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
