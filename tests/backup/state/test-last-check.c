/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup-fixture.h"

#include <string.h>
#include <sys/stat.h>

#include "backup/state/last-check.h"
#include "base/names.h"

#define CHECKED_USEC (UINT64_C(1769219181) * USEC_PER_SEC)

static void test_what_was_stored_is_read_again(void **state)
{
        assert_int_equal(last_check_load(*state), 0);
        last_check_note(*state, CHECKED_USEC);
        assert_int_equal(last_check_load(*state), CHECKED_USEC);
}

/* Then it is not known, and the check is made anew. */
static void test_what_is_not_understood_counts_as_never(void **state)
{
        static const char *const documents[] = {"", "{", "[]", "{\"checked_usec\": \"now\"}", "{}"};

        for (size_t i = 0; i < ELEMENTSOF(documents); i++) {
                fixture_write(fixture_path(LAST_CHECK_FILE), documents[i], strlen(documents[i]));
                assert_int_equal(last_check_load(*state), 0);
        }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                        TEST(test_what_was_stored_is_read_again),
                        TEST(test_what_is_not_understood_counts_as_never),
        };

        return cmocka_run_group_tests_name("last-check", tests, NULL, NULL);
}
