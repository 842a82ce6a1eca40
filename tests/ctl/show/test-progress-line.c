/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <locale.h>
#include <string.h>

#include "base/macro.h"
#include "ctl/show/progress-line.h"
#include "ctl/show/text.h"

static void bar_shows_the_share(void **state)
{
        char text[PROGRESS_LINE_MAX];

        progress_line_format("backup", "copying", 50 * MIB, 100 * MIB, 100, text);
        assert_string_equal(text, "backup: copying [============            ]  50%  50.0 MiB of 100.0 MiB");
        progress_line_format("backup", "copying", 200 * MIB, 100 * MIB, 100, text);
        assert_non_null(strstr(text, "[========================] 100%"));
}

static void unknown_total_has_no_bar(void **state)
{
        char text[PROGRESS_LINE_MAX];

        progress_line_format("backup", "queued", 0, 0, 80, text);
        assert_string_equal(text, "backup: queued");
}

static void line_never_wraps(void **state)
{
        char text[PROGRESS_LINE_MAX], step[300];

        memset(step, 's', sizeof step - 1);
        step[sizeof step - 1] = '\0';
        for (size_t columns = 24; columns < 120; columns++) {
                progress_line_format("backup", "reading back", MIB, 3 * MIB, columns, text);
                assert_in_range(text_width(text), 1, columns - 1);
                progress_line_format("backup", step, MIB, 3 * MIB, columns, text);
                assert_in_range(text_width(text), 1, columns - 1);
        }
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                        cmocka_unit_test(bar_shows_the_share),
                        cmocka_unit_test(unknown_total_has_no_bar),
                        cmocka_unit_test(line_never_wraps),
        };

        (void) setlocale(LC_ALL, "C.UTF-8");
        return cmocka_run_group_tests(tests, NULL, NULL);
}
