/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fixture.h"

#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "database/connection/open-files.h"

#define SOMEBODY 65534

static OpenFiles find(const char *path)
{
        _cleanup_fault_ Fault fault = {0};
        OpenFiles open_files;

        if (open_files_find(path, &open_files, &fault) < 0)
                fail_msg("%s", fault.message);
        return open_files;
}

static void create(const char *path, const char *journal_mode)
{
        sqlite3 *handle = fixture_open(path);
        char sql[128];

        (void) snprintf(sql, sizeof sql, "PRAGMA journal_mode=%s; CREATE TABLE t(a)", journal_mode);
        fixture_execute(handle, sql);
        fixture_close(handle);
}

static void assert_found(const char *path, const FixtureChild *child, bool on_replaced_file)
{
        _cleanup_(open_files_done) OpenFiles open_files = find(path);
        _cleanup_free_ char *text = open_files_describe(&open_files);
        char wanted[64];

        (void) snprintf(wanted, sizeof wanted, "holder (pid %d)", (int) child->pid);
        assert_int_equal(open_files.n_holders, 1);
        assert_int_equal(open_files.holders[0].on_replaced_file, on_replaced_file);
        assert_string_equal(text, wanted);
}

static void test_a_connection_is_found(void **state)
{
        const char *const modes[] = {"wal", "delete"};

        for (size_t i = 0; i < ELEMENTSOF(modes); i++) {
                _cleanup_(open_files_done) OpenFiles none = {0};
                _cleanup_free_ char *text = NULL;
                FixtureChild child;

                create(fixture_path(modes[i]), modes[i]);
                child = fixture_start_connection(fixture_path(modes[i]));
                assert_found(fixture_path(modes[i]), &child, false);
                fixture_stop_connection(child);
                none = find(fixture_path(modes[i]));
                assert_int_equal(none.n_holders, 0);
                text = open_files_describe(&none);
                assert_string_equal(text, "other processes");
        }
}

static void test_this_process_does_not_count(void **state)
{
        _cleanup_(open_files_done) OpenFiles open_files = {0};
        sqlite3 *handle;

        create(fixture_path("own.db"), "wal");
        handle = fixture_open(fixture_path("own.db"));
        fixture_execute(handle, "SELECT * FROM t");
        open_files = find(fixture_path("own.db"));
        assert_int_equal(open_files.n_holders, 0);
        fixture_close(handle);
}

static void test_a_deleted_or_replaced_file_is_told(void **state)
{
        const char *path = fixture_path("live.db");
        FixtureChild child;

        create(path, "wal");
        child = fixture_start_connection(path);
        assert_int_equal(rename(path, fixture_path("elsewhere.db")), 0);
        assert_found(path, &child, true); /* its -wal is still at this name */
        assert_int_equal(unlink(fixture_path("elsewhere.db")), 0);
        assert_found(path, &child, true);
        fixture_write(path, "another", 7);
        assert_found(path, &child, true);
        fixture_stop_connection(child);
}

/* As the service runs: it can't look into other users' processes, but sees their locks. */
static void test_without_privileges_a_wal_connection_is_found(void **state)
{
        const char *path = fixture_path("live.db");
        FixtureChild child;
        pid_t looker;
        int status;

        if (geteuid() != 0)
                skip();
        create(path, "wal");
        assert_int_equal(chmod(*state, 0755), 0);
        child = fixture_start_connection(path);
        looker = fork();
        assert_true(looker >= 0);
        if (looker == 0) {
                OpenFiles open_files;
                bool found;

                if (setresuid(SOMEBODY, SOMEBODY, SOMEBODY) < 0 ||
                                open_files_find(path, &open_files, NULL) < 0)
                        _exit(1);
                found = open_files.n_holders == 1 && open_files.holders[0].pid == child.pid &&
                        strcmp(open_files.holders[0].name, "holder") == 0 && !open_files.complete;
                open_files_done(&open_files);
                _exit(found ? 0 : 2);
        }
        assert_int_equal(waitpid(looker, &status, 0), looker);
        fixture_stop_connection(child);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
}

static OpenFilesUse probe(const char *path)
{
        _cleanup_fault_ Fault fault = {0};
        OpenFilesUse use;

        if (open_files_probe(path, &use, &fault) < 0)
                fail_msg("%s", fault.message);
        return use;
}

static void test_the_kernel_proves_it(void **state)
{
        const char *path = fixture_path("live.db");
        OpenFilesUse use;
        Fault fault = {0};
        FixtureChild child;

        create(path, "delete");
        assert_int_equal(probe(path), OPEN_FILES_UNUSED);
        child = fixture_start_connection(path);
        assert_int_equal(probe(path), OPEN_FILES_IN_USE);
        fixture_stop_connection(child);
        assert_int_equal(probe(path), OPEN_FILES_UNUSED);
        assert_true(open_files_probe(fixture_path("missing"), &use, &fault) < 0);
        fixture_assert_fault(&fault, FAULT_CANNOT_OPEN, "missing");
}

static void test_another_users_file_is_unknown(void **state)
{
        const char *path = fixture_path("live.db");
        pid_t child;
        int status;

        if (geteuid() != 0)
                skip();
        create(path, "delete");
        assert_int_equal(chmod(path, 0666), 0);
        assert_int_equal(chmod(*state, 0755), 0);
        child = fork();
        assert_true(child >= 0);
        if (child == 0) {
                OpenFilesUse use;

                if (setresuid(SOMEBODY, SOMEBODY, SOMEBODY) < 0 || open_files_probe(path, &use, NULL) < 0)
                        _exit(1);
                _exit(use == OPEN_FILES_UNKNOWN ? 0 : 2);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_many_are_counted_rather_than_named(void **state)
{
        OpenFilesHolder holders[7];
        OpenFiles open_files = {.holders = holders, .n_holders = 2};
        _cleanup_free_ char *two = NULL, *many = NULL;

        for (size_t i = 0; i < ELEMENTSOF(holders); i++)
                holders[i] = (OpenFilesHolder){.pid = (pid_t) i + 1, .name = "a"};
        two = open_files_describe(&open_files);
        assert_string_equal(two, "a (pid 1) and a (pid 2)");
        open_files.n_holders = 7;
        many = open_files_describe(&open_files);
        assert_string_equal(many, "a (pid 1), a (pid 2), a (pid 3), a (pid 4), a (pid 5) and 2 more");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
        const struct CMUnitTest tests[] = {
                        TEST(test_a_connection_is_found),
                        TEST(test_this_process_does_not_count),
                        TEST(test_a_deleted_or_replaced_file_is_told),
                        TEST(test_without_privileges_a_wal_connection_is_found),
                        TEST(test_the_kernel_proves_it),
                        TEST(test_another_users_file_is_unknown),
                        TEST(test_many_are_counted_rather_than_named),
        };

        return cmocka_run_group_tests_name("open-files", tests, NULL, NULL);
}
