/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/state/unpacking.h"

static void test_the_reserve_is_not_touched_unless_a_size_is_set(void **state)
{
        static const struct {
                uint64_t set_bytes, free_bytes, reserve_bytes, most_bytes;
        } cases[] = {
                        {0, 10 * GIB, 1 * GIB, 9 * GIB},
                        {0, 10 * GIB, 0, 10 * GIB},
                        {0, 1 * GIB + 1, 1 * GIB, 1},
                        {0, 1 * GIB, 1 * GIB, 1},
                        {0, 5 * MIB, 1 * GIB, 1},
                        {0, 0, 0, 1},
                        {0, 10 * GIB, UINT64_MAX, 1},
                        {8 * MIB, 10 * GIB, 1 * GIB, 8 * MIB},
                        /* Somebody said so. */
                        {20 * GIB, 10 * GIB, 1 * GIB, 20 * GIB},
                        {20 * GIB, 0, 1 * GIB, 20 * GIB},
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                assert_int_equal(unpacking_max_bytes(cases[i].set_bytes,
                                                 cases[i].free_bytes,
                                                 cases[i].reserve_bytes),
                                cases[i].most_bytes);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_the_reserve_is_not_touched_unless_a_size_is_set),
        };

        return cmocka_run_group_tests_name("unpacking", tests, NULL, NULL);
}
