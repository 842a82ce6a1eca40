/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/facts/appearance.h"

#define MAKER true

static Appearance appearance;

static bool look(uint64_t now_seconds, uint64_t size_bytes, int64_t modified_nsec, bool open_by_maker)
{
        AppearanceLook now = {
                        .size_bytes = size_bytes,
                        .modified_nsec = modified_nsec,
                        .open_by_maker = open_by_maker,
                        .now_usec = now_seconds * USEC_PER_SEC,
        };

        return appearance_is_settled(&appearance, &now);
}

static int begin(void **state)
{
        appearance = (Appearance){0};
        return 0;
}

static void test_a_whole_one_needs_two_looks(void **state)
{
        assert_false(look(10, 4096, 1, false));
        assert_true(look(11, 4096, 1, false));
}

static void test_one_that_grows_is_waited_for_however_long(void **state)
{
        for (uint64_t i = 0; i < 1000; i++)
                assert_false(look(10 + i, 4096 * i, (int64_t) i, false));
        assert_true(look(1010, UINT64_C(4096) * 999, 999, false));
}

static void test_one_that_stalls_is_waited_for_while_its_maker_has_it_open(void **state)
{
        assert_false(look(10, 4096, 1, MAKER));
        assert_false(look(11, 4096, 1, MAKER));
        assert_false(look(69, 4096, 1, MAKER));
        assert_false(look(70, 8192, 2, MAKER));
        assert_false(look(71, 8192, 2, MAKER));
        assert_true(look(72, 8192, 2, false));
}

static void test_a_maker_that_keeps_it_open_is_no_copy(void **state)
{
        assert_false(look(10, 4096, 1, MAKER));
        assert_false(look(69, 4096, 1, MAKER));
        assert_true(look(70, 4096, 1, MAKER));
}

/* The size is there at once, and then the content. */
static void test_one_that_is_written_into_is_waited_for(void **state)
{
        assert_false(look(10, 4096, 1, false));
        assert_false(look(11, 4096, 2, false));
        assert_false(look(69, 4096, 3, false));
        assert_true(look(70, 4096, 4, false));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, begin)
        const struct CMUnitTest tests[] = {
                        TEST(test_a_whole_one_needs_two_looks),
                        TEST(test_one_that_grows_is_waited_for_however_long),
                        TEST(test_one_that_stalls_is_waited_for_while_its_maker_has_it_open),
                        TEST(test_a_maker_that_keeps_it_open_is_no_copy),
                        TEST(test_one_that_is_written_into_is_waited_for),
        };

        return cmocka_run_group_tests_name("appearance", tests, NULL, NULL);
}
