/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "ctl/show/graph.h"

static void assert_bar(double share, GraphSet set, const char *wanted)
{
        char bar[GRAPH_MAX];

        graph_bar(share, 10, set, bar);
        assert_string_equal(bar, wanted);
}

static void test_bar(void **state)
{
        assert_bar(0, GRAPH_ASCII, "[..........]");
        assert_bar(0.5, GRAPH_ASCII, "[#####.....]");
        assert_bar(1, GRAPH_ASCII, "[##########]");
        assert_bar(0.7, GRAPH_UNICODE, "███████░░░");
        assert_bar(0.5, GRAPH_NONE, "");
}

static void test_bar_is_full_only_when_all_is_used(void **state)
{
        assert_bar(0.001, GRAPH_ASCII, "[#.........]");
        assert_bar(0.999, GRAPH_ASCII, "[#########.]");
        assert_bar(17, GRAPH_ASCII, "[##########]");
        assert_bar(-1, GRAPH_ASCII, "");
        assert_bar(0.0 / 0.0, GRAPH_ASCII, "");
}

static void test_bar_fits_its_buffer(void **state)
{
        char bar[GRAPH_MAX];

        graph_bar(0.5, 1000, GRAPH_UNICODE, bar);
        assert_int_equal(strlen(bar), 3 * GRAPH_COLUMNS_MAX);
}

static void assert_sparkline(const uint64_t *values, size_t n, GraphSet set, const char *wanted)
{
        char line[GRAPH_MAX];

        graph_sparkline(values, n, set, line);
        assert_string_equal(line, wanted);
}

static void test_sparkline_goes_from_lowest_to_highest(void **state)
{
        const uint64_t rising[] = {100, 101, 102, 103, 104, 105, 106, 107};
        const uint64_t huge[] = {0, UINT64_MAX / 2, UINT64_MAX};

        assert_sparkline(rising, ELEMENTSOF(rising), GRAPH_UNICODE, "▁▂▃▄▅▆▇█");
        assert_sparkline(rising, ELEMENTSOF(rising), GRAPH_ASCII, "_.:-=+*#");
        assert_sparkline(rising, ELEMENTSOF(rising), GRAPH_NONE, "");
        assert_sparkline(huge, ELEMENTSOF(huge), GRAPH_ASCII, "_=#");
}

static void test_what_does_not_change_is_flat(void **state)
{
        const uint64_t same[] = {7, 7, 7};

        assert_sparkline(same, ELEMENTSOF(same), GRAPH_ASCII, "___");
        assert_sparkline(same, 0, GRAPH_ASCII, "");
}

static void test_sparkline_shows_the_last_values(void **state)
{
        uint64_t values[GRAPH_COLUMNS_MAX + 5] = {1000, 1000, 1000, 1000, 1000};
        char line[GRAPH_MAX];

        values[ELEMENTSOF(values) - 1] = 1;
        graph_sparkline(values, ELEMENTSOF(values), GRAPH_ASCII, line);
        assert_int_equal(strlen(line), GRAPH_COLUMNS_MAX);
        assert_int_equal(strspn(line, "_"), GRAPH_COLUMNS_MAX - 1);
        assert_int_equal(line[GRAPH_COLUMNS_MAX - 1], '#');
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_bar),
                        cmocka_unit_test(test_bar_is_full_only_when_all_is_used),
                        cmocka_unit_test(test_bar_fits_its_buffer),
                        cmocka_unit_test(test_sparkline_goes_from_lowest_to_highest),
                        cmocka_unit_test(test_what_does_not_change_is_flat),
                        cmocka_unit_test(test_sparkline_shows_the_last_values),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
