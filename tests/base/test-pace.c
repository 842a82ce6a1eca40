/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/pace.h"

static void test_without_a_bound_nothing_waits(void **state)
{
        Pace pace;

        pace_init(&pace, 0);
        assert_int_equal(pace_reserve(&pace, 5, UINT64_C(1) << 60), 5);
        assert_int_equal(pace_reserve(&pace, 6, UINT64_C(1) << 60), 6);
        pace_done(&pace);
}

static void test_what_was_reserved_before_has_its_time(void **state)
{
        Pace pace;

        pace_init(&pace, 10 * MIB);
        assert_int_equal(pace_reserve(&pace, 1000, 5 * MIB), 1000);
        assert_int_equal(pace_reserve(&pace, 1000, 10 * MIB), 1000 + USEC_PER_SEC / 2);
        assert_int_equal(pace_reserve(&pace, 2000, 1), 1000 + USEC_PER_SEC * 3 / 2);
        /* Time in which nothing was asked for is not saved up. */
        assert_int_equal(pace_reserve(&pace, USEC_PER_HOUR, 10 * MIB), USEC_PER_HOUR);
        assert_int_equal(pace_reserve(&pace, USEC_PER_HOUR, 1), USEC_PER_HOUR + USEC_PER_SEC);
        pace_done(&pace);
}

/* The second wait would be one of years, but for what ends it. */
static void assert_ended_by(void (*end)(Progress *progress), int wanted)
{
        _cleanup_fault_ Fault fault = {0};
        Progress progress;
        Pace pace;

        progress_init(&progress);
        pace_init(&pace, 1);
        assert_int_equal(pace_wait(&pace, GIB, &progress, &fault), 0);
        end(&progress);
        assert_int_equal(pace_wait(&pace, GIB, &progress, &fault), wanted);
        pace_done(&pace);
        progress_done(&progress);
}

static void test_cancelling_ends_the_wait(void **state)
{
        assert_ended_by(progress_cancel, -ECANCELED);
}

static void test_what_is_urgent_has_no_bound(void **state)
{
        assert_ended_by(progress_urge, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_without_a_bound_nothing_waits),
                        cmocka_unit_test(test_what_was_reserved_before_has_its_time),
                        cmocka_unit_test(test_cancelling_ends_the_wait),
                        cmocka_unit_test(test_what_is_urgent_has_no_bound),
        };

        return cmocka_run_group_tests_name("pace", tests, NULL, NULL);
}
