/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "../database/fixture.h"

#include <string.h>
#include <sys/stat.h>

#include "records/sign-in-limits.h"

#define NOW_USEC UINT64_C(1769219181123456)

static const SignInSubject account = {SIGN_IN_ACCOUNT, "ann"}, address = {SIGN_IN_ADDRESS, "192.0.2.1"},
                           caller = {SIGN_IN_CALLER, "1000"};
static Connection *limits;

static void reopen(uint64_t now_usec)
{
        _cleanup_fault_ Fault fault = {0};

        limits = connection_close(limits);
        assert_int_equal(sign_in_limits_open(fixture_path("failures.db"), now_usec, &limits, &fault), 0);
}

static int setup(void **state)
{
        if (fixture_setup(state) != 0)
                return -1;
        reopen(NOW_USEC);
        return 0;
}

static int teardown(void **state)
{
        limits = connection_close(limits);
        return fixture_teardown(state);
}

static uint64_t wait_of(SignInSubject subject, uint64_t now_usec)
{
        _cleanup_fault_ Fault fault = {0};
        uint64_t usec;

        assert_int_equal(sign_in_limits_wait(limits, &subject, 1, now_usec, &usec, &fault), 0);
        return usec;
}

static void failed(SignInSubject subject, unsigned n, uint64_t now_usec)
{
        _cleanup_fault_ Fault fault = {0};

        while (n-- > 0)
                assert_int_equal(sign_in_limits_count(limits, &subject, 1, now_usec, &fault), 0);
}

static void test_the_wait_grows(void **state)
{
        static const unsigned seconds[] = {0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900};

        for (size_t i = 0; i < ELEMENTSOF(seconds); i++) {
                failed(account, 1, NOW_USEC);
                assert_int_equal(wait_of(account, NOW_USEC), seconds[i] * USEC_PER_SEC);
        }
        assert_int_equal(wait_of(account, NOW_USEC + 899 * USEC_PER_SEC), USEC_PER_SEC);
        assert_int_equal(wait_of(account, NOW_USEC + 900 * USEC_PER_SEC), 0);
        failed(account, 1000, NOW_USEC);
        assert_int_equal(wait_of(account, NOW_USEC), 900 * USEC_PER_SEC);
}

static void test_addresses_and_callers_may_fail_more_often(void **state)
{
        failed(address, 19, NOW_USEC);
        assert_int_equal(wait_of(address, NOW_USEC), 0);
        failed(address, 1, NOW_USEC);
        assert_int_equal(wait_of(address, NOW_USEC), USEC_PER_SEC);
        failed(address, 100, NOW_USEC);
        assert_int_equal(wait_of(address, NOW_USEC), 15 * USEC_PER_MINUTE);
        failed(caller, 99, NOW_USEC);
        assert_int_equal(wait_of(caller, NOW_USEC), 0);
        failed(caller, 1, NOW_USEC);
        assert_int_equal(wait_of(caller, NOW_USEC), USEC_PER_SEC);
        failed(caller, 100, NOW_USEC);
        assert_int_equal(wait_of(caller, NOW_USEC), USEC_PER_MINUTE);
}

/* Else an address that many share, or a website, ended with a minute's wait after each wrong letter. */
static void test_failures_of_many_people_do_not_add_up_for_ever(void **state)
{
        uint64_t now_usec = NOW_USEC;

        for (unsigned i = 0; i < 500; i++, now_usec += 65 * USEC_PER_SEC) {
                failed(caller, 1, now_usec);
                assert_int_equal(wait_of(caller, now_usec), 0);
        }
        for (unsigned i = 0; i < 200; i++, now_usec += 16 * USEC_PER_MINUTE) {
                failed(address, 1, now_usec);
                assert_int_equal(wait_of(address, now_usec), 0);
        }
}

/* A guesser who waits as told, or a little longer, never waits for less. */
static void test_forgiving_makes_no_guesser_faster(void **state)
{
        uint64_t now_usec = NOW_USEC;

        failed(address, 1000, now_usec);
        for (unsigned i = 0; i < 100; i++) {
                now_usec += 15 * USEC_PER_MINUTE + i % 2 * 10 * USEC_PER_SEC;
                assert_int_equal(wait_of(address, now_usec), 0);
                failed(address, 1, now_usec);
                assert_int_equal(wait_of(address, now_usec), 15 * USEC_PER_MINUTE);
        }
        for (unsigned i = 0; i < 10; i++) {
                failed(account, 1, now_usec);
                now_usec += USEC_PER_DAY - 1;
        }
        failed(account, 1, now_usec);
        assert_int_equal(wait_of(account, now_usec), 64 * USEC_PER_SEC);
}

static void test_subjects_do_not_share_a_count(void **state)
{
        failed(account, 6, NOW_USEC);
        assert_int_equal(wait_of((SignInSubject){SIGN_IN_ACCOUNT, "Ann"}, NOW_USEC), 0);
        assert_int_equal(wait_of((SignInSubject){SIGN_IN_ADDRESS, "ann"}, NOW_USEC), 0);
}

static void test_the_longest_wait_counts(void **state)
{
        const SignInSubject both[] = {account, address};
        _cleanup_fault_ Fault fault = {0};
        uint64_t usec;

        failed(account, 6, NOW_USEC);
        failed(address, 22, NOW_USEC);
        assert_int_equal(sign_in_limits_wait(limits, both, 2, NOW_USEC, &usec, &fault), 0);
        assert_int_equal(usec, 4 * USEC_PER_SEC);
}

static void test_counts_survive_a_restart_and_are_forgotten_on_demand(void **state)
{
        _cleanup_fault_ Fault fault = {0};

        failed(account, 6, NOW_USEC);
        failed(address, 22, NOW_USEC);
        reopen(NOW_USEC + USEC_PER_SEC);
        assert_int_equal(wait_of(account, NOW_USEC + USEC_PER_SEC), USEC_PER_SEC);
        assert_int_equal(sign_in_limits_forget(limits, &account, &fault), 0);
        assert_int_equal(wait_of(account, NOW_USEC), 0);
        assert_int_equal(wait_of(address, NOW_USEC), 4 * USEC_PER_SEC);
}

static void test_a_day_forgets(void **state)
{
        failed(account, 20, NOW_USEC);
        reopen(NOW_USEC + SIGN_IN_LIMITS_MEMORY_USEC);
        failed(account, 1, NOW_USEC + SIGN_IN_LIMITS_MEMORY_USEC);
        assert_true(wait_of(account, NOW_USEC + SIGN_IN_LIMITS_MEMORY_USEC) > 0);
        reopen(NOW_USEC + 2 * SIGN_IN_LIMITS_MEMORY_USEC + 1);
        failed(account, 1, NOW_USEC + 2 * SIGN_IN_LIMITS_MEMORY_USEC + 1);
        assert_int_equal(wait_of(account, NOW_USEC + 2 * SIGN_IN_LIMITS_MEMORY_USEC + 1), 0);
}

/* Else nobody could sign in until the clock is where it was. */
static void test_a_clock_that_was_set_back_waits_no_longer(void **state)
{
        const uint64_t before_usec = NOW_USEC - 7 * USEC_PER_DAY;

        failed(account, 6, NOW_USEC);
        reopen(before_usec);
        assert_int_equal(wait_of(account, before_usec), 2 * USEC_PER_SEC);
        assert_int_equal(wait_of(account, before_usec + 2 * USEC_PER_SEC), 0);
}

static void test_rows_are_bounded_and_guessed_names_go_first(void **state)
{
        int64_t n;

        failed(account, 3, NOW_USEC);
        assert_int_equal(connection_execute(limits,
                                         "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n "
                                         "WHERE i < "
                                         "9000) INSERT INTO failures SELECT 0, 'x' || i, 1 + (i > 8500), 5 "
                                         "+ i FROM n",
                                         NULL),
                        0);
        failed((SignInSubject){SIGN_IN_ACCOUNT, "newest"}, 1, NOW_USEC + 1);
        assert_int_equal(connection_query_integer(limits, "SELECT count(*) FROM failures", &n, NULL), 0);
        assert_int_equal(n, SIGN_IN_LIMITS_ROWS_MAX);
        assert_int_equal(connection_query_integer(limits,
                                         "SELECT count(*) FROM failures WHERE n = 3 OR n = 2 OR last_usec > "
                                         "1000000",
                                         &n,
                                         NULL),
                        0);
        assert_int_equal(n, 500 + 2);
}

static void test_nobody_reads_names_in_the_file(void **state)
{
        _cleanup_free_ char *content = NULL;
        struct stat status;
        size_t size;

        failed((SignInSubject){SIGN_IN_ACCOUNT, "my-secret-password"}, 1, NOW_USEC);
        limits = connection_close(limits);
        content = fixture_read(fixture_path("failures.db"), &size);
        assert_null(memmem(content, size, "secret", 6));
        assert_int_equal(stat(fixture_path("failures.db"), &status), 0);
        assert_int_equal(status.st_mode & 0777, 0600);
}

static void damage(uint64_t offset_bytes)
{
        static const char garbage[2048] = "garbage";

        failed(account, 20, NOW_USEC);
        limits = connection_close(limits);
        fixture_overwrite(fixture_path("failures.db"), offset_bytes, garbage, sizeof garbage);
        reopen(NOW_USEC);
        assert_int_equal(wait_of(account, NOW_USEC), 0);
        failed(account, 20, NOW_USEC);
        assert_true(wait_of(account, NOW_USEC) > 0);
}

static void test_a_damaged_file_is_begun_anew(void **state)
{
        damage(0);
        damage(4096);
}

static void test_damage_is_never_told_of_the_database(void **state)
{
        static const char garbage[4096] = "garbage";
        Fault fault = {0};
        uint64_t usec;

        failed(account, 1, NOW_USEC);
        fixture_overwrite(fixture_path("failures.db"), 4096, garbage, sizeof garbage);
        assert_int_equal(connection_execute(limits, "PRAGMA shrink_memory; PRAGMA cache_size = 0", NULL), 0);
        if (sign_in_limits_wait(limits, &account, 1, NOW_USEC, &usec, &fault) >= 0)
                assert_true(sign_in_limits_count(limits, &account, 1, NOW_USEC, &fault) < 0);
        fixture_assert_fault(&fault, FAULT_FAILED, "counts of failed sign-ins are damaged");
}

static void test_a_place_that_can_not_be_written_is_a_fault(void **state)
{
        Fault fault = {0};
        Connection *other = NULL;

        assert_true(sign_in_limits_open(fixture_path("none/failures.db"), NOW_USEC, &other, &fault) < 0);
        assert_null(other);
        fixture_assert_fault(&fault, FAULT_CANNOT_OPEN, "none/failures.db");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                        TEST(test_the_wait_grows),
                        TEST(test_addresses_and_callers_may_fail_more_often),
                        TEST(test_failures_of_many_people_do_not_add_up_for_ever),
                        TEST(test_forgiving_makes_no_guesser_faster),
                        TEST(test_subjects_do_not_share_a_count),
                        TEST(test_the_longest_wait_counts),
                        TEST(test_counts_survive_a_restart_and_are_forgotten_on_demand),
                        TEST(test_a_day_forgets),
                        TEST(test_a_clock_that_was_set_back_waits_no_longer),
                        TEST(test_rows_are_bounded_and_guessed_names_go_first),
                        TEST(test_nobody_reads_names_in_the_file),
                        TEST(test_a_damaged_file_is_begun_anew),
                        TEST(test_damage_is_never_told_of_the_database),
                        TEST(test_a_place_that_can_not_be_written_is_a_fault),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
