/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <locale.h>

#include "ctl/show/table.h"

static const char *const names[] = {"NAME", "SIZE", "LABEL", NULL};

/* What the table prints, and that it reports no lost cell. */
static void assert_printed(const Table *table, bool header, bool colour, const char *expected)
{
        _cleanup_free_ char *text = NULL;
        size_t size;
        FILE *stream = open_memstream(&text, &size);

        assert_non_null(stream);
        assert_int_equal(table_print(table, stream, header, colour), 0);
        assert_int_equal(fclose(stream), 0);
        assert_string_equal(text, expected);
}

static void columns_are_aligned(void **state)
{
        _cleanup_(table_freep) Table *table = table_new(names);

        table_align_right(table, 1);
        table_add(table, STYLE_PLAIN, "first");
        table_addf(table, STYLE_PLAIN, "%d B", 5);
        table_add(table, STYLE_PLAIN, "one");
        table_add(table, STYLE_PLAIN, "x");
        table_add(table, STYLE_PLAIN, "12345 B");
        table_add(table, STYLE_PLAIN, "");
        assert_printed(table,
                        true,
                        false,
                        "NAME     SIZE LABEL\n"
                        "first     5 B one\n"
                        "x     12345 B\n");
}

static void wide_and_combining_characters_keep_columns(void **state)
{
        _cleanup_(table_freep) Table *table = table_new(names);

        table_add(table, STYLE_PLAIN, "更新");
        table_add(table, STYLE_PLAIN, "1");
        table_add(table, STYLE_PLAIN, "wide");
        table_add(table, STYLE_PLAIN, "e\xcc\x81t\xc3\xa9");
        table_add(table, STYLE_PLAIN, "2");
        table_add(table, STYLE_PLAIN, "combining");
        assert_printed(table,
                        false,
                        false,
                        "更新 1 wide\n"
                        "e\xcc\x81t\xc3\xa9  2 combining\n");
}

static void hostile_text_stays_in_its_cell(void **state)
{
        _cleanup_(table_freep) Table *table = table_new(names);

        table_add(table, STYLE_PLAIN, "a\nb\x1b]0;title\a");
        table_add(table, STYLE_PLAIN, "1");
        table_add(table, STYLE_PLAIN, "2");
        assert_printed(table, false, false, "a\\x0ab\\x1b]0;title\\x07 1 2\n");
}

static void empty_columns_can_hide(void **state)
{
        _cleanup_(table_freep) Table *table = table_new(names);

        table_hide_when_empty(table, 1);
        table_hide_when_empty(table, 2);
        table_add(table, STYLE_PLAIN, "first");
        table_add(table, STYLE_PLAIN, "");
        table_add(table, STYLE_PLAIN, "");
        assert_printed(table, true, false, "NAME\nfirst\n");

        table_add(table, STYLE_PLAIN, "second");
        table_add(table, STYLE_PLAIN, "");
        table_add(table, STYLE_PLAIN, "label");
        assert_printed(table, true, false, "NAME   LABEL\nfirst\nsecond label\n");
}

static void incomplete_rows_are_not_printed(void **state)
{
        _cleanup_(table_freep) Table *table = table_new(names);

        table_add(table, STYLE_PLAIN, "half");
        assert_printed(table, false, false, "");
}

static void colour_surrounds_the_text_only(void **state)
{
        _cleanup_(table_freep) Table *table = table_new(names);

        table_add(table, STYLE_BAD, "no");
        table_add(table, STYLE_PLAIN, "1");
        table_add(table, STYLE_GOOD, "yes");
        assert_printed(table, false, true, "\x1b[0;1;31mno\x1b[0m 1 \x1b[0;1;32myes\x1b[0m\n");
}

static void many_rows_fit(void **state)
{
        _cleanup_(table_freep) Table *table = table_new(names);
        _cleanup_free_ char *text = NULL;
        size_t size, lines = 0;
        FILE *stream = open_memstream(&text, &size);

        for (int i = 0; i < 30000; i++)
                table_addf(table, STYLE_PLAIN, "%d", i);
        assert_int_equal(table_print(table, stream, false, false), 0);
        assert_int_equal(fclose(stream), 0);
        for (const char *p = text; *p; p++)
                lines += *p == '\n';
        assert_int_equal(lines, 10000);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                        cmocka_unit_test(columns_are_aligned),
                        cmocka_unit_test(wide_and_combining_characters_keep_columns),
                        cmocka_unit_test(hostile_text_stays_in_its_cell),
                        cmocka_unit_test(empty_columns_can_hide),
                        cmocka_unit_test(incomplete_rows_are_not_printed),
                        cmocka_unit_test(colour_surrounds_the_text_only),
                        cmocka_unit_test(many_rows_fit),
        };

        (void) setlocale(LC_ALL, "C.UTF-8");
        return cmocka_run_group_tests(tests, NULL, NULL);
}
