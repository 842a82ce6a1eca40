/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/latency/histogram.h"

static void test_empty_one_is_all_zero(void **state)
{
        Histogram histogram = {0};

        assert_int_equal(histogram_mean_usec(&histogram), 0);
        assert_int_equal(histogram_quantile_usec(&histogram, 99), 0);
}

static void test_short_durations_are_exact(void **state)
{
        Histogram histogram = {0};

        for (uint64_t usec = 1; usec <= 10; usec++)
                histogram_add(&histogram, usec);
        assert_int_equal(histogram.count, 10);
        assert_int_equal(histogram.total_usec, 55);
        assert_int_equal(histogram_mean_usec(&histogram), 5);
        assert_int_equal(histogram_quantile_usec(&histogram, 50), 5);
        assert_int_equal(histogram_quantile_usec(&histogram, 95), 10);
        assert_int_equal(histogram_quantile_usec(&histogram, 99), 10);
        assert_int_equal(histogram.maximum_usec, 10);
}

/* Each duration alone: never told too low, and at most an eighth too high. */
static void test_quantiles_are_an_eighth_off_at_most(void **state)
{
        for (uint64_t usec = 0; usec < 3 * USEC_PER_SEC; usec += 1 + usec / 7) {
                Histogram histogram = {0};
                uint64_t found;

                histogram_add(&histogram, usec);
                histogram_add(&histogram, 5 * USEC_PER_SEC);
                found = histogram_quantile_usec(&histogram, 50);
                assert_in_range(found, usec, usec + usec / 8);
        }
}

static void test_quantiles_split_the_calls(void **state)
{
        Histogram histogram = {0};

        for (unsigned i = 0; i < 94; i++)
                histogram_add(&histogram, 1000);
        for (unsigned i = 0; i < 5; i++)
                histogram_add(&histogram, 100 * USEC_PER_MSEC);
        histogram_add(&histogram, 2 * USEC_PER_SEC);
        assert_in_range(histogram_quantile_usec(&histogram, 50), 1000, 1125);
        assert_in_range(histogram_quantile_usec(&histogram, 94), 1000, 1125);
        assert_in_range(histogram_quantile_usec(&histogram, 95), 100000, 112500);
        assert_in_range(histogram_quantile_usec(&histogram, 99), 100000, 112500);
        assert_int_equal(histogram_quantile_usec(&histogram, 100), 2 * USEC_PER_SEC);
}

static void test_what_is_beyond_the_buckets_counts(void **state)
{
        Histogram histogram = {0};

        histogram_add(&histogram, UINT64_C(1) << 40);
        assert_int_equal(histogram_quantile_usec(&histogram, 50), UINT64_C(1) << 40);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_empty_one_is_all_zero),
                        cmocka_unit_test(test_short_durations_are_exact),
                        cmocka_unit_test(test_quantiles_are_an_eighth_off_at_most),
                        cmocka_unit_test(test_quantiles_split_the_calls),
                        cmocka_unit_test(test_what_is_beyond_the_buckets_counts),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
