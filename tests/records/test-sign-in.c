/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "log-fixture.h"

#include <string.h>

#include "crypt-count.h"
#include "records/account-change.h"
#include "records/sign-in-limits.h"
#include "records/sign-in.h"
#include "werkzeug-vectors.h"

#define COST 4

static Connection *limits;

static int setup(void **state)
{
        if (log_setup(state) != 0)
                return -1;
        assert_int_equal(connection_execute(log_connection,
                                         "UPDATE users SET is_approved = 1, password = "
                                         "'$2b$04$cVWp4XaNU8a4v1uMRum2SO026BWLIoQMD/TXg5uZV.0P.uO8m3YEm'",
                                         NULL),
                        0);
        assert_int_equal(sign_in_limits_open(fixture_path("failures.db"), NOW_USEC, &limits, NULL), 0);
        return 0;
}

static int teardown(void **state)
{
        limits = connection_close(limits);
        return log_teardown(state);
}

static SignInAttempt attempt(const char *username, const char *password)
{
        return (SignInAttempt){
                        .username = username,
                        .password = password,
                        .caller = 1000,
                        .cost = COST,
                        .now_usec = NOW_USEC,
        };
}

static SignInResult try(SignInAttempt wanted, uint64_t *ret_retry_usec)
{
        _cleanup_fault_ Fault fault = {0};
        SignInAnswer answer;

        assert_int_equal(sign_in(log_connection, limits, &wanted, &answer, &fault), 0);
        /* Only who knows the password learns anything of the account. */
        if (answer.result == SIGN_IN_WRONG || answer.result == SIGN_IN_LIMITED)
                assert_null(answer.account.username);
        else
                assert_string_equal(answer.account.username, "ann");
        assert_int_equal(answer.user_id,
                        answer.result != SIGN_IN_LIMITED && strcmp(wanted.username, "ann") == 0);
        if (ret_retry_usec)
                *ret_retry_usec = answer.retry_usec;
        account_done(&answer.account);
        return answer.result;
}

static int64_t count(const char *what)
{
        char sql[512];
        int64_t n;

        (void) snprintf(sql, sizeof sql, "SELECT count(*) FROM users WHERE %s", what);
        assert_int_equal(connection_query_integer(log_connection, sql, &n, NULL), 0);
        return n;
}

static void test_the_right_password_is_accepted(void **state)
{
        assert_int_equal(try(attempt("ann", "Kk4DQuMMfZL9o"), NULL), SIGN_IN_ACCEPTED);
        assert_int_equal(count("last_login_at = '2026-01-24 01:46:21.123456' AND password LIKE "
                               "'$2b$04$cVWp%'"),
                        1);
}

static void test_a_wrong_one_leaves_the_database_as_it_was(void **state)
{
        int changes = sqlite3_total_changes(log_connection->handle);

        assert_int_equal(try(attempt("ann", "wrong"), NULL), SIGN_IN_WRONG);
        assert_int_equal(try(attempt("nobody", "wrong"), NULL), SIGN_IN_WRONG);
        assert_int_equal(sqlite3_total_changes(log_connection->handle), changes);
        assert_int_equal(count("last_login_at IS NULL"), 1);
}

static void test_the_state_is_told_after_the_right_password_only(void **state)
{
        static const struct {
                const char *flags;
                SignInResult result;
        } cases[] = {
                        {"is_active = 0", SIGN_IN_INACTIVE},
                        {"is_active = NULL", SIGN_IN_INACTIVE},
                        {"is_active = 1, is_approved = 0", SIGN_IN_UNAPPROVED},
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                char sql[128];

                (void) snprintf(sql, sizeof sql, "UPDATE users SET %s", cases[i].flags);
                assert_int_equal(connection_execute(log_connection, sql, NULL), 0);
                assert_int_equal(try(attempt("ann", "wrong"), NULL), SIGN_IN_WRONG);
                assert_int_equal(try(attempt("ann", "Kk4DQuMMfZL9o"), NULL), cases[i].result);
                assert_int_equal(count("last_login_at IS NULL"), 1);
        }
}

static void test_an_old_hash_is_replaced_by_bcrypt(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(werkzeug_vectors); i++) {
                char *sql = sqlite3_mprintf("UPDATE users SET password = %Q", werkzeug_vectors[i].hash);

                assert_int_equal(connection_execute(log_connection, sql, NULL), 0);
                sqlite3_free(sql);
                assert_int_equal(try(attempt("ann", "wrong"), NULL), SIGN_IN_WRONG);
                assert_int_equal(count("password LIKE '$2b$04$%'"), 0);
                assert_int_equal(try(attempt("ann", werkzeug_vectors[i].password), NULL), SIGN_IN_ACCEPTED);
                assert_int_equal(count("password LIKE '$2b$04$%'"), 1);
                assert_int_equal(try(attempt("ann", werkzeug_vectors[i].password), NULL), SIGN_IN_ACCEPTED);
        }
}

static void test_guessing_is_limited_for_names_that_there_are_and_others_alike(void **state)
{
        static const char *const names[] = {"ann", "nobody"};

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                SignInAttempt wanted = attempt(names[i], "wrong");
                uint64_t retry_usec;

                for (int n = 0; n < 5; n++)
                        assert_int_equal(try(wanted, NULL), SIGN_IN_WRONG);
                crypt_count_reset();
                assert_int_equal(try(wanted, &retry_usec), SIGN_IN_LIMITED);
                assert_int_equal(retry_usec, USEC_PER_SEC);
                /* The right one doesn't get through either, and costs nothing: else the limit would tell it.
                 */
                wanted.password = "Kk4DQuMMfZL9o";
                assert_int_equal(try(wanted, NULL), SIGN_IN_LIMITED);
                assert_int_equal(crypt_calls, 0);
        }
        SignInAttempt later = attempt("ann", "Kk4DQuMMfZL9o");
        later.now_usec += USEC_PER_SEC;
        assert_int_equal(try(later, NULL), SIGN_IN_ACCEPTED);
        /* And the count begins again. */
        for (int n = 0; n < 4; n++)
                assert_int_equal(try(attempt("ann", "wrong"), NULL), SIGN_IN_WRONG);
        assert_int_equal(try(attempt("ann", "Kk4DQuMMfZL9o"), NULL), SIGN_IN_ACCEPTED);
}

/* With such a collation each spelling would otherwise have its own tries: 64 of a name of six letters. */
static void test_all_spellings_of_a_name_are_one_account(void **state)
{
        static const char *const spellings[] = {"ann", "Ann", "ANN", "aNN", "anN", "AnN"};
        sqlite3 *handle = fixture_open(fixture_path("live.db"));
        uint64_t retry_usec = 0;

        fixture_execute(handle,
                        "PRAGMA writable_schema=ON; UPDATE sqlite_schema SET sql = replace(sql, 'username "
                        "VARCHAR(80)', 'username VARCHAR(80) COLLATE NOCASE') WHERE name = 'users'");
        fixture_close(handle);
        log_connection = connection_close(log_connection);
        log_connection = fixture_connect(fixture_path("live.db"), CONNECTION_WRITE);
        for (size_t i = 0; i < ELEMENTSOF(spellings); i++) {
                SignInAttempt wanted = attempt(spellings[i], "wrong");
                SignInAnswer answer;

                assert_int_equal(sign_in(log_connection, limits, &wanted, &answer, NULL), 0);
                assert_int_equal(answer.result, i < 5 ? SIGN_IN_WRONG : SIGN_IN_LIMITED);
                retry_usec = answer.retry_usec;
                assert_null(answer.account.username);
        }
        assert_int_equal(retry_usec, USEC_PER_SEC);
}

static void fail_with_many_names(const char *address, unsigned n)
{
        for (unsigned i = 0; i < n; i++) {
                char name[32];
                SignInAttempt wanted = attempt(name, "wrong");

                (void) snprintf(name, sizeof name, "guess%u", i);
                wanted.address = address;
                assert_int_equal(try(wanted, NULL), SIGN_IN_WRONG);
        }
}

static void test_an_address_is_limited_and_not_the_caller_in_its_name(void **state)
{
        SignInAttempt wanted = attempt("ann", "Kk4DQuMMfZL9o");

        fail_with_many_names("192.0.2.1", 20);
        wanted.address = "192.0.2.1";
        assert_int_equal(try(wanted, NULL), SIGN_IN_LIMITED);
        wanted.address = "192.0.2.2";
        assert_int_equal(try(wanted, NULL), SIGN_IN_ACCEPTED);
        /* Own success does not give further tries at others. */
        wanted.address = "192.0.2.1";
        wanted.now_usec += USEC_PER_SEC;
        assert_int_equal(try(wanted, NULL), SIGN_IN_ACCEPTED);
        wanted.username = "guess";
        assert_int_equal(try(wanted, NULL), SIGN_IN_WRONG);
        assert_int_equal(try(wanted, NULL), SIGN_IN_LIMITED);
}

static void test_a_caller_without_an_address_is_limited(void **state)
{
        SignInAttempt wanted = attempt("ann", "Kk4DQuMMfZL9o");

        fail_with_many_names(NULL, 100);
        assert_int_equal(try(wanted, NULL), SIGN_IN_LIMITED);
        wanted.caller = 1001;
        assert_int_equal(try(wanted, NULL), SIGN_IN_ACCEPTED);
}

static void test_what_can_not_be_counted_is_not_answered(void **state)
{
        SignInAttempt wanted = attempt("ann", "wrong");
        Fault fault = {0};
        SignInAnswer answer = {.result = _SIGN_IN_RESULT_INVALID};

        assert_int_equal(connection_execute(limits, "PRAGMA query_only = ON", NULL), 0);
        assert_true(sign_in(log_connection, limits, &wanted, &answer, &fault) < 0);
        assert_int_equal(answer.result, _SIGN_IN_RESULT_INVALID);
        assert_null(strstr(fault.message, "wrong"));
        fixture_assert_fault(&fault, FAULT_READ_ONLY, "failures.db");
}

static void test_every_result_has_a_word(void **state)
{
        for (SignInResult result = 0; result < _SIGN_IN_RESULT_MAX; result++)
                assert_non_null(sign_in_result_to_string(result));
        assert_null(sign_in_result_to_string(_SIGN_IN_RESULT_INVALID));
}

static void test_addresses(void **state)
{
        static const char *const pairs[][2] = {
                        {"192.0.2.1", "192.0.2.1"},
                        {"::ffff:192.0.2.1", "192.0.2.1"},
                        {"2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"},
                        {"2001:0DB8:1:2::9", "2001:db8:1:2::"},
                        {"::1", "::"},
        };
        static const char *const bad[] = {
                        "", "localhost", "192.0.2", "192.0.2.1:80", "fe80::1%eth0", "1.2.3.4 "};
        char text[SIGN_IN_ADDRESS_MAX];

        for (size_t i = 0; i < ELEMENTSOF(pairs); i++) {
                assert_int_equal(sign_in_read_address(pairs[i][0], text, NULL), 0);
                assert_string_equal(text, pairs[i][1]);
        }
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_int_equal(sign_in_read_address(bad[i], text, NULL), -EINVAL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                        TEST(test_the_right_password_is_accepted),
                        TEST(test_a_wrong_one_leaves_the_database_as_it_was),
                        TEST(test_the_state_is_told_after_the_right_password_only),
                        TEST(test_an_old_hash_is_replaced_by_bcrypt),
                        TEST(test_guessing_is_limited_for_names_that_there_are_and_others_alike),
                        TEST(test_all_spellings_of_a_name_are_one_account),
                        TEST(test_an_address_is_limited_and_not_the_caller_in_its_name),
                        TEST(test_a_caller_without_an_address_is_limited),
                        TEST(test_what_can_not_be_counted_is_not_answered),
                        cmocka_unit_test(test_every_result_has_a_word),
                        cmocka_unit_test(test_addresses),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
