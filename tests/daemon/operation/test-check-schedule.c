/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/operation/check-schedule.h"

#define DAY_USEC USEC_PER_DAY
#define HOUR_USEC USEC_PER_HOUR
#define NOW_USEC (UINT64_C(20000) * DAY_USEC)
#define OFF UINT64_MAX

static void test_when_a_check_is_due(void **state)
{
        static const struct {
                const char *name;
                CheckTimes times;
                uint64_t due_usec;
        } cases[] = {
                        {"switched off", {NOW_USEC - 9 * DAY_USEC, 0, 1, OFF, false}, 0},
                        {"switched off, and a disk fails", {0, 0, 1, OFF, true}, 0},
                        {"an interval after the last",
                                        {NOW_USEC - HOUR_USEC, 0, 1, DAY_USEC, false},
                                        NOW_USEC + 23 * HOUR_USEC},
                        {"over for long",
                                        {NOW_USEC - 9 * DAY_USEC, 0, 1, DAY_USEC, false},
                                        NOW_USEC - 8 * DAY_USEC},
                        {"after a start the application comes first",
                                        {NOW_USEC - 9 * DAY_USEC, 0, NOW_USEC, DAY_USEC, false},
                                        NOW_USEC + HOUR_USEC},
                        {"never checked", {0, 0, NOW_USEC, DAY_USEC, false}, NOW_USEC + HOUR_USEC},
                        {"never checked, with a short interval",
                                        {0, 0, NOW_USEC, USEC_PER_MINUTE, false},
                                        NOW_USEC + USEC_PER_MINUTE},
                        {"what did not work out is tried again",
                                        {NOW_USEC - 9 * DAY_USEC, NOW_USEC, 1, DAY_USEC, false},
                                        NOW_USEC + 3 * HOUR_USEC},
                        {"a disk fails", {NOW_USEC - HOUR_USEC, 0, NOW_USEC, DAY_USEC, true}, 1},
                        {"it goes on failing",
                                        {NOW_USEC - HOUR_USEC, NOW_USEC, NOW_USEC, DAY_USEC, true},
                                        NOW_USEC + 3 * HOUR_USEC},
                        {"the clock was set right",
                                        {NOW_USEC + HOUR_USEC, 0, 1, DAY_USEC, false},
                                        NOW_USEC + 25 * HOUR_USEC},
                        {"the clock was wrong when it was checked",
                                        {NOW_USEC + HOUR_USEC + 1, 0, 1, DAY_USEC, false},
                                        1 + HOUR_USEC},
                        {"the clock was wrong at the start",
                                        {NOW_USEC - 2 * DAY_USEC,
                                                        NOW_USEC + DAY_USEC,
                                                        NOW_USEC + DAY_USEC,
                                                        DAY_USEC,
                                                        false},
                                        NOW_USEC - DAY_USEC},
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                if (check_schedule_due_usec(&cases[i].times, NOW_USEC) != cases[i].due_usec)
                        fail_msg("%s", cases[i].name);
}

/* Damage is noticed within the interval, whatever backups do: no check is put off by more than one. */
static void test_which_backup_spares_a_check(void **state)
{
        static const struct {
                uint64_t checked_usec, interval_usec;
                bool is_near;
        } cases[] = {
                        {0, DAY_USEC, true},
                        {0, OFF, false},
                        {NOW_USEC - 11 * HOUR_USEC, DAY_USEC, false},
                        {NOW_USEC - 12 * HOUR_USEC, DAY_USEC, true},
                        {NOW_USEC - 9 * DAY_USEC, DAY_USEC, true},
                        {NOW_USEC - 9 * DAY_USEC, OFF, false},
                        {NOW_USEC + 2 * HOUR_USEC, DAY_USEC, true},
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                const CheckTimes times = {.checked_usec = cases[i].checked_usec,
                                .interval_usec = cases[i].interval_usec};

                assert_int_equal(check_schedule_is_near(&times, NOW_USEC), cases[i].is_near);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_when_a_check_is_due),
                        cmocka_unit_test(test_which_backup_spares_a_check),
        };

        return cmocka_run_group_tests_name("check-schedule", tests, NULL, NULL);
}
