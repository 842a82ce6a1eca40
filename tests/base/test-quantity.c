/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/quantity.h"

static void test_spans(void **state)
{
        static const struct {
                const char *text;
                uint64_t usec;
        } cases[] = {
                        {"0", 0},
                        {"90", 90 * USEC_PER_SEC},
                        {"7d", 7 * USEC_PER_DAY},
                        {"6h", 6 * USEC_PER_HOUR},
                        {"1h 30min", 90 * USEC_PER_MINUTE},
                        {"1h30m", 90 * USEC_PER_MINUTE},
                        {" 2 weeks ", 14 * USEC_PER_DAY},
                        {"3ms 4us", 3004},
                        {"1d 5", USEC_PER_DAY + 5 * USEC_PER_SEC},
        };
        uint64_t usec;

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                assert_int_equal(quantity_parse_span(cases[i].text, &usec), 0);
                assert_int_equal(usec, cases[i].usec);
        }
}

static void test_wrong_spans(void **state)
{
        static const char *const texts[] = {
                        "", " ", "d", "-1d", "1.5h", "1y", "1month", "1d,", "infinity", "1D"};
        uint64_t usec = 7;

        for (size_t i = 0; i < ELEMENTSOF(texts); i++)
                assert_int_equal(quantity_parse_span(texts[i], &usec), -EINVAL);
        assert_int_equal(quantity_parse_span("99999999999999999999", &usec), -ERANGE);
        assert_int_equal(quantity_parse_span("18446744073709551615s", &usec), -ERANGE);
        assert_int_equal(quantity_parse_span("18446744073709551615us 1us", &usec), -ERANGE);
        assert_int_equal(usec, 7);
}

static void test_sizes(void **state)
{
        uint64_t bytes = 7;

        assert_int_equal(quantity_parse_size("512M", &bytes), 0);
        assert_int_equal(bytes, 512 * MIB);
        assert_int_equal(quantity_parse_size(" 3 K ", &bytes), 0);
        assert_int_equal(bytes, 3 * KIB);
        assert_int_equal(quantity_parse_size("100", &bytes), 0);
        assert_int_equal(bytes, 100);
        assert_int_equal(quantity_parse_size("100B", &bytes), 0);
        assert_int_equal(quantity_parse_size("", &bytes), -EINVAL);
        assert_int_equal(quantity_parse_size("1.5M", &bytes), -EINVAL);
        assert_int_equal(quantity_parse_size("1M 1M", &bytes), -EINVAL);
        assert_int_equal(quantity_parse_size("1m", &bytes), -EINVAL);
        assert_int_equal(quantity_parse_size("-1", &bytes), -EINVAL);
        assert_int_equal(quantity_parse_size("16777216T", &bytes), -ERANGE);
        assert_int_equal(bytes, 100);
}

static void assert_size(uint64_t bytes, const char *wanted)
{
        char text[QUANTITY_MAX];

        quantity_format_size(bytes, text);
        assert_string_equal(text, wanted);
}

static void assert_span(uint64_t usec, const char *wanted)
{
        char text[QUANTITY_MAX];

        quantity_format_span(usec, text);
        assert_string_equal(text, wanted);
}

static void test_sizes_for_people(void **state)
{
        assert_size(0, "0 B");
        assert_size(1023, "1023 B");
        assert_size(1024, "1.0 KiB");
        assert_size(1536, "1.5 KiB");
        assert_size(GIB, "1.0 GiB");
        assert_size(MIB - 1, "1.0 MiB"); /* never 1024.0 KiB */
        assert_size(UINT64_MAX, "16.0 EiB");
}

static void test_spans_for_people(void **state)
{
        assert_span(0, "0us");
        assert_span(12 * USEC_PER_MSEC + 5, "12ms");
        assert_span(USEC_PER_SEC + 5, "1s");
        assert_span(65 * USEC_PER_SEC, "1min 5s");
        assert_span(51 * USEC_PER_HOUR, "2d 3h");
        assert_span(2 * USEC_PER_DAY + 5 * USEC_PER_MINUTE, "2d");
        assert_span(UINT64_MAX, "213503982d 8h");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_spans),
                        cmocka_unit_test(test_wrong_spans),
                        cmocka_unit_test(test_sizes),
                        cmocka_unit_test(test_sizes_for_people),
                        cmocka_unit_test(test_spans_for_people),
        };

        return cmocka_run_group_tests_name("quantity", tests, NULL, NULL);
}
