/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What needs a bus is in tests/bus/test_recovery_units.py. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "daemon/operation/application-units.h"

static void test_nothing_that_was_stopped_needs_no_start(void **state)
{
        char *names[] = {(char *) "web.service"};
        ApplicationUnits units = {0};

        assert_int_equal(application_units_init(&units, names, 1), 0);
        units.stopped = true;
        /* Without a look at the bus, which isn't there. */
        assert_int_equal(application_units_start(&units, NULL), 0);
        application_units_done(&units);
        assert_int_equal(units.n_names, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_nothing_that_was_stopped_needs_no_start),
        };

        return cmocka_run_group_tests_name("application-units", tests, NULL, NULL);
}
