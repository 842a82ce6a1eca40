/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fixture.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "database/statistics/fingerprint.h"

static const char *database;

static int setup(void **state)
{
        sqlite3 *handle;
        int r = fixture_setup(state);

        if (r < 0)
                return r;
        database = strdup(fixture_path("data.db"));
        handle = fixture_open(database);
        fixture_execute(handle, "PRAGMA journal_mode=WAL");
        fixture_execute(handle, "CREATE TABLE t(a)");
        fixture_execute(handle, "INSERT INTO t VALUES(1)");
        fixture_close(handle);
        return 0;
}

static int teardown(void **state)
{
        free((char *) (uintptr_t) database);
        return fixture_teardown(state);
}

/* An hour ahead of the clock that the files have their times from: they were not written just now. */
static uint64_t later_usec(void)
{
        return (uint64_t) time(NULL) * USEC_PER_SEC + USEC_PER_HOUR;
}

static void take(uint64_t now_usec, char ret[static FINGERPRINT_MAX])
{
        _cleanup_(connection_closep) Connection *connection = fixture_connect(database, CONNECTION_READ);
        _cleanup_fault_ Fault fault = {0};

        if (fingerprint_take(connection, now_usec, ret, &fault) < 0)
                fail_msg("%s", fault.message);
}

static void assert_changes(sqlite3 *handle, const char *sql, bool changes)
{
        char before[FINGERPRINT_MAX], after[FINGERPRINT_MAX];

        take(later_usec(), before);
        assert_string_not_equal(before, "");
        fixture_execute(handle, sql);
        take(later_usec(), after);
        assert_int_equal(strcmp(before, after) != 0, changes);
}

static void test_every_commit_changes_it_and_nothing_else_does(void **state)
{
        static const char *const modes[] = {"PRAGMA journal_mode=WAL", "PRAGMA journal_mode=DELETE"};

        for (size_t i = 0; i < ELEMENTSOF(modes); i++) {
                sqlite3 *handle = fixture_open(database);

                fixture_execute(handle, modes[i]);
                assert_changes(handle, "SELECT * FROM t", false);
                assert_changes(handle, "INSERT INTO t VALUES(2)", true);
                assert_changes(handle, "UPDATE t SET a = a + 1", true);
                assert_changes(handle, "BEGIN; INSERT INTO t VALUES(3); ROLLBACK", false);
                assert_changes(handle, "CREATE INDEX i ON t(a)", true);
                assert_changes(handle, "DROP INDEX i", true);
                fixture_close(handle);
        }
}

/* With and without anybody else who has it open, after whom SQLite makes and removes the -wal. */
static void test_opening_and_closing_is_no_change(void **state)
{
        char first[FINGERPRINT_MAX], second[FINGERPRINT_MAX];
        sqlite3 *handle;

        take(later_usec(), first);
        assert_string_not_equal(first, "");
        take(later_usec(), second);
        assert_string_equal(first, second);
        handle = fixture_open(database);
        (void) fixture_integer(handle, "SELECT count(*) FROM t");
        take(later_usec(), second);
        assert_string_equal(first, second);
        fixture_close(handle);
        take(later_usec(), second);
        assert_string_equal(first, second);
}

/* A second write within one tick of the clock leaves the times as they are. */
static void test_a_file_that_was_written_just_now_has_none(void **state)
{
        char fingerprint[FINGERPRINT_MAX];
        struct stat status;
        uint64_t written_usec;

        assert_int_equal(stat(database, &status), 0);
        written_usec = (uint64_t) status.st_mtim.tv_sec * USEC_PER_SEC;
        take(written_usec, fingerprint);
        assert_string_equal(fingerprint, "");
        take(later_usec(), fingerprint);
        assert_string_not_equal(fingerprint, "");
        /* The clock went back. */
        take(written_usec - USEC_PER_DAY, fingerprint);
        assert_string_equal(fingerprint, "");
}

/* The frames of a commit are in the log before the commit is made: only the wal-index tells the two apart.
 */
static void test_a_commit_that_leaves_the_files_alone_changes_it(void **state)
{
        char before[FINGERPRINT_MAX], after[FINGERPRINT_MAX];
        struct timespec times[2];
        struct stat status;
        sqlite3 *handle = fixture_open(database);

        fixture_execute(handle, "INSERT INTO t VALUES(1)");
        take(later_usec(), before);
        assert_non_null(strstr(before, "-wal"));
        assert_int_equal(stat(fixture_path("data.db-wal"), &status), 0);
        times[0] = status.st_atim;
        times[1] = status.st_mtim;
        fixture_execute(handle, "INSERT INTO t VALUES(2)");
        /* What a writer who was stopped in between would look like: everything but ctime can be put back. */
        assert_int_equal(truncate(fixture_path("data.db-wal"), status.st_size), 0);
        assert_int_equal(utimensat(AT_FDCWD, fixture_path("data.db-wal"), times, 0), 0);
        take(later_usec(), after);
        assert_string_not_equal(strrchr(before, ' '), strrchr(after, ' '));
        fixture_close(handle);
}

static void test_a_rollback_journal_is_a_reason_to_read(void **state)
{
        char fingerprint[FINGERPRINT_MAX];
        sqlite3 *handle = fixture_open(database);

        fixture_execute(handle, "PRAGMA journal_mode=PERSIST");
        fixture_execute(handle, "INSERT INTO t VALUES(2)");
        take(later_usec(), fingerprint);
        assert_string_equal(fingerprint, "");
        fixture_close(handle);
}

static void test_another_file_in_its_place_is_a_change(void **state)
{
        char before[FINGERPRINT_MAX], after[FINGERPRINT_MAX];

        take(later_usec(), before);
        fixture_run("cp -p %s %s.new && mv %s.new %s", database, database, database, database);
        take(later_usec(), after);
        assert_string_not_equal(before, after);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                        TEST(test_every_commit_changes_it_and_nothing_else_does),
                        TEST(test_opening_and_closing_is_no_change),
                        TEST(test_a_file_that_was_written_just_now_has_none),
                        TEST(test_a_commit_that_leaves_the_files_alone_changes_it),
                        TEST(test_a_rollback_journal_is_a_reason_to_read),
                        TEST(test_another_file_in_its_place_is_a_change),
        };

        return cmocka_run_group_tests_name("fingerprint", tests, NULL, NULL);
}
