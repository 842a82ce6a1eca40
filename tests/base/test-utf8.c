/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/utf8.h"

static void test_valid(void **state)
{
        static const char *const texts[] = {
                        "",
                        "plain",
                        "\xc2\x80",
                        "\xc3\xa9",
                        "\xe2\x82\xac",
                        "\xef\xbf\xbd",
                        "\xed\x9f\xbf",
                        "\xee\x80\x80",
                        "\xf0\x90\x80\x80",
                        "\xf4\x8f\xbf\xbf",
        };

        for (size_t i = 0; i < ELEMENTSOF(texts); i++)
                assert_true(utf8_is_valid(texts[i]));
}

static void test_invalid(void **state)
{
        static const char *const texts[] = {
                        "\x80",             /* nothing before it */
                        "\xc3",             /* cut short */
                        "\xe2\x82",         /* cut short */
                        "\xf0\x90\x80",     /* cut short */
                        "\xc0\x80",         /* overlong */
                        "\xc1\xbf",         /* overlong */
                        "\xe0\x9f\xbf",     /* overlong */
                        "\xf0\x8f\xbf\xbf", /* overlong */
                        "\xed\xa0\x80",     /* surrogate */
                        "\xed\xbf\xbf",     /* surrogate */
                        "\xf4\x90\x80\x80", /* past the last character */
                        "\xf8\x88\x80\x80\x80",
                        "\xff",
                        "a\xc3z",
        };

        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                assert_false(utf8_is_valid(texts[i]));
                assert_false(utf8_is_line(texts[i]));
        }
}

static void test_lines(void **state)
{
        assert_true(utf8_is_line(""));
        assert_true(utf8_is_line("avant la mise \xc3\xa0 jour"));
        assert_true(utf8_is_line("\xc2\xa0"));
        assert_false(utf8_is_line("two\nlines"));
        assert_false(utf8_is_line("\x1b[2J"));
        assert_false(utf8_is_line("\x7f"));
        assert_false(utf8_is_line("\xc2\x9b"));
}

static void test_decode(void **state)
{
        uint32_t character;

        assert_int_equal(utf8_decode("\xe2\x82\xac!", &character), 3);
        assert_int_equal(character, 0x20ac);
        assert_int_equal(utf8_decode("\xf4\x8f\xbf\xbf", &character), 4);
        assert_int_equal(character, 0x10ffff);
        assert_int_equal(utf8_decode("", &character), 1);
        assert_int_equal(character, 0);
        assert_int_equal(utf8_decode("\xff", &character), 0);
}

static void test_count(void **state)
{
        assert_int_equal(utf8_count(""), 0);
        assert_int_equal(utf8_count("t\xc3\xa9l\xc3\xa9\xf0\x90\x80\x80"), 5);
}

static void test_make_valid(void **state)
{
        char text[] = "t\xe9l\xc3\xa9 \xf0\x90\x80";

        utf8_make_valid(text);
        assert_string_equal(text, "t?l\xc3\xa9 ???");
        assert_true(utf8_is_valid(text));
}

/* Valid, but nothing that sd-bus would carry. */
static void test_noncharacters(void **state)
{
        char text[] = "a\xef\xbf\xbf"
                      "b\xef\xb7\x90"
                      "c\xf0\x9f\xbf\xbe"
                      "d\xef\xbf\xbd\xef\xb7\x8f";

        assert_true(utf8_is_valid(text));
        utf8_make_valid(text);
        assert_string_equal(text, "a???b???c????d\xef\xbf\xbd\xef\xb7\x8f");
}

static void test_make_line(void **state)
{
        char text[] = "a\tb\nc\x7f"
                      "d\xc2\x96"
                      "e\xff"
                      "f\xc3\xa9";

        utf8_make_line(text);
        assert_string_equal(text, "a?b?c?d??e?f\xc3\xa9");
        assert_true(utf8_is_line(text));
}

/* Each bound of each range, and what lies beside it. */
static void test_commands(void **state)
{
        static const uint32_t obeyed[] = {
                        0, 0x1f, 0x7f, 0x9f, 0x61c, 0x200e, 0x200f, 0x2028, 0x202e, 0x2066, 0x206f};
        static const uint32_t shown[] = {
                        ' ', '~', 0xa0, 0xe9, 0x61b, 0x61d, 0x200d, 0x2010, 0x2027, 0x202f, 0x2065, 0x2070};

        for (size_t i = 0; i < ELEMENTSOF(obeyed); i++)
                assert_true(utf8_is_command(obeyed[i]));
        for (size_t i = 0; i < ELEMENTSOF(shown); i++)
                assert_false(utf8_is_command(shown[i]));
}

static void test_make_line_takes_the_marks_of_direction(void **state)
{
        char text[] = "a\xe2\x80\xae"
                      "b\xd8\x9c"
                      "c\xe2\x81\xa6";

        assert_true(utf8_is_line(text)); /* a name may have them */
        utf8_make_line(text);
        assert_string_equal(text, "a???b??c???");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_valid),
                        cmocka_unit_test(test_invalid),
                        cmocka_unit_test(test_lines),
                        cmocka_unit_test(test_decode),
                        cmocka_unit_test(test_count),
                        cmocka_unit_test(test_make_valid),
                        cmocka_unit_test(test_noncharacters),
                        cmocka_unit_test(test_make_line),
                        cmocka_unit_test(test_commands),
                        cmocka_unit_test(test_make_line_takes_the_marks_of_direction),
        };

        return cmocka_run_group_tests_name("utf8", tests, NULL, NULL);
}
