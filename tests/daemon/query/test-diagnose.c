/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/query/diagnose.h"

static void test_versions_with_the_wal_reset_defect(void **state)
{
        assert_true(sqlite_has_wal_reset_defect(3040001));
        assert_true(sqlite_has_wal_reset_defect(3044005));
        assert_false(sqlite_has_wal_reset_defect(3044006));
        assert_true(sqlite_has_wal_reset_defect(3045000));
        assert_true(sqlite_has_wal_reset_defect(3050006));
        assert_false(sqlite_has_wal_reset_defect(3050007));
        assert_true(sqlite_has_wal_reset_defect(3051000));
        assert_true(sqlite_has_wal_reset_defect(3051002));
        assert_false(sqlite_has_wal_reset_defect(3051003));
        assert_false(sqlite_has_wal_reset_defect(3052000));
}

int main(void)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test(test_versions_with_the_wal_reset_defect)};

        return cmocka_run_group_tests_name("diagnose", tests, NULL, NULL);
}
