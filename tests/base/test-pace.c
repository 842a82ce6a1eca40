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

/* It would sleep for years. */
static void test_cancelling_ends_the_wait(void **state)
{
        _cleanup_fault_ Fault fault = {0};
        Progress progress;
        Pace pace;

        progress_init(&progress);
        pace_init(&pace, 1);
        assert_int_equal(pace_wait(&pace, GIB, &progress, &fault), 0);
        progress_cancel(&progress);
        assert_int_equal(pace_wait(&pace, GIB, &progress, &fault), -ECANCELED);
        pace_done(&pace);
        progress_done(&progress);
}

/* So would this. */
static void test_what_is_urgent_has_no_bound(void **state)
{
        _cleanup_fault_ Fault fault = {0};
        Progress progress;
        Pace pace;

        progress_init(&progress);
        pace_init(&pace, 1);
        assert_int_equal(pace_wait(&pace, GIB, &progress, &fault), 0);
        progress_urge(&progress);
        assert_int_equal(pace_wait(&pace, GIB, &progress, &fault), 0);
        pace_done(&pace);
        progress_done(&progress);
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
