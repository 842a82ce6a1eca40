/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/macro.h"
#include "daemon/operation/first-rows.h"

static void test_when_the_first_rows_are_backed_up(void **state)
{
        static const struct {
                FirstRowsFacts facts;
                FirstRowsStep step;
        } cases[] = {
                        {{.able = true}, FIRST_ROWS_AWAIT},
                        {{.able = true, .counted = true}, FIRST_ROWS_AWAIT},
                        {{.able = true, .counted = true, .n_records = 1}, FIRST_ROWS_BACK_UP},
                        /* Not before the application has had a moment for more. */
                        {{.able = true, .n_records = 1}, FIRST_ROWS_AWAIT},
                        /* Once. */
                        {{.able = true, .counted = true, .n_records = 1, .backed_up = true},
                                        FIRST_ROWS_REST},
                        {{.able = true, .backed_up = true}, FIRST_ROWS_REST},
                        /* The timer tries again. */
                        {{.able = true, .counted = true, .n_records = 1, .last_failed = true},
                                        FIRST_ROWS_REST},
                        /* The database is corrupt, the disk is away, or a backup is being made. */
                        {{.counted = true, .n_records = 1}, FIRST_ROWS_REST},
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                assert_int_equal(first_rows_decide(&cases[i].facts), cases[i].step);
}

int main(void)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test(test_when_the_first_rows_are_backed_up)};

        return cmocka_run_group_tests_name("daemon/first-rows", tests, NULL, NULL);
}
