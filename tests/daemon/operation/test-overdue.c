/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/operation/overdue.h"

#define CADENCE_USEC (4 * USEC_PER_HOUR)
#define SLACK_USEC USEC_PER_HOUR
#define MADE_USEC (UINT64_C(1769255181) * USEC_PER_SEC)
#define LATER_USEC (MADE_USEC + USEC_PER_DAY)

static void test_when_a_backup_is_overdue(void **state)
{
        static const struct {
                UnitState timer;
                uint64_t newest_usec, started_usec, due_usec;
        } cases[] = {
                        /* Whoever has switched the timer off wants no backup. */
                        {UNIT_UNKNOWN, MADE_USEC, MADE_USEC, 0},
                        {UNIT_MISSING, MADE_USEC, MADE_USEC, 0},
                        {UNIT_STOPPED, MADE_USEC, MADE_USEC, 0},
                        {UNIT_DISABLED, MADE_USEC, MADE_USEC, 0},
                        {UNIT_ACTIVE, MADE_USEC, MADE_USEC - 1, MADE_USEC + CADENCE_USEC + SLACK_USEC},
                        /* After a day off, the timer makes up for it first. */
                        {UNIT_ACTIVE, MADE_USEC, LATER_USEC, LATER_USEC + CADENCE_USEC + SLACK_USEC},
                        {UNIT_ACTIVE, 0, LATER_USEC, LATER_USEC + CADENCE_USEC + SLACK_USEC},
                        /* One that has elapsed for good never will. */
                        {UNIT_ELAPSED, MADE_USEC, LATER_USEC, MADE_USEC + CADENCE_USEC + SLACK_USEC},
                        {UNIT_ELAPSED, 0, LATER_USEC, LATER_USEC + CADENCE_USEC + SLACK_USEC},
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                assert_int_equal(overdue_due_usec(cases[i].timer,
                                                 cases[i].newest_usec,
                                                 cases[i].started_usec,
                                                 CADENCE_USEC),
                                cases[i].due_usec);
}

int main(void)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test(test_when_a_backup_is_overdue)};

        return cmocka_run_group_tests_name("overdue", tests, NULL, NULL);
}
