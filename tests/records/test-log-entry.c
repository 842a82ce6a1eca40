/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "log-fixture.h"

#include <string.h>

static void refuse(const LogEntry *entry, const char *words)
{
        Fault fault = {0};

        assert_int_equal(log_entry_check(entry, &fault), fault_errno(FAULT_INVALID_ARGUMENT));
        fixture_assert_fault(&fault, FAULT_INVALID_ARGUMENT, words);
}

static char *long_text(size_t n)
{
        char *text = malloc(n + 1);

        assert_non_null(text);
        (void) memset(text, 'a', n);
        text[n] = '\0';
        return text;
}

static void test_good_entries(void **state)
{
        LogEntry entry = log_system_entry();

        assert_int_equal(log_entry_check(&entry, NULL), 0);
        entry.extra_data = NULL;
        entry.user_id = LOG_ID_MAX;
        assert_int_equal(log_entry_check(&entry, NULL), 0);
        /* A message may have lines; it is shown safely. */
        entry.message = "one\ntwo";
        assert_int_equal(log_entry_check(&entry, NULL), 0);
        entry = log_access_entry();
        assert_int_equal(log_entry_check(&entry, NULL), 0);
}

static void test_bad_texts(void **state)
{
        LogEntry entry = log_system_entry();
        _cleanup_free_ char *message = long_text(LOG_MESSAGE_MAX_BYTES + 1);
        _cleanup_free_ char *extra = long_text(LOG_EXTRA_MAX_BYTES + 1);
        _cleanup_free_ char *type = long_text(LOG_TYPE_MAX_BYTES + 1);

        entry.action_type = "";
        refuse(&entry, "type is empty");
        entry.action_type = type;
        refuse(&entry, "type is longer than 50 bytes");
        entry.action_type = "a\nb";
        refuse(&entry, "control character");
        entry = log_system_entry();
        entry.message = NULL;
        refuse(&entry, "no message");
        entry.message = message;
        refuse(&entry, "message is longer");
        entry.message = "\xff";
        refuse(&entry, "UTF-8");
        entry = log_system_entry();
        entry.severity = "fatal";
        refuse(&entry, "severity");
        entry.severity = NULL;
        refuse(&entry, "severity");
        entry = log_system_entry();
        entry.extra_data = "\"\xc3\"";
        refuse(&entry, "UTF-8");
        entry.extra_data = extra;
        refuse(&entry, "extra data is longer");
        entry = log_access_entry();
        entry.subscription_plan = "123456789012345678901";
        refuse(&entry, "plan is longer");
        entry = log_access_entry();
        entry.ip_address = "1234567890123456789012345678901234567890123456";
        refuse(&entry, "address is longer");
}

static void test_bad_numbers(void **state)
{
        LogEntry entry = log_access_entry();

        entry.user_id = 0;
        refuse(&entry, "needs the user");
        entry.user_id = -1;
        refuse(&entry, "-1");
        entry = log_access_entry();
        entry.prediction_id = LOG_ID_MAX + 1;
        refuse(&entry, "prediction");
        entry = log_access_entry();
        entry.match_id = INT64_MIN;
        refuse(&entry, "match");
        entry = log_system_entry();
        entry.admin_id = -5;
        refuse(&entry, "administrator");
        entry = log_system_entry();
        entry.created_usec = UINT64_MAX;
        refuse(&entry, "9999");
}

static void test_a_copy_is_whole_and_its_own(void **state)
{
        char address[] = "10.0.0.1";
        LogEntry entry = log_access_entry();
        _cleanup_free_ LogEntry *copy = NULL;

        entry.ip_address = address;
        copy = log_entry_copy(&entry);
        assert_non_null(copy);
        (void) memset(address, 'x', sizeof address - 1);
        assert_string_equal(copy->ip_address, "10.0.0.1");
        assert_string_equal(copy->action_type, "sign_in");
        assert_null(copy->extra_data);
        assert_int_equal(copy->match_id, 7);
        assert_int_equal(log_entry_size(copy),
                        sizeof(LogEntry) + sizeof("10.0.0.1") + sizeof("sign_in") + sizeof("free"));
}

static void test_tables_have_names(void **state)
{
        assert_string_equal(log_table_to_string(LOG_SYSTEM), "system_logs");
        assert_string_equal(log_table_to_string(LOG_ACCESS), "access_logs");
        assert_null(log_table_to_string(_LOG_TABLE_INVALID));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_good_entries),
                        cmocka_unit_test(test_bad_texts),
                        cmocka_unit_test(test_bad_numbers),
                        cmocka_unit_test(test_a_copy_is_whole_and_its_own),
                        cmocka_unit_test(test_tables_have_names),
        };

        return cmocka_run_group_tests_name("log-entry", tests, NULL, NULL);
}
