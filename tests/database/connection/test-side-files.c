/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fixture.h"

#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

#include "database/connection/side-files.h"

#define APPLICATION 12345 /* user and group */
#define SERVICE 23456

static gid_t group_of(const char *path)
{
        struct stat status;

        assert_int_equal(lstat(path, &status), 0);
        return status.st_gid;
}

/* As the service is, with SupplementaryGroups= of the application. */
static void become_service(void)
{
        const gid_t groups[] = {APPLICATION};

        assert_int_equal(setgroups(1, groups), 0);
        assert_int_equal(setegid(SERVICE), 0);
        assert_int_equal(seteuid(SERVICE), 0);
}

static void become_root(void)
{
        assert_int_equal(seteuid(0), 0);
        assert_int_equal(setegid(0), 0);
        assert_int_equal(setgroups(0, NULL), 0);
}

static void create_database(const char *path, const char *directory)
{
        sqlite3 *handle = fixture_open(path);

        fixture_execute(handle, "PRAGMA journal_mode=WAL; CREATE TABLE t(a)");
        fixture_close(handle);
        assert_int_equal(chown(path, APPLICATION, APPLICATION), 0);
        assert_int_equal(chmod(path, 0660), 0);
        assert_int_equal(chmod(directory, 0777), 0);
}

static void test_the_group_is_that_of_the_database(void **state)
{
        const char *path = fixture_path("app.db");
        Connection *connection;

        if (geteuid() != 0)
                skip();
        create_database(path, *state);
        become_service();
        connection = fixture_connect(path, CONNECTION_WRITE);
        become_root();
        assert_int_equal(group_of(fixture_path("app.db-wal")), APPLICATION);
        assert_int_equal(group_of(fixture_path("app.db-shm")), APPLICATION);
        (void) connection_close(connection);
}

static void test_what_others_made_or_linked_stays(void **state)
{
        const char *path = fixture_path("app.db"), *secret = fixture_path("secret");

        if (geteuid() != 0)
                skip();
        create_database(path, *state);
        fixture_write(secret, "x", 1);
        assert_int_equal(chown(secret, SERVICE, SERVICE), 0);
        assert_int_equal(link(secret, fixture_path("app.db-wal")), 0);
        assert_int_equal(symlink(secret, fixture_path("app.db-shm")), 0);
        become_service();
        side_files_follow(path);
        become_root();
        assert_int_equal(group_of(secret), SERVICE);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
        const struct CMUnitTest tests[] = {
                        TEST(test_the_group_is_that_of_the_database),
                        TEST(test_what_others_made_or_linked_stays),
        };

        return cmocka_run_group_tests_name("database/side-files", tests, NULL, NULL);
}
