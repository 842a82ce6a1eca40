/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/macro.h"
#include "base/unit-name.h"

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
        char longest[UNIT_NAME_MAX + 1];

        for (size_t i = 0; i < ELEMENTSOF(good); i++)
                assert_true(unit_name_is_valid(good[i]));
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_false(unit_name_is_valid(bad[i]));
        (void) memset(longest, 'x', sizeof longest);
        (void) strcpy(longest + sizeof longest - sizeof ".service", ".service");
        assert_false(unit_name_is_valid(longest));
        assert_true(unit_name_is_valid(longest + 1));
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_names),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
