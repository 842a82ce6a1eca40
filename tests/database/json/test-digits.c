/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fixture.h"

#include <inttypes.h>
#include <string.h>

#include "database/json/digits.h"

static void assert_digits(int64_t value)
{
        char text[JSON_INTEGER_MAX + 1] = {0}, expected[JSON_INTEGER_MAX + 1];
        size_t length = json_integer_format(value, text);

        (void) snprintf(expected, sizeof expected, "%" PRId64, value);
        assert_string_equal(text, expected);
        assert_int_equal(length, strlen(expected));
}

static void test_every_length(void **state)
{
        assert_digits(0);
        assert_digits(INT64_MAX);
        assert_digits(INT64_MIN);
        for (int64_t power = 1; power <= INT64_MAX / 10; power *= 10)
                for (int64_t step = -2; step <= 2; step++) {
                        assert_digits(power + step);
                        assert_digits(-power + step);
                        assert_digits(power * 7 + step);
                }
}

static void test_digits_end_where_they_are_told(void **state)
{
        char text[32] = {0}, *begin = json_digits_before(text + 20, UINT64_MAX);

        assert_ptr_equal(begin, text);
        assert_string_equal(begin, "18446744073709551615");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_every_length),
                        cmocka_unit_test(test_digits_end_where_they_are_told),
        };

        return cmocka_run_group_tests_name("database/json-digits", tests, NULL, NULL);
}
