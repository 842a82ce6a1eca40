/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/audit/audit-limit.h"

#define BEGIN_USEC UINT64_C(5000000)

static unsigned admit(AuditLimit *limit, uid_t uid, unsigned n, uint64_t now_usec)
{
        unsigned n_admitted = 0;

        for (unsigned i = 0; i < n; i++)
                n_admitted += audit_limit_admit(limit, uid, now_usec);
        return n_admitted;
}

static void test_a_flood_is_counted(void **state)
{
        AuditLimit limit = {0};
        AuditWindow window;

        assert_int_equal(admit(&limit, 1000, 500, BEGIN_USEC), AUDIT_LIMIT_RECORDS);
        assert_int_equal(admit(&limit, 1001, 1, BEGIN_USEC), 1);
        assert_false(audit_limit_take(&limit, BEGIN_USEC + AUDIT_LIMIT_WINDOW_USEC - 1, &window));
        assert_true(audit_limit_take(&limit, BEGIN_USEC + AUDIT_LIMIT_WINDOW_USEC, &window));
        assert_int_equal(window.uid, 1000);
        assert_false(window.shared);
        assert_int_equal(window.n_suppressed, 500 - AUDIT_LIMIT_RECORDS);
        assert_false(audit_limit_take(&limit, BEGIN_USEC + AUDIT_LIMIT_WINDOW_USEC, &window));
}

static void test_a_window_ends(void **state)
{
        AuditLimit limit = {0};

        assert_int_equal(admit(&limit, 1000, 20, BEGIN_USEC - 1), AUDIT_LIMIT_RECORDS);
        /* What was suppressed is not forgotten before it was told. */
        assert_int_equal(admit(&limit, 1000, 1, BEGIN_USEC + AUDIT_LIMIT_WINDOW_USEC), 0);
        assert_int_equal(admit(&limit, 7, AUDIT_LIMIT_RECORDS, BEGIN_USEC), AUDIT_LIMIT_RECORDS);
        assert_int_equal(admit(&limit, 7, 1, BEGIN_USEC + AUDIT_LIMIT_WINDOW_USEC), 1);
}

static void test_many_callers_share_the_last_place(void **state)
{
        AuditLimit limit = {0};
        AuditWindow window;
        unsigned n = 0;

        for (uid_t uid = 0; uid < 10000; uid++)
                n += admit(&limit, uid, 2, BEGIN_USEC);
        assert_int_equal(n, 2 * (AUDIT_LIMIT_CALLERS - 1) + AUDIT_LIMIT_RECORDS);
        assert_true(audit_limit_take(&limit, BEGIN_USEC + AUDIT_LIMIT_WINDOW_USEC, &window));
        assert_true(window.shared);
        assert_int_equal(window.n_suppressed, 20000 - n);
        /* And the next minute begins with free places. */
        assert_int_equal(admit(&limit, 20000, 2, BEGIN_USEC + AUDIT_LIMIT_WINDOW_USEC), 2);
        assert_int_equal(limit.n_windows, 1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_a_flood_is_counted),
                        cmocka_unit_test(test_a_window_ends),
                        cmocka_unit_test(test_many_callers_share_the_last_place),
        };

        return cmocka_run_group_tests_name("audit-limit", tests, NULL, NULL);
}
