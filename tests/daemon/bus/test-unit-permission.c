/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/bus/unit-permission.h"

static void test_what_an_error_says(void **state)
{
        static const struct {
                const char *name;
                UnitPermission permission;
        } cases[] = {
                        {"org.freedesktop.DBus.Error.InvalidArgs", UNIT_PERMISSION_GRANTED},
                        {"org.freedesktop.DBus.Error.AccessDenied", UNIT_PERMISSION_REFUSED},
                        {"org.freedesktop.DBus.Error.InteractiveAuthorizationRequired",
                                        UNIT_PERMISSION_REFUSED},
                        {"org.freedesktop.systemd1.NoSuchUnit", UNIT_PERMISSION_UNKNOWN},
                        {"org.freedesktop.DBus.Error.NoReply", UNIT_PERMISSION_UNKNOWN},
                        {"org.freedesktop.DBus.Error.ServiceUnknown", UNIT_PERMISSION_UNKNOWN},
                        /* A call that was carried out after all. */
                        {NULL, UNIT_PERMISSION_UNKNOWN},
        };

        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
                assert_int_equal(unit_permission_from_error(cases[i].name), cases[i].permission);
}

static void test_nobody_was_asked(void **state)
{
        assert_int_equal(unit_permission_of(NULL, "web.service"), UNIT_PERMISSION_UNKNOWN);
        assert_null(unit_permission_first_refused(NULL));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_what_an_error_says),
                        cmocka_unit_test(test_nobody_was_asked),
        };

        return cmocka_run_group_tests_name("unit-permission", tests, NULL, NULL);
}
