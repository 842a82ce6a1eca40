/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "log-fixture.h"

#include <string.h>

#include "records/account-change.h"

static void execute(const char *sql)
{
        assert_int_equal(connection_execute(log_connection, sql, NULL), 0);
}

static int64_t count(const char *what)
{
        char sql[512];
        int64_t n;

        (void) snprintf(sql, sizeof sql, "SELECT count(*) FROM users WHERE %s", what);
        assert_int_equal(connection_query_integer(log_connection, sql, &n, NULL), 0);
        /* Nothing is left open. */
        assert_int_equal(sqlite3_get_autocommit(log_connection->handle), 1);
        return n;
}

static AccountDraft draft(const char *username, const char *email)
{
        return (AccountDraft){
                        .username = username,
                        .email = email,
                        .password_hash = "$2b$04$hash",
                        .created_usec = NOW_USEC,
        };
}

static void test_creates_a_row_as_the_application_does(void **state)
{
        AccountDraft wanted = draft("b\xc3\xa9"
                                    "a",
                        "bea@example.org");
        _cleanup_fault_ Fault fault = {0};
        Account account;

        wanted.is_approved = true;
        assert_int_equal(account_create(log_connection, &wanted, &account, &fault), 0);
        assert_int_equal(account.id, 2);
        assert_int_equal(count("username = 'b\xc3\xa9"
                               "a' AND email = 'bea@example.org' AND password = '$2b$04$hash' "
                               "AND is_admin = 0 AND is_approved = 1 AND is_active = 1 AND "
                               "subscription_plan = "
                               "'free' AND subscription_status = 'inactive' AND created_at = '2026-01-24 "
                               "01:46:21.123456' AND last_login_at IS NULL AND profile_photo IS NULL"),
                        1);
        /* RFC 4122: version 4, variant 10. */
        assert_int_equal(count("unique_id LIKE '________-____-4___-____-____________' AND substr(unique_id, "
                               "20, 1) IN "
                               "('8', '9', 'a', 'b')"),
                        1);
        account_done(&account);

        wanted = draft("carl", NULL);
        wanted.is_admin = true;
        assert_int_equal(account_create(log_connection, &wanted, &account, &fault), 0);
        account_done(&account);
        assert_int_equal(count("username = 'carl' AND email IS NULL AND is_admin = 1 AND is_approved = 0"),
                        1);
        assert_int_equal(count("unique_id NOTNULL"), 2);
}

static void test_names_and_addresses_are_taken_once(void **state)
{
        AccountDraft again = draft("ann", NULL), same_address = draft("bea", "ann@example.org");
        Fault fault = {0};
        Account account;

        execute("UPDATE users SET email = 'ann@example.org'");
        assert_int_equal(account_create(log_connection, &again, &account, &fault), -EEXIST);
        fixture_assert_fault(&fault, FAULT_CONFLICT, "an account 'ann' already");
        assert_int_equal(account_create(log_connection, &same_address, &account, &fault), -EEXIST);
        fixture_assert_fault(&fault, FAULT_CONFLICT, "the address ann@example.org already");
        assert_int_equal(count("1"), 1);
}

static void test_what_is_no_name_is_not_created(void **state)
{
        AccountDraft nameless = draft("", NULL), mailless = draft("bea", "nowhere");
        Account account;

        assert_int_equal(account_create(log_connection, &nameless, &account, NULL), -EINVAL);
        assert_int_equal(account_create(log_connection, &mailless, &account, NULL), -EINVAL);
        assert_int_equal(count("1"), 1);
}

static void test_flags_are_set_and_cleared(void **state)
{
        static const char *const columns[_ACCOUNT_FLAG_MAX] = {[ACCOUNT_ACTIVE] = "is_active",
                        [ACCOUNT_APPROVED] = "is_approved",
                        [ACCOUNT_ADMIN] = "is_admin"};
        _cleanup_fault_ Fault fault = {0};

        execute("INSERT INTO users(username, password, is_admin, is_approved) VALUES('root', 'x', 1, 1)");
        for (AccountFlag flag = 0; flag < _ACCOUNT_FLAG_MAX; flag++)
                for (int value = 1; value >= 0; value--) {
                        char what[128];

                        (void) snprintf(what,
                                        sizeof what,
                                        "username = 'ann' AND %s = %d",
                                        columns[flag],
                                        value);
                        assert_int_equal(account_set_flag(log_connection, "ann", flag, value, &fault), 0);
                        assert_int_equal(count(what), 1);
                }
        assert_int_equal(count("username = 'root' AND is_admin AND is_approved AND is_active"), 1);
        assert_int_equal(account_set_flag(log_connection, "nobody", ACCOUNT_ACTIVE, true, &fault), -ENXIO);
}

static void test_the_last_administrator_stays(void **state)
{
        Fault fault = {0};

        execute("UPDATE users SET is_admin = 1, is_approved = 1");
        /* These can't sign in, and so don't count. */
        execute("INSERT INTO users(username, password, is_admin, is_approved, is_active) VALUES('off', 'x', "
                "1, 1, "
                "0), ('new', 'x', 1, 0, 1)");
        for (AccountFlag flag = 0; flag < _ACCOUNT_FLAG_MAX; flag++) {
                assert_int_equal(account_set_flag(log_connection, "ann", flag, false, &fault), -EEXIST);
                fixture_assert_fault(&fault, FAULT_CONFLICT, "last administrator");
        }
        assert_int_equal(account_delete(log_connection, "ann", &fault), -EEXIST);
        fixture_assert_fault(&fault, FAULT_CONFLICT, "last administrator");
        assert_int_equal(count("username = 'ann' AND is_admin AND is_approved AND is_active"), 1);

        assert_int_equal(account_set_flag(log_connection, "off", ACCOUNT_ADMIN, false, &fault), 0);
        assert_int_equal(account_set_flag(log_connection, "new", ACCOUNT_APPROVED, true, &fault), 0);
        assert_int_equal(account_set_flag(log_connection, "ann", ACCOUNT_ADMIN, false, &fault), 0);
}

static void test_a_password_is_set(void **state)
{
        _cleanup_fault_ Fault fault = {0};

        assert_int_equal(account_set_password(log_connection, "ann", "$2b$04$new", &fault), 0);
        assert_int_equal(count("password = '$2b$04$new'"), 1);
        assert_int_equal(account_set_password(log_connection, "nobody", "$2b$04$new", &fault), -ENXIO);
}

static void test_a_sign_in_leaves_its_moment(void **state)
{
        _cleanup_fault_ Fault fault = {0};

        assert_int_equal(account_signed_in(log_connection, 1, NOW_USEC, "x", NULL, &fault), 0);
        assert_int_equal(count("last_login_at = '2026-01-24 01:46:21.123456' AND password = 'x'"), 1);
        assert_int_equal(account_signed_in(log_connection, 1, NOW_USEC, "x", "$2b$04$new", &fault), 0);
        assert_int_equal(count("password = '$2b$04$new'"), 1);
        /* Somebody else has set another one while this was hashed. */
        assert_int_equal(account_signed_in(log_connection, 1, NOW_USEC, "x", "$2b$04$late", &fault), 0);
        assert_int_equal(count("password = '$2b$04$new'"), 1);
}

static void test_an_unused_account_is_deleted(void **state)
{
        _cleanup_fault_ Fault fault = {0};

        assert_int_equal(account_delete(log_connection, "ann", &fault), 0);
        assert_int_equal(count("1"), 0);
        assert_int_equal(account_delete(log_connection, "ann", &fault), -ENXIO);
}

static void test_an_account_that_rows_refer_to_stays(void **state)
{
        Fault fault = {0};

        execute("INSERT INTO access_logs(user_id, action_type) VALUES(1, 'sign_in'), (1, 'sign_in')");
        execute("INSERT INTO system_logs(admin_id, action_type, message) VALUES(1, 'x', 'x')");
        assert_int_equal(account_delete(log_connection, "ann", &fault), -EEXIST);
        assert_non_null(strstr(fault.message, "access_logs.user_id (2), system_logs.admin_id (1)"));
        fixture_assert_fault(&fault, FAULT_CONFLICT, "Disable it instead");
        assert_int_equal(count("1"), 1);
        execute("DELETE FROM access_logs");
        execute("DELETE FROM system_logs");
        assert_int_equal(account_delete(log_connection, "ann", &fault), 0);
}

/* The application's own tables may say that rows go with their account; and may name it by something else.
 */
static void test_nothing_goes_with_an_account(void **state)
{
        Fault fault = {0};
        int64_t n;

        execute("CREATE TABLE \"odd \"\"name\"(owner TEXT REFERENCES Users(username) ON DELETE CASCADE)");
        execute("INSERT INTO \"odd \"\"name\" VALUES('ann'), (NULL), ('ann')");
        assert_int_equal(account_delete(log_connection, "ann", &fault), -EEXIST);
        fixture_assert_fault(&fault, FAULT_CONFLICT, "odd \"name.owner (2)");
        assert_int_equal(
                        connection_query_integer(
                                        log_connection, "SELECT count(*) FROM \"odd \"\"name\"", &n, &fault),
                        0);
        assert_int_equal(n, 3);
}

static void test_rows_of_every_table_are_found(void **state)
{
        sqlite3 *handle = fixture_open(fixture_path("live.db"));
        Fault fault = {0};

        execute("CREATE TABLE mine(who REFERENCES users); INSERT INTO mine VALUES(1)");
        fixture_blur_type(handle, "mine");
        fixture_close(handle);
        assert_int_equal(account_delete(log_connection, "ann", &fault), -EEXIST);
        fixture_assert_fault(&fault, FAULT_CONFLICT, "mine.who (1)");
}

static void test_many_tables_are_named_as_far_as_they_fit(void **state)
{
        Fault fault = {0};

        for (int i = 0; i < 12; i++) {
                char sql[512];

                (void) snprintf(sql,
                                sizeof sql,
                                "CREATE TABLE table_with_a_rather_long_name_of_its_own_%d(who REFERENCES "
                                "users); INSERT "
                                "INTO table_with_a_rather_long_name_of_its_own_%d VALUES(1)",
                                i,
                                i);
                execute(sql);
        }
        assert_int_equal(account_delete(log_connection, "ann", &fault), -EEXIST);
        assert_true(strlen(fault.message) < 1024);
        fixture_assert_fault(&fault, FAULT_CONFLICT, ", …. Disable");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, log_setup, log_teardown)

/* As an older version of the application's models made it. */
static void test_a_table_of_fewer_columns(void **state)
{
        const AccountDraft plain = {.username = "ben", .password_hash = "h", .is_approved = true};
        const AccountDraft with_email = {.username = "eve", .email = "e@x", .password_hash = "h"};
        const AccountDraft admin = {.username = "eve", .password_hash = "h", .is_admin = true};
        Account account;
        Fault fault = {0};

        assert_int_equal(connection_execute(log_connection,
                                         "DROP TABLE users; CREATE TABLE users(id INTEGER PRIMARY KEY, "
                                         "username "
                                         "TEXT UNIQUE, password TEXT)",
                                         NULL),
                        0);
        assert_int_equal(account_create(log_connection, &plain, &account, &fault), 0);
        assert_true(account.is_active);
        assert_true(account.is_approved);
        assert_false(account.is_admin);
        assert_string_equal(account.unique_id, "");
        account_done(&account);
        assert_int_equal(account_create(log_connection, &with_email, &account, &fault), -EOPNOTSUPP);
        fixture_assert_fault(&fault, FAULT_NOT_SUPPORTED, "no column email, so accounts have no address");
        assert_int_equal(account_create(log_connection, &admin, &account, &fault), -EOPNOTSUPP);
        fixture_assert_fault(&fault, FAULT_NOT_SUPPORTED, "is_admin");
        assert_int_equal(
                        account_set_flag(log_connection, "ben", ACCOUNT_ACTIVE, false, &fault), -EOPNOTSUPP);
        fixture_assert_fault(&fault, FAULT_NOT_SUPPORTED, "is_active, so accounts can't be disabled");
        assert_int_equal(account_set_password(log_connection, "ben", "i", &fault), 0);
        assert_int_equal(account_signed_in(log_connection, 1, NOW_USEC, "i", "j", &fault), 0);
        assert_int_equal(account_delete(log_connection, "ben", &fault), 0);
}

static void test_a_table_without_passwords_is_no_table_of_accounts(void **state)
{
        const AccountDraft draft = {.username = "ben", .password_hash = "h"};
        Account account;
        Fault fault = {0};

        assert_int_equal(connection_execute(log_connection,
                                         "DROP TABLE users; CREATE TABLE users(id INTEGER PRIMARY KEY, "
                                         "username "
                                         "TEXT)",
                                         NULL),
                        0);
        assert_int_equal(account_create(log_connection, &draft, &account, &fault), -EOPNOTSUPP);
        fixture_assert_fault(&fault, FAULT_NOT_SUPPORTED, "users has no column password, which accounts");
}

static void test_the_first_account_makes_the_table(void **state)
{
        const AccountDraft draft = {.username = "ben", .password_hash = "h"};
        Account account, *accounts = NULL;
        Fault fault = {0};
        size_t n;

        assert_int_equal(connection_execute(
                                         log_connection, "PRAGMA foreign_keys=OFF; DROP TABLE users", NULL),
                        0);
        assert_int_equal(account_list(log_connection, 0, 10, &accounts, &n, &fault), 0);
        assert_int_equal(n, 0);
        account_free_many(accounts, n);
        assert_int_equal(account_find(log_connection, "ben", &account, NULL, &fault),
                        fault_errno(FAULT_NOT_FOUND));
        fault_done(&fault);
        assert_int_equal(account_create(log_connection, &draft, &account, &fault), 0);
        assert_true(account.unique_id[0]);
        account_done(&account);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        TEST(test_creates_a_row_as_the_application_does),
                        TEST(test_names_and_addresses_are_taken_once),
                        TEST(test_what_is_no_name_is_not_created),
                        TEST(test_flags_are_set_and_cleared),
                        TEST(test_the_last_administrator_stays),
                        TEST(test_a_password_is_set),
                        TEST(test_a_sign_in_leaves_its_moment),
                        TEST(test_an_unused_account_is_deleted),
                        TEST(test_an_account_that_rows_refer_to_stays),
                        TEST(test_nothing_goes_with_an_account),
                        TEST(test_rows_of_every_table_are_found),
                        TEST(test_many_tables_are_named_as_far_as_they_fit),
                        TEST(test_a_table_of_fewer_columns),
                        TEST(test_a_table_without_passwords_is_no_table_of_accounts),
                        TEST(test_the_first_account_makes_the_table),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
