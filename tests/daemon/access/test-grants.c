/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/access/grants.h"

#define NOW_USEC (5 * USEC_PER_SEC)

static void test_nothing_is_granted_at_first(void **state)
{
        Grants grants = {0};

        assert_false(grants_have(&grants, "", "", "", 0));
        assert_false(grants_have(&grants, ":1.1", "use", "Get", NOW_USEC));
}

static void test_grant_is_for_one_connection_action_and_method(void **state)
{
        Grants grants = {0};

        grants_add(&grants, ":1.1", "use", "Get", NOW_USEC);
        assert_true(grants_have(&grants, ":1.1", "use", "Get", NOW_USEC));
        assert_false(grants_have(&grants, ":1.11", "use", "Get", NOW_USEC));
        assert_false(grants_have(&grants, ":1.1", "append", "Get", NOW_USEC));
        assert_false(grants_have(&grants, ":1.1", "use", "Store", NOW_USEC));
}

static void test_grant_ends(void **state)
{
        Grants grants = {0};

        grants_add(&grants, ":1.1", "use", "Get", NOW_USEC);
        assert_true(grants_have(&grants, ":1.1", "use", "Get", NOW_USEC + GRANT_LIFETIME_USEC - 1));
        assert_false(grants_have(&grants, ":1.1", "use", "Get", NOW_USEC + GRANT_LIFETIME_USEC));
}

static void test_oldest_is_given_up(void **state)
{
        Grants grants = {0};

        grants_add(&grants, ":1.1", "use", "Get", NOW_USEC);
        for (size_t i = 0; i < GRANTS_MAX - 1; i++)
                grants_add(&grants, ":1.2", "use", "Get", NOW_USEC);
        assert_true(grants_have(&grants, ":1.1", "use", "Get", NOW_USEC));
        grants_add(&grants, ":1.3", "use", "Get", NOW_USEC);
        assert_false(grants_have(&grants, ":1.1", "use", "Get", NOW_USEC));
        assert_true(grants_have(&grants, ":1.2", "use", "Get", NOW_USEC));
        assert_true(grants_have(&grants, ":1.3", "use", "Get", NOW_USEC));
}

static void test_name_that_is_too_long_is_not_cut(void **state)
{
        char long_name[65], cut[64];
        Grants grants = {0};

        for (size_t i = 0; i < sizeof long_name - 1; i++)
                long_name[i] = cut[i < 63 ? i : 62] = '1';
        long_name[64] = cut[63] = '\0';
        grants_add(&grants, long_name, "use", "Get", NOW_USEC);
        grants_add(&grants, ":1.1", "use", long_name, NOW_USEC);
        assert_false(grants_have(&grants, long_name, "use", "Get", NOW_USEC));
        assert_false(grants_have(&grants, cut, "use", "Get", NOW_USEC));
        assert_false(grants_have(&grants, ":1.1", "use", cut, NOW_USEC));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_nothing_is_granted_at_first),
                        cmocka_unit_test(test_grant_is_for_one_connection_action_and_method),
                        cmocka_unit_test(test_grant_ends),
                        cmocka_unit_test(test_oldest_is_given_up),
                        cmocka_unit_test(test_name_that_is_too_long_is_not_cut),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
