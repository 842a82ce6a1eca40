/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <time.h>

#include "ctl/show/moment.h"

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

static uint64_t parsed(const char *text)
{
        uint64_t usec = 0;

        if (moment_parse(text, MOMENT, &usec) < 0)
                fail_msg("%s", text);
        return usec;
}

static void what_operators_say_is_understood(void **state)
{
        (void) setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
        tzset();
        assert_int_equal(parsed("2026-01-24 02:46:21"), MOMENT);
        assert_int_equal(parsed("2026-01-24 02:46"), MOMENT - 21 * USEC_PER_SEC);
        assert_int_equal(parsed("2026-01-24T01:46:21Z"), MOMENT);
        assert_int_equal(parsed("2026-01-24T01:46:21.5+00:00"), MOMENT + USEC_PER_SEC / 2);
        assert_int_equal(parsed("now"), MOMENT);
        assert_int_equal(parsed("-2h 1min"), MOMENT - 121 * USEC_PER_MINUTE);
        assert_int_equal(parsed("today"), parsed("2026-01-24"));
        assert_int_equal(parsed("yesterday"), parsed("2026-01-23 00:00"));
        assert_int_equal(parsed("2026-07-01"), UINT64_C(1782856800) * USEC_PER_SEC);
}

static void what_is_no_moment_is_refused(void **state)
{
        static const char *const texts[] = {"",
                        "soon",
                        "-",
                        "-2x",
                        "2026-02-30",
                        "2026-01-24 25:00",
                        "2026-01-24 10:00 x",
                        "24.01.2026",
                        "-100000w",
                        "2026-01-24T"};
        uint64_t usec = 7;

        for (size_t i = 0; i < ELEMENTSOF(texts); i++)
                if (moment_parse(texts[i], MOMENT, &usec) != -EINVAL)
                        fail_msg("%s", texts[i]);
        assert_int_equal(usec, 7);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                        cmocka_unit_test(past_and_future_are_told_apart),
                        cmocka_unit_test(zero_is_never),
                        cmocka_unit_test(absolute_is_in_local_time),
                        cmocka_unit_test(absurd_moments_do_no_harm),
                        cmocka_unit_test(what_operators_say_is_understood),
                        cmocka_unit_test(what_is_no_moment_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
