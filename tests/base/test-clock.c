/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "room.h"

#include <time.h>

#include "base/clock.h"
#include "base/macro.h"
#include "config.h"

static void test_wall_clock_is_in_microseconds(void **state)
{
        uint64_t before_usec = (uint64_t) time(NULL) * USEC_PER_SEC;
        uint64_t now_usec = clock_now_usec();

        /* time(2) may run a tick behind; a year tells µs from every other unit. */
        assert_true(now_usec > before_usec - 365 * USEC_PER_DAY &&
                        now_usec < before_usec + 365 * USEC_PER_DAY);
}

static void test_monotonic_never_goes_back(void **state)
{
        uint64_t last_usec = 0;

        for (unsigned i = 0; i < 1000; i++) {
                uint64_t now_usec = clock_monotonic_usec();

                assert_true(now_usec >= last_usec);
                last_usec = now_usec;
        }
}

static void test_a_test_sets_the_wall_clock_alone(void **state)
{
        room_write("clock", "1769219181123456\n");
        assert_int_equal(setenv("ORACXPRED_TEST_CLOCK", room_path("clock"), 1), 0);
        assert_int_equal(clock_now_usec(), UINT64_C(1769219181123456));
        assert_int_not_equal(clock_monotonic_usec(), UINT64_C(1769219181123456));
        room_write("clock", "7");
        assert_int_equal(clock_now_usec(), 7);
        room_write("clock", "rubbish");
        assert_true(clock_now_usec() > 7);
        assert_int_equal(unsetenv("ORACXPRED_TEST_CLOCK"), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_wall_clock_is_in_microseconds),
                        cmocka_unit_test(test_monotonic_never_goes_back),
                        cmocka_unit_test_setup_teardown(
                                        test_a_test_sets_the_wall_clock_alone, room_setup, room_teardown),
        };

        return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
