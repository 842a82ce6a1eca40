/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fixture.h"

#include <float.h>
#include <locale.h>
#include <string.h>

#include "database/json-real.h"

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
        _cleanup_free_ char *command = NULL;
        char text[JSON_REAL_MAX];
        double value;

        assert_true(asprintf(&command,
                                    "localedef --no-archive -i fr_FR -f UTF-8 %s",
                                    fixture_path("fr_FR.UTF-8")) > 0);
        assert_int_equal(system(command), 0);
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
                        cmocka_unit_test(test_too_large_is_told),
                        cmocka_unit_test_setup_teardown(
                                        test_language_does_not_matter, fixture_setup, fixture_teardown),
        };

        return cmocka_run_group_tests_name("database/json-real", tests, NULL, NULL);
}
