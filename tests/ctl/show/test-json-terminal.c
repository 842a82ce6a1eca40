/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "ctl/show/json-terminal.h"

/* Writes `text` in pieces of `piece` bytes; the caller frees. */
static char *written(const char *text, size_t piece)
{
        JSONTerminal state = {0};
        char *result = NULL;
        size_t size, length = strlen(text);
        FILE *stream = open_memstream(&result, &size);

        assert_non_null(stream);
        for (size_t i = 0; i < length; i += piece)
                json_terminal_write(&state, text + i, MIN_OF(piece, length - i), stream);
        json_terminal_end(&state, stream);
        assert_int_equal(fclose(stream), 0);
        return result;
}

static void assert_written(const char *text, const char *expected)
{
        for (size_t piece = 1; piece <= strlen(text); piece++) {
                _cleanup_free_ char *result = written(text, piece);

                assert_string_equal(result, expected);
        }
}

static void del_and_c1_are_escaped_however_they_are_cut(void **state)
{
        assert_written("{\"a\":\"x\x7fy\"}", "{\"a\":\"x\\u007fy\"}");
        assert_written("\"\xc2\x9b"
                       "31m\"",
                        "\"\\u009b31m\"");
        assert_written("\"\xc2\x80\xc2\x9f\"", "\"\\u0080\\u009f\"");
}

static void marks_that_turn_the_direction_are_escaped(void **state)
{
        assert_written("\"\xe2\x80\xae\xd8\x9c\xe2\x81\xa6\xe2\x80\xa8\"",
                        "\"\\u202e\\u061c\\u2066\\u2028\"");
}

static void other_text_is_left_alone(void **state)
{
        /* The character after C1, one with 0x9b as its second byte, and one whose lead is another. */
        assert_written("\"\xc2\xa0\xc3\x9b\xe2\x82\xac\xf0\x9f\x92\xa9\"\n",
                        "\"\xc2\xa0\xc3\x9b\xe2\x82\xac\xf0\x9f\x92\xa9\"\n");
        assert_written("plain", "plain");
}

static void text_that_ends_in_the_middle_loses_nothing(void **state)
{
        assert_written("x\xc2", "x\xc2");
        assert_written("\xc2\xc2\x85", "\xc2\\u0085");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(del_and_c1_are_escaped_however_they_are_cut),
                        cmocka_unit_test(marks_that_turn_the_direction_are_escaped),
                        cmocka_unit_test(other_text_is_left_alone),
                        cmocka_unit_test(text_that_ends_in_the_middle_loses_nothing),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
