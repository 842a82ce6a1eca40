/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <locale.h>
#include <string.h>

#include "ctl/show/text.h"

static void assert_sanitized(const char *text, const char *expected)
{
        _cleanup_free_ char *sanitized = text_sanitize(text);

        assert_string_equal(sanitized, expected);
}

static void plain_text_stays(void **state)
{
        assert_sanitized("", "");
        assert_sanitized("backup_20260124_014621", "backup_20260124_014621");
        assert_sanitized("avant la mise à jour 更新 🦉", "avant la mise à jour 更新 🦉");
}

static void control_characters_are_spelled(void **state)
{
        assert_sanitized("a\x1b[31mred", "a\\x1b[31mred");
        assert_sanitized("two\nlines\t\r", "two\\x0alines\\x09\\x0d");
        assert_sanitized("del\x7f", "del\\x7f");
        /* U+009B, which terminals take for ESC [ */
        assert_sanitized("c1\xc2\x9bm", "c1\\xc2\\x9bm");
        /* U+202E turns the rest around. */
        assert_sanitized("gz.\xe2\x80\xae"
                         "exe",
                        "gz.\\xe2\\x80\\xae"
                        "exe");
}

static void broken_utf8_is_spelled(void **state)
{
        assert_sanitized("\xff", "\\xff");
        assert_sanitized("cut \xe2\x82", "cut \\xe2\\x82");
        assert_sanitized("overlong \xc0\xaf", "overlong \\xc0\\xaf");
}

static void width_counts_columns(void **state)
{
        assert_int_equal(text_width(""), 0);
        assert_int_equal(text_width("abc"), 3);
        assert_int_equal(text_width("é"), 1);
        /* e and a combining acute accent: one column */
        assert_int_equal(text_width("e\xcc\x81"), 1);
        assert_int_equal(text_width("更新"), 4);
}

static void near_words_are_found(void **state)
{
        static const char *const words[] = {"status", "backup", "list", "show", "verify", "cleanup", "jobs"};

        assert_string_equal(text_nearest("lits", words, ELEMENTSOF(words)), "list");
        assert_string_equal(text_nearest("satus", words, ELEMENTSOF(words)), "status");
        assert_string_equal(text_nearest("bakcups", words, ELEMENTSOF(words)), "backup");
        assert_string_equal(text_nearest("ver", words, ELEMENTSOF(words)), "verify");
        assert_string_equal(text_nearest("job", words, ELEMENTSOF(words)), "jobs");
}

static void far_words_are_not(void **state)
{
        static const char *const words[] = {"status", "start", "list"};
        char endless[300];

        memset(endless, 'x', sizeof endless - 1);
        endless[sizeof endless - 1] = '\0';
        assert_null(text_nearest("frobnicate", words, ELEMENTSOF(words)));
        assert_null(text_nearest("sta", words, ELEMENTSOF(words)));
        assert_null(text_nearest("", words, ELEMENTSOF(words)));
        assert_null(text_nearest(endless, words, ELEMENTSOF(words)));
        assert_null(text_nearest("x", words, 0));
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                        cmocka_unit_test(plain_text_stays),
                        cmocka_unit_test(control_characters_are_spelled),
                        cmocka_unit_test(broken_utf8_is_spelled),
                        cmocka_unit_test(width_counts_columns),
                        cmocka_unit_test(near_words_are_found),
                        cmocka_unit_test(far_words_are_not),
        };

        (void) setlocale(LC_ALL, "C.UTF-8");
        return cmocka_run_group_tests(tests, NULL, NULL);
}
