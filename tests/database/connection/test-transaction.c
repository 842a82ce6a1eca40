/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fixture.h"

#include "database/connection/transaction.h"

static int insert_both(Connection *connection, void *userdata, Fault *fault)
{
        int r = connection_execute(connection, "INSERT INTO t VALUES(1)", fault);

        if (r >= 0)
                r = connection_execute(connection, userdata, fault);
        return r < 0 ? r : 7;
}

static Connection *open_one(void)
{
        sqlite3 *handle = fixture_open(fixture_path("live.db"));

        fixture_execute(handle,
                        "PRAGMA journal_mode=WAL; CREATE TABLE t(x UNIQUE); CREATE TABLE p(id PRIMARY KEY); "
                        "CREATE TABLE c(p REFERENCES p(id) DEFERRABLE INITIALLY DEFERRED)");
        fixture_close(handle);
        return fixture_connect(fixture_path("live.db"), CONNECTION_WRITE);
}

static int64_t rows(Connection *connection)
{
        _cleanup_fault_ Fault fault = {0};
        int64_t n = -1;

        assert_int_equal(connection_query_integer(connection, "SELECT count(*) FROM t", &n, &fault), 0);
        assert_int_equal(sqlite3_get_autocommit(connection->handle), 1);
        return n;
}

static void test_both_or_none(void **state)
{
        _cleanup_(connection_closep) Connection *connection = open_one();
        Fault fault = {0};

        assert_true(transaction_run(connection, insert_both, (char *) "INSERT INTO t VALUES(1)", &fault) <
                        0);
        fixture_assert_fault(&fault, FAULT_FAILED, "UNIQUE");
        assert_int_equal(rows(connection), 0);
        assert_int_equal(
                        transaction_run(connection, insert_both, (char *) "INSERT INTO t VALUES(2)", &fault),
                        7);
        assert_int_equal(rows(connection), 2);
}

static void test_a_commit_that_fails_rolls_back(void **state)
{
        _cleanup_(connection_closep) Connection *connection = open_one();
        Fault fault = {0};

        assert_true(transaction_run(connection, insert_both, (char *) "INSERT INTO c VALUES(1)", &fault) <
                        0);
        fixture_assert_fault(&fault, FAULT_FAILED, "FOREIGN KEY");
        assert_int_equal(rows(connection), 0);
}

/* With no statement running there is nothing that SQLite could interrupt. */
static void test_a_cancel_between_two_transactions_is_kept(void **state)
{
        Connection *connection, *plain = open_one();
        Progress progress;
        Fault fault = {0};

        progress_init(&progress);
        assert_int_equal(connection_open(fixture_path("live.db"),
                                         CONNECTION_WRITE,
                                         &progress,
                                         &connection,
                                         NULL),
                        0);
        progress_cancel(&progress);
        assert_true(transaction_run(connection, insert_both, (char *) "INSERT INTO t VALUES(2)", &fault) <
                        0);
        fixture_assert_fault(&fault, FAULT_CANCELLED, "ancelled");
        assert_int_equal(rows(plain), 0);
        (void) connection_close(connection);
        (void) connection_close(plain);
        progress_done(&progress);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
        const struct CMUnitTest tests[] = {
                        TEST(test_both_or_none),
                        TEST(test_a_commit_that_fails_rolls_back),
                        TEST(test_a_cancel_between_two_transactions_is_kept),
        };

        return cmocka_run_group_tests_name("transaction", tests, NULL, NULL);
}
