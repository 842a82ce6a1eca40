/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fixture.h"

#include <float.h>
#include <locale.h>
#include <math.h>
#include <string.h>

#include "database/json/real.h"

static void assert_round_trip(double value)
{
        char text[JSON_REAL_MAX];
        size_t length = json_real_format(value, text);
        double back;

        assert_int_equal(length, strlen(text));
        assert_non_null(strpbrk(text, ".e"));
        assert_int_equal(json_real_parse(text, &back), 0);
        assert_memory_equal(&back, &value, sizeof value);
}

static void test_shortest_form(void **state)
{
        static const struct {
                double value;
                const char *text;
        } expected[] = {
                        {0.0, "0.0"},
                        {-0.0, "-0.0"},
                        {1, "1.0"},
                        {-5, "-5.0"},
                        {0.1, "0.1"},
                        {0.1 + 0.2, "0.30000000000000004"},
                        {1e21, "1e+21"},
                        {123456789012345680.0, "1.2345678901234568e+17"},
                        {5e-324, "5e-324"},
                        {DBL_MIN, "2.2250738585072014e-308"},
                        {DBL_MAX, "1.7976931348623157e+308"},
                        {1.0 / 3, "0.3333333333333333"},
        };

        for (size_t i = 0; i < ELEMENTSOF(expected); i++) {
                char text[JSON_REAL_MAX];

                (void) json_real_format(expected[i].value, text);
                assert_string_equal(text, expected[i].text);
                assert_round_trip(expected[i].value);
        }
}

static void test_any_bits_round_trip(void **state)
{
        uint64_t bits = UINT64_C(0x9e3779b97f4a7c15);

        for (unsigned i = 0; i < 20000; i++) {
                double value;

                bits ^= bits << 13;
                bits ^= bits >> 7;
                bits ^= bits << 17;
                memcpy(&value, &bits, sizeof value);
                if (__builtin_isfinite(value))
                        assert_round_trip(value);
        }
}

/* As the C library does it: try, and read back. */
static void assert_as_by_trial(double value)
{
        char text[JSON_REAL_MAX], expected[JSON_REAL_MAX];
        int digits = 15;

        do
                (void) snprintf(expected, sizeof expected, "%.*g", digits, value);
        while (strtod(expected, NULL) != value && ++digits <= 17);
        if (!strpbrk(expected, ".e"))
                (void) strcat(expected, ".0");
        (void) json_real_format(value, text);
        if (strcmp(text, expected) != 0)
                fail_msg("%a: %s instead of %s", value, text, expected);
}

/* Numbers as they come in tables, with few digits, with all of them, and around the powers of two and ten,
 * where the distance to the next number changes, or a digit more is needed. */
static void test_same_digits_as_the_library(void **state)
{
        uint64_t bits = UINT64_C(0x2545f4914f6cdd1d);

        for (unsigned i = 0; i < 60000; i++) {
                double value, rounded;

                bits ^= bits << 13;
                bits ^= bits >> 7;
                bits ^= bits << 17;
                value = ldexp((double) (bits >> 11), (int) (bits % 80) - 70 - 3);
                assert_as_by_trial(value);
                assert_as_by_trial(-value);
                rounded = (double) (bits >> (20 + bits % 40)) / pow(10, (double) (bits % 9));
                if (rounded == 0)
                        continue;
                assert_as_by_trial(rounded);
                assert_as_by_trial(nextafter(rounded, 0));
                assert_as_by_trial(nextafter(rounded, INFINITY));
        }
        for (int exponent = -60; exponent <= 60; exponent++) {
                double powers[] = {ldexp(1, exponent), pow(10, exponent), 5 * pow(10, exponent)};

                for (size_t i = 0; i < ELEMENTSOF(powers); i++) {
                        double value = powers[i] * 0.9999999999999, end = powers[i] * 1.0000000000001;

                        for (unsigned n = 0; n < 40; n++, value = nextafter(value, INFINITY))
                                assert_as_by_trial(value);
                        for (value = nextafter(nextafter(powers[i], 0), 0);
                                        value < end && value <= powers[i];
                                        value = nextafter(value, INFINITY))
                                assert_as_by_trial(value);
                        assert_as_by_trial(nextafter(powers[i], INFINITY));
                }
        }
}

static void test_too_large_is_told(void **state)
{
        double value = 7;

        assert_int_equal(json_real_parse("1e999", &value), -ERANGE);
        assert_int_equal(json_real_parse("-1e999", &value), -ERANGE);
        assert_true(value == 7);
        assert_int_equal(json_real_parse("1e-999", &value), 0);
        assert_true(value == 0);
}

/* The numbers of a process that speaks French have a comma. The language is made here, from the definitions
 * in Debian's package `locales`, since hardly any machine has it installed. */
static void test_language_does_not_matter(void **state)
{
        char text[JSON_REAL_MAX];
        double value;

        fixture_run("localedef --no-archive -i fr_FR -f UTF-8 %s", fixture_path("fr_FR.UTF-8"));
        assert_int_equal(setenv("LOCPATH", *state, 1), 0);
        assert_non_null(setlocale(LC_ALL, "fr_FR.UTF-8"));

        (void) json_real_format(1.5, text);
        assert_string_equal(text, "1.5");
        assert_int_equal(json_real_parse("1.5", &value), 0);
        assert_true(value == 1.5);
        /* The process goes on speaking French. */
        (void) snprintf(text, sizeof text, "%.1f", 1.5);
        assert_string_equal(text, "1,5");
        (void) setlocale(LC_ALL, "C");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_shortest_form),
                        cmocka_unit_test(test_any_bits_round_trip),
                        cmocka_unit_test(test_same_digits_as_the_library),
                        cmocka_unit_test(test_too_large_is_told),
                        cmocka_unit_test_setup_teardown(
                                        test_language_does_not_matter, fixture_setup, fixture_teardown),
        };

        return cmocka_run_group_tests_name("database/json-real", tests, NULL, NULL);
}
