/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fixture.h"

#include <fcntl.h>
#include <string.h>

#include "database/copy/deleted-wal.h"

static const char *create(void)
{
        const char *path = fixture_path("deleted.db");

        fixture_create_with_wal(path, "CREATE TABLE t(a); INSERT INTO t VALUES(1)");
        return path;
}

static void test_nothing_is_deleted_while_all_is_there(void **state)
{
        const char *path = create();
        sqlite3 *application = fixture_open(path);
        FixtureChild child = fixture_start_connection(path);
        DeletedWal deleted;

        assert_int_equal(fixture_integer(application, "SELECT count(*) FROM t"), 1);
        assert_int_equal(deleted_wal_find(path, true, &deleted), 0);
        assert_false(deleted.by_us);
        assert_null(deleted.holders);
        assert_int_equal(deleted_wal_refuse(path, NULL), 0);
        fixture_stop_connection(child);
        fixture_close(application);
}

static void test_own_deleted_wal_is_found(void **state)
{
        static const char *const endings[] = {"wal", "shm"};

        for (size_t i = 0; i < ELEMENTSOF(endings); i++) {
                const char *path = create();
                sqlite3 *application = fixture_open(path);
                DeletedWal deleted;

                assert_int_equal(fixture_integer(application, "SELECT count(*) FROM t"), 1);
                fixture_run("rm %s-%s", path, endings[i]);
                assert_int_equal(deleted_wal_find(path, false, &deleted), 0);
                assert_true(deleted.by_us);
                assert_null(deleted.holders);
                fixture_close(application);
                fixture_run("rm -f %s*", path);
        }
}

static void test_place_of_a_deleted_wal_is_no_use_of_it(void **state)
{
        const char *path = create();
        _cleanup_free_ char *wal_path = NULL;
        _cleanup_close_ int fd = -EBADF;
        DeletedWal deleted;

        assert_true(asprintf(&wal_path, "%s-wal", path) > 0);
        fd = open(wal_path, O_PATH | O_CLOEXEC);
        assert_true(fd >= 0);
        fixture_run("rm %s", wal_path);
        assert_int_equal(deleted_wal_find(path, false, &deleted), 0);
        assert_false(deleted.by_us);
}

static void test_other_process_with_a_deleted_wal_is_named(void **state)
{
        const char *path = create();
        FixtureChild child = fixture_start_connection(path);
        _cleanup_(deleted_wal_done) DeletedWal deleted = {0};
        char pid[32];
        Fault fault = {0};

        fixture_run("rm %s-wal %s-shm", path, path);
        assert_int_equal(deleted_wal_find(path, true, &deleted), 0);
        (void) snprintf(pid, sizeof pid, "(pid %d)", (int) child.pid);
        assert_false(deleted.by_us);
        assert_non_null(strstr(deleted.holders, pid));
        assert_true(deleted_wal_refuse(path, &fault) < 0);
        assert_non_null(strstr(fault.message, pid));
        fixture_assert_fault(&fault, FAULT_DATABASE_IN_USE, "-wal");
        fixture_stop_connection(child);
        assert_int_equal(deleted_wal_refuse(path, NULL), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                        TEST(test_nothing_is_deleted_while_all_is_there),
                        TEST(test_own_deleted_wal_is_found),
                        TEST(test_place_of_a_deleted_wal_is_no_use_of_it),
                        TEST(test_other_process_with_a_deleted_wal_is_named),
        };

        return cmocka_run_group_tests_name("database/deleted-wal", tests, NULL, NULL);
}
