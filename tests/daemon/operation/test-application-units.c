/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What needs a bus is in tests/bus/test_recovery_units.py. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "daemon/operation/application-units.h"

static void test_names(void **state)
{
        static const char *const good[] = {
                        "web.service", "web@1.service", "dev-a\\x2db.service", "web.socket", "a:b_c.target"};
        static const char *const bad[] = {"",
                        "web",
                        ".service",
                        "@.service",
                        "web.mount",
                        "web.service/x",
                        "../web.service",
                        "web service.service",
                        "web.service;",
                        "wéb.service"};
        char longest[APPLICATION_UNIT_NAME_MAX + 1];

        for (size_t i = 0; i < ELEMENTSOF(good); i++)
                assert_true(application_unit_name_is_valid(good[i]));
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_false(application_unit_name_is_valid(bad[i]));
        (void) memset(longest, 'x', sizeof longest);
        (void) strcpy(longest + sizeof longest - sizeof ".service", ".service");
        assert_false(application_unit_name_is_valid(longest));
        assert_true(application_unit_name_is_valid(longest + 1));
}

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
                        cmocka_unit_test(test_names),
                        cmocka_unit_test(test_nothing_that_was_stopped_needs_no_start),
        };

        return cmocka_run_group_tests_name("application-units", tests, NULL, NULL);
}
