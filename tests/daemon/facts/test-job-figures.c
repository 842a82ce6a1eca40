/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/facts/job-figures.h"

static void test_ends_are_counted_by_operation_and_result(void **state)
{
        const Fault fine = {0}, full = {.code = FAULT_NO_SPACE, .message = (char *) "The disk is full"},
                    cancelled = {.code = FAULT_CANCELLED, .message = (char *) "Asked to stop"};
        JobFigures figures = {0};

        job_figures_count(&figures, "backup", &fine, 1);
        job_figures_count(&figures, "backup", &full, 2);
        job_figures_count(&figures, "verify", &cancelled, 3);
        job_figures_count(&figures, "backup", &fine, 4);
        assert_int_equal(figures.n_operations, 2);
        assert_string_equal(figures.operations[0].operation, "backup");
        assert_int_equal(figures.operations[0].n_done, 2);
        assert_int_equal(figures.operations[0].n_failed, 1);
        assert_int_equal(figures.operations[0].n_cancelled, 0);
        assert_int_equal(figures.operations[1].n_cancelled, 1);
        /* Neither a success nor a cancellation takes the last error away. */
        assert_int_equal(figures.last_error, FAULT_NO_SPACE);
        assert_string_equal(figures.last_error_message, "The disk is full");
        assert_int_equal(figures.last_error_usec, 2);
        job_figures_done(&figures);
}

static void test_more_operations_than_there_is_room_for(void **state)
{
        static const char *const names[] = {"a",
                        "b",
                        "c",
                        "d",
                        "e",
                        "f",
                        "g",
                        "h",
                        "i",
                        "j",
                        "k",
                        "l",
                        "m",
                        "n",
                        "o",
                        "p",
                        "q",
                        "r"};
        const Fault failed = {.code = FAULT_FAILED, .message = NULL};
        JobFigures figures = {0};

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                job_figures_count(&figures, names[i], &failed, i);
        assert_int_equal(figures.n_operations, JOB_FIGURES_MAX);
        assert_int_equal(figures.last_error_usec, ELEMENTSOF(names) - 1);
        assert_null(figures.last_error_message);
        job_figures_done(&figures);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_ends_are_counted_by_operation_and_result),
                        cmocka_unit_test(test_more_operations_than_there_is_room_for),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
