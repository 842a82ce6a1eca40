/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "log-fixture.h"

#include <string.h>

#include "records/account.h"

static void execute(const char *sql)
{
        assert_int_equal(connection_execute(log_connection, sql, NULL), 0);
}

static void test_finds_one_with_all_that_it_has(void **state)
{
        _cleanup_fault_ Fault fault = {0};
        char *stored = NULL;
        Account account;

        execute("UPDATE users SET email = 'ann@example.org', is_admin = 1, is_approved = 1, unique_id = "
                "'u-1', "
                "created_at = '2026-01-24 01:46:21.123456', last_login_at = '2026-01-24 01:46:22', "
                "subscription_expires_at = 'never'");
        assert_int_equal(account_find(log_connection, "ann", &account, &stored, &fault), 0);
        assert_int_equal(account.id, 1);
        assert_string_equal(account.username, "ann");
        assert_string_equal(account.email, "ann@example.org");
        assert_string_equal(account.unique_id, "u-1");
        assert_string_equal(account.subscription_plan, "free");
        assert_string_equal(account.subscription_status, "inactive");
        assert_true(account.is_admin && account.is_approved && account.is_active);
        assert_int_equal(account.created_usec, NOW_USEC);
        assert_int_equal(account.last_login_usec, NOW_USEC - 123456 + USEC_PER_SEC);
        assert_int_equal(account.subscription_expires_usec, 0);
        assert_int_equal(account.password_format, PASSWORD_PLAIN);
        assert_string_equal(stored, "x");
        free(stored);
        account_done(&account);
}

static void test_names_are_compared_exactly(void **state)
{
        static const char *const names[] = {"Ann", "ann ", "an", "a%", "ann' OR '1'='1"};

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                Fault fault = {0};
                Account account;

                assert_int_equal(account_find(log_connection, names[i], &account, NULL, &fault), -ENXIO);
                fixture_assert_fault(&fault, FAULT_NOT_FOUND, "There is no account");
        }
}

static void test_rows_that_the_application_left_odd_are_readable(void **state)
{
        _cleanup_fault_ Fault fault = {0};
        char *stored = NULL;
        Account account;

        execute("UPDATE users SET email = NULL, is_active = NULL, is_admin = 'x', password = '', "
                "subscription_plan = CAST(x'66ff' AS TEXT), subscription_status = "
                "CAST(replace(hex(zeroblob(5000)), '0', 'a') AS TEXT), created_at = NULL");
        assert_int_equal(account_find(log_connection, "ann", &account, &stored, &fault), 0);
        assert_string_equal(account.email, "");
        assert_string_equal(account.subscription_plan, "f?");
        assert_int_equal(strlen(account.subscription_status), 1024);
        assert_false(account.is_active || account.is_admin);
        assert_int_equal(account.created_usec, 0);
        assert_int_equal(account.password_format, PASSWORD_NONE);
        free(stored);
        account_done(&account);
}

static void test_lists_page_by_page(void **state)
{
        _cleanup_fault_ Fault fault = {0};
        Account *accounts;
        size_t n, n_all = 0;
        int64_t last = 0;

        execute("WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 25) INSERT INTO "
                "users(id, username, password) SELECT i * 3, 'user' || i, 'x' FROM n");
        do {
                assert_int_equal(account_list(log_connection, last, 10, &accounts, &n, &fault), 0);
                assert_true(n <= 10);
                for (size_t i = 0; i < n; i++) {
                        assert_true(accounts[i].id > last);
                        last = accounts[i].id;
                }
                n_all += n;
                account_free_many(accounts, n);
        } while (n == 10);
        assert_int_equal(n_all, 25);
        assert_int_equal(last, 75);
}

static void test_a_page_is_bounded(void **state)
{
        static const size_t limits[] = {0, ACCOUNT_PAGE_MAX + 1};
        Account *accounts;
        size_t n;

        for (size_t i = 0; i < ELEMENTSOF(limits); i++) {
                Fault fault = {0};

                assert_int_equal(account_list(log_connection, 0, limits[i], &accounts, &n, &fault), -EINVAL);
                fixture_assert_fault(&fault, FAULT_INVALID_ARGUMENT, "1 to 1000");
        }
}

static void check_name(const char *name, bool good)
{
        Fault fault = {0};

        assert_int_equal(account_check_name(name, &fault), good ? 0 : -EINVAL);
        if (!good)
                fixture_assert_fault(&fault, FAULT_INVALID_ARGUMENT, "name of an account");
}

static void test_names(void **state)
{
        char text[2 * ACCOUNT_NAME_MAX + 3] = {0};

        check_name("ann", true);
        check_name("Jean-Fran\xc3\xa7ois d'Arc", true);
        check_name("", false);
        check_name(" ann", false);
        check_name("ann ", false);
        check_name("a\nb", false);
        check_name("a\x1b[0m", false);
        check_name("\xff", false);
        for (size_t i = 0; i < ACCOUNT_NAME_MAX; i++)
                (void) memcpy(text + 2 * i, "\xc3\xa9", 2);
        check_name(text, true);
        (void) strcat(text, "e");
        check_name(text, false);
}

static void test_addresses(void **state)
{
        static const char *const bad[] = {
                        "", "ann", "@example.org", "ann@", "a b@example.org", "a\n@example.org"};
        _cleanup_fault_ Fault fault = {0};
        char text[ACCOUNT_EMAIL_MAX + 2] = {0};

        assert_int_equal(account_check_email("ann@example.org", &fault), 0);
        (void) memset(text, 'x', ACCOUNT_EMAIL_MAX + 1);
        text[3] = '@';
        assert_int_equal(account_check_email(text, NULL), -EINVAL);
        text[ACCOUNT_EMAIL_MAX] = '\0';
        assert_int_equal(account_check_email(text, &fault), 0);
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_int_equal(account_check_email(bad[i], NULL), -EINVAL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, log_setup, log_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                        TEST(test_finds_one_with_all_that_it_has),
                        TEST(test_names_are_compared_exactly),
                        TEST(test_rows_that_the_application_left_odd_are_readable),
                        TEST(test_lists_page_by_page),
                        TEST(test_a_page_is_bounded),
                        cmocka_unit_test(test_names),
                        cmocka_unit_test(test_addresses),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
