/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "restore-fixture.h"

#include <string.h>

#include "backup/state/last-attempt.h"

#define FILE_PATH "state/last-backup-fault.json"

static void note(FaultCode code, const char *message)
{
        last_attempt_note(restore_fixture_state_directory(),
                        &(Fault){.code = code, .message = (char *) message});
}

static void assert_told(const char *wanted)
{
        _cleanup_free_ char *told = last_attempt_load(restore_fixture_state_directory());

        if (wanted)
                assert_string_equal(told, wanted);
        else
                assert_null(told);
}

static void test_a_failure_is_known_until_a_success(void **state)
{
        assert_told(NULL);
        note(FAULT_NO_SPACE, "The disk \"é\" is\nfull");
        assert_told("The disk \"é\" is\nfull");
        note(FAULT_PERMISSION, "No");
        assert_told("No");
        note(FAULT_NONE, NULL);
        assert_told(NULL);
        note(FAULT_NONE, NULL);
        assert_told(NULL);
}

static void test_a_cancelled_attempt_was_none(void **state)
{
        note(FAULT_CANCELLED, "Stopped");
        assert_told(NULL);
        note(FAULT_NO_SPACE, "Full");
        note(FAULT_CANCELLED, "Stopped");
        assert_told("Full");
}

static void test_a_broken_document_tells_nothing(void **state)
{
        static const char *const texts[] = {"", "[]", "{\"fault\": 1}", "{}"};

        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                fixture_write(fixture_path(FILE_PATH), texts[i], strlen(texts[i]));
                assert_told(NULL);
        }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, restore_fixture_setup, restore_fixture_teardown)
        const struct CMUnitTest tests[] = {
                        TEST(test_a_failure_is_known_until_a_success),
                        TEST(test_a_cancelled_attempt_was_none),
                        TEST(test_a_broken_document_tells_nothing),
        };

        return cmocka_run_group_tests_name("last-attempt", tests, NULL, NULL);
}
