/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "log-fixture.h"

#include <string.h>

static void test_rows_are_written(void **state)
{
        LogEntry system = log_system_entry(), access = log_access_entry();
        sqlite3 *handle;

        assert_int_equal(log_add(&system), 1);
        system.extra_data = NULL;
        system.user_id = system.admin_id = 1;
        assert_int_equal(log_add(&system), 2);
        assert_int_equal(log_add(&access), 1);
        handle = fixture_open(fixture_path("live.db"));
        assert_int_equal(fixture_integer(handle,
                                         "SELECT count(*) FROM system_logs WHERE action_type = "
                                         "'database_restored' AND message = 'Restauré ; rien n''est perdu' "
                                         "AND severity = 'warning' AND created_at = '2026-01-24 "
                                         "01:46:21.123456'"),
                        2);
        assert_int_equal(fixture_integer(handle,
                                         "SELECT extra_data ->> 'backup' = 'backup_20260124_014621' AND "
                                         "user_id IS NULL AND admin_id IS NULL AND ip_address IS NULL FROM "
                                         "system_logs WHERE id = 1"),
                        1);
        assert_int_equal(fixture_integer(handle,
                                         "SELECT extra_data IS NULL AND user_id = 1 AND admin_id = 1 FROM "
                                         "system_logs WHERE id = 2"),
                        1);
        assert_int_equal(fixture_integer(handle,
                                         "SELECT user_id = 1 AND action_type = 'sign_in' AND match_id = 7 "
                                         "AND "
                                         "prediction_id IS NULL AND subscription_plan = 'free' AND "
                                         "ip_address = '2001:db8::1' AND extra_data IS NULL FROM "
                                         "access_logs"),
                        1);
        fixture_close(handle);
}

static void test_a_table_that_only_sqlite_takes_for_one(void **state)
{
        LogEntry system = log_system_entry();
        sqlite3 *handle = fixture_open(fixture_path("live.db"));

        fixture_blur_type(handle, "system_logs");
        fixture_close(handle);
        assert_int_equal(log_add(&system), 1);
}

/* One row with a user who is not there, one with extra data that is no object: the others are written. */
static void test_a_bad_row_keeps_no_other_out(void **state)
{
        static const char *const wrong[] = {"{", "[1]", "\"x\"", "NaN", "{'a': 1}", ""};
        LogEntry entries[3 + ELEMENTSOF(wrong)];
        LogItem items[ELEMENTSOF(entries)] = {0}, *pointers[ELEMENTSOF(entries)];
        sqlite3 *handle = fixture_open(fixture_path("live.db"));
        Fault fault = {0};

        for (size_t i = 0; i < ELEMENTSOF(entries); i++) {
                entries[i] = i % 2 == 0 ? log_system_entry() : log_access_entry();
                if (i >= 3)
                        entries[i].extra_data = wrong[i - 3];
                items[i].entry = &entries[i];
                pointers[i] = &items[i];
        }
        entries[1].user_id = 99;
        assert_int_equal(log_write(log_connection, pointers, ELEMENTSOF(items), &fault), 0);
        fixture_assert_fault(&items[1].fault, FAULT_NOT_FOUND, "not there");
        for (size_t i = 3; i < ELEMENTSOF(items); i++)
                fixture_assert_fault(&items[i].fault, FAULT_INVALID_ARGUMENT, "JSON object");
        assert_int_equal(items[0].fault.code, FAULT_NONE);
        assert_int_equal(items[0].id, 1);
        assert_int_equal(items[2].id, 2);
        assert_int_equal(fixture_integer(handle, "SELECT count(*) FROM system_logs"), 2);
        assert_int_equal(fixture_integer(handle, "SELECT count(*) FROM access_logs"), 0);
        fixture_close(handle);
}

/* Rows for both tables in turn, every third of them with a message that triggers don't like. Returns how
 * many have a fault of their own, each of them with these words. */
static unsigned write_dozen(const char *words)
{
        LogEntry entries[12];
        LogItem items[ELEMENTSOF(entries)] = {0}, *pointers[ELEMENTSOF(entries)];
        _cleanup_fault_ Fault fault = {0};
        unsigned n = 0;

        for (size_t i = 0; i < ELEMENTSOF(entries); i++) {
                entries[i] = i % 2 == 0 ? log_system_entry() : log_access_entry();
                if (i % 3 == 0)
                        entries[i].message = "bad";
                items[i].entry = &entries[i];
                pointers[i] = &items[i];
        }
        if (log_write(log_connection, pointers, ELEMENTSOF(items), &fault) < 0)
                fail_msg("%s", fault.message);
        assert_int_equal(sqlite3_get_autocommit(log_connection->handle), 1);
        for (size_t i = 0; i < ELEMENTSOF(items); i++)
                if (items[i].fault.code != FAULT_NONE) {
                        fixture_assert_fault(&items[i].fault, FAULT_FAILED, words);
                        n++;
                }
        return n;
}

/* Each of these ends the statement in a way of its own: some take the row back and some don't, and one takes
 * back the whole transaction. */
static void test_a_trigger_keeps_no_other_row_out(void **state)
{
        static const struct {
                const char *moment;
                const char *does;
                const char *words;
        } triggers[] = {
                        {"AFTER", "RAISE(ABORT, 'not you')", "not you"},
                        {"AFTER", "RAISE(FAIL, 'not you')", "not you"},
                        {"AFTER", "RAISE(ROLLBACK, 'not you')", "not you"},
                        {"AFTER", "abs(-9223372036854775807 - 1)", "integer overflow"},
                        {"BEFORE", "RAISE(IGNORE)", "trigger"},
        };
        sqlite3 *handle = fixture_open(fixture_path("live.db"));

        for (size_t i = 0; i < ELEMENTSOF(triggers); i++) {
                char sql[200];

                (void) snprintf(sql,
                                sizeof sql,
                                "CREATE TRIGGER t %s INSERT ON system_logs WHEN new.message = 'bad' BEGIN "
                                "SELECT %s; END",
                                triggers[i].moment,
                                triggers[i].does);
                fixture_execute(handle, sql);
                assert_int_equal(write_dozen(triggers[i].words), 2);
                assert_int_equal(fixture_integer(handle, "SELECT count(*) FROM system_logs"), 4);
                assert_int_equal(fixture_integer(handle, "SELECT count(*) FROM access_logs"), 6);
                fixture_execute(handle, "DROP TRIGGER t; DELETE FROM system_logs; DELETE FROM access_logs");
        }
        fixture_close(handle);
}

static void test_a_trigger_that_never_ends_keeps_the_other_log_going(void **state)
{
        static const char trigger[] =
                        "CREATE TRIGGER t AFTER INSERT ON system_logs WHEN new.message LIKE '%s' BEGIN "
                        "INSERT INTO notifications(id) SELECT 1 FROM (WITH RECURSIVE n(i) AS (SELECT 1 "
                        "UNION ALL SELECT i+1 FROM n) SELECT i FROM n WHERE i < 0); END";
        sqlite3 *handle = fixture_open(fixture_path("live.db"));
        char sql[400];

        log_connection->bound.bound_usec = 20 * USEC_PER_MSEC;
        (void) snprintf(sql, sizeof sql, trigger, "bad");
        fixture_execute(handle, sql);
        assert_int_equal(write_dozen("took too long"), 2);
        assert_int_equal(fixture_integer(handle, "SELECT count(*) FROM system_logs"), 4);
        assert_int_equal(fixture_integer(handle, "SELECT count(*) FROM access_logs"), 6);
        fixture_execute(handle, "DROP TRIGGER t");
        (void) snprintf(sql, sizeof sql, trigger, "%");
        fixture_execute(handle, sql);
        assert_int_equal(write_dozen("took too long"), 6);
        assert_int_equal(fixture_integer(handle, "SELECT count(*) FROM access_logs"), 12);
        fixture_execute(handle, "DROP TRIGGER t");
        assert_int_equal(write_dozen(""), 0);
        fixture_close(handle);
}

/* Not even the statement can be made then. */
static void test_a_trigger_that_lacks_its_table_keeps_the_other_log_going(void **state)
{
        sqlite3 *handle = fixture_open(fixture_path("live.db"));

        fixture_execute(handle,
                        "CREATE TRIGGER t AFTER INSERT ON system_logs BEGIN INSERT INTO gone VALUES(1); "
                        "END");
        assert_int_equal(write_dozen("gone"), 6);
        assert_int_equal(fixture_integer(handle, "SELECT count(*) FROM access_logs"), 6);
        fixture_execute(handle, "DROP TRIGGER t");
        assert_int_equal(write_dozen(""), 0);
        fixture_close(handle);
}

/* A constraint that is looked at when all is committed would keep all of them out. */
static void test_a_deferred_constraint_keeps_no_other_row_out(void **state)
{
        LogEntry good = log_access_entry(), bad = log_access_entry();
        LogItem items[] = {{.entry = &good}, {.entry = &bad}, {.entry = &good}};
        LogItem *pointers[] = {&items[0], &items[1], &items[2]};
        sqlite3 *handle = fixture_open(fixture_path("live.db"));
        _cleanup_fault_ Fault fault = {0};

        fixture_execute(handle,
                        "ALTER TABLE access_logs RENAME TO was; CREATE TABLE access_logs AS SELECT * FROM "
                        "was; ALTER TABLE access_logs ADD owner REFERENCES users(id) DEFERRABLE INITIALLY "
                        "DEFERRED; CREATE TRIGGER t AFTER INSERT ON access_logs BEGIN UPDATE access_logs "
                        "SET owner = new.user_id WHERE rowid = new.rowid; END");
        bad.user_id = 99;
        assert_int_equal(log_write(log_connection, pointers, 3, &fault), 0);
        assert_int_equal(items[0].fault.code, FAULT_NONE);
        fixture_assert_fault(&items[1].fault, FAULT_NOT_FOUND, "not there");
        assert_int_equal(items[2].fault.code, FAULT_NONE);
        assert_int_equal(fixture_integer(handle, "SELECT count(*) FROM access_logs"), 2);
        fixture_close(handle);
}

static void refuse_one(FaultCode code, const char *words)
{
        LogEntry entry = log_system_entry();
        LogItem item = {.entry = &entry}, *items[] = {&item};
        Fault fault = {0};

        assert_int_equal(log_write(log_connection, items, 1, &fault), fault_errno(code));
        fixture_assert_fault(&fault, code, words);
        assert_int_equal(item.fault.code, FAULT_NONE);
        /* Nothing is left open. */
        assert_int_equal(sqlite3_get_autocommit(log_connection->handle), 1);
}

static void test_a_missing_table_is_added(void **state)
{
        LogEntry access = log_access_entry(), system = log_system_entry(), bad = log_system_entry();
        LogItem first = {.entry = &access}, second = {.entry = &bad}, third = {.entry = &system};
        LogItem *items[] = {&first, &second, &third};
        sqlite3 *handle = fixture_open(fixture_path("live.db"));
        Fault fault = {0};

        bad.extra_data = "no object";
        fixture_execute(handle, "DROP TABLE system_logs");
        assert_int_equal(log_write(log_connection, items, 3, &fault), 0);
        fixture_assert_fault(&second.fault, FAULT_INVALID_ARGUMENT, "JSON");
        assert_int_equal(third.fault.code, FAULT_NONE);
        assert_int_equal(fixture_integer(handle, "SELECT count(*) FROM access_logs"), 1);
        assert_int_equal(fixture_integer(handle, "SELECT count(*) FROM system_logs"), 1);
        fixture_close(handle);
}

/* As an older version of the application's models made it. */
static void test_what_has_no_column_is_left_out(void **state)
{
        sqlite3 *handle = fixture_open(fixture_path("live.db"));
        LogEntry access = log_access_entry(), system = log_system_entry();

        fixture_execute(handle,
                        "DROP TABLE system_logs; DROP TABLE access_logs;"
                        "CREATE TABLE system_logs(id INTEGER PRIMARY KEY, action_type TEXT, message TEXT);"
                        "CREATE TABLE access_logs(id INTEGER PRIMARY KEY, user_id INTEGER, action_type TEXT,"
                        " created_at DATETIME)");
        assert_int_equal(log_add(&system), 1);
        assert_int_equal(log_add(&access), 1);
        assert_int_equal(fixture_integer(handle,
                                         "SELECT count(*) FROM access_logs WHERE user_id = 1 AND created_at "
                                         "NOTNULL"),
                        1);
        fixture_close(handle);
}

static void test_a_column_that_is_needed_is_named(void **state)
{
        sqlite3 *handle = fixture_open(fixture_path("live.db"));
        LogEntry entry = log_system_entry();
        LogItem item = {.entry = &entry}, *items[] = {&item};

        fixture_execute(handle,
                        "DROP TABLE system_logs; CREATE TABLE system_logs(id INTEGER PRIMARY KEY, message "
                        "TEXT)");
        assert_int_equal(log_write(log_connection, items, 1, NULL), 0);
        fixture_assert_fault(&item.fault, FAULT_FAILED, "action_type");
        fixture_close(handle);
}

static void test_a_writer_in_the_way(void **state)
{
        sqlite3 *handle = fixture_open(fixture_path("live.db"));
        LogEntry entry = log_system_entry();

        fixture_execute(handle, "BEGIN IMMEDIATE");
        refuse_one(FAULT_BUSY, "lock");
        fixture_execute(handle, "ROLLBACK");
        assert_int_equal(log_add(&entry), 1);
        fixture_close(handle);
}

static void test_a_corrupt_database(void **state)
{
        _cleanup_fault_ Fault fault = {0};
        char rubbish[4096];
        int64_t root;

        assert_int_equal(connection_query_integer(log_connection,
                                         "SELECT rootpage FROM sqlite_schema WHERE name = 'system_logs'",
                                         &root,
                                         &fault),
                        0);
        (void) memset(rubbish, 0xa5, sizeof rubbish);
        fixture_overwrite(fixture_path("live.db"), (uint64_t) (root - 1) * 4096, rubbish, sizeof rubbish);
        /* The one that is open may have the page in its cache. */
        log_connection = connection_close(log_connection);
        log_connection = fixture_connect(fixture_path("live.db"), CONNECTION_WRITE);
        refuse_one(FAULT_CORRUPT, "live.db");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, log_setup, log_teardown)
        const struct CMUnitTest tests[] = {
                        TEST(test_rows_are_written),
                        TEST(test_a_table_that_only_sqlite_takes_for_one),
                        TEST(test_a_bad_row_keeps_no_other_out),
                        TEST(test_a_trigger_keeps_no_other_row_out),
                        TEST(test_a_trigger_that_never_ends_keeps_the_other_log_going),
                        TEST(test_a_trigger_that_lacks_its_table_keeps_the_other_log_going),
                        TEST(test_a_deferred_constraint_keeps_no_other_row_out),
                        TEST(test_a_missing_table_is_added),
                        TEST(test_what_has_no_column_is_left_out),
                        TEST(test_a_column_that_is_needed_is_named),
                        TEST(test_a_writer_in_the_way),
                        TEST(test_a_corrupt_database),
        };

        return cmocka_run_group_tests_name("log-writer", tests, NULL, NULL);
}
