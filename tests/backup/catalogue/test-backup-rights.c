/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup-fixture.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "backup/catalogue/backup-rights.h"

#define GROUP ((gid_t) 4242)

static const char *const stored[] = {"backup_20260124_014621.db.gz",
                "backup_20260124_014621.db.gz.meta",
                "initial_backup.db",
                "initial_backup.db.meta"};

static struct stat look(const char *name)
{
        struct stat status;

        assert_int_equal(fstatat(backup_fixture_fd(), name, &status, AT_SYMLINK_NOFOLLOW), 0);
        return status;
}

static void make(const char *name, mode_t mode)
{
        int fd = openat(backup_fixture_fd(), name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

        assert_true(fd >= 0);
        assert_int_equal(fchmod(fd, mode), 0);
        (void) close(fd);
}

static void set(gid_t group)
{
        Fault fault = {0};

        if (backup_rights_set(backup_fixture_fd(), "backups", group, &fault) < 0)
                fail_msg("%s", fault.message);
}

static void test_backups_are_the_service_s_alone(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(stored); i++)
                make(stored[i], 0644);
        make("notes.txt", 0644);
        assert_int_equal(fchmod(backup_fixture_fd(), 0755), 0);
        set(BACKUP_GROUP_NONE);
        assert_int_equal(look(".").st_mode & 07777, 0700);
        for (size_t i = 0; i < ELEMENTSOF(stored); i++)
                assert_int_equal(look(stored[i]).st_mode & 07777, 0600);
        /* What is not ours is left. */
        assert_int_equal(look("notes.txt").st_mode & 07777, 0644);
}

static void test_a_group_that_is_named_reads_them(void **state)
{
        int fd;

        if (geteuid() != 0)
                skip();
        for (size_t i = 0; i < ELEMENTSOF(stored); i++)
                make(stored[i], 0600);
        set(GROUP);
        assert_int_equal(look(".").st_mode & 07777, 0750);
        assert_int_equal(look(".").st_gid, GROUP);
        make("new", 0600);
        fd = openat(backup_fixture_fd(), "new", O_RDONLY | O_CLOEXEC);
        backup_rights_follow(backup_fixture_fd(), fd);
        (void) close(fd);
        assert_int_equal(look("new").st_gid, GROUP);
        assert_int_equal(look("new").st_mode & 07777, 0640);
        for (size_t i = 0; i < ELEMENTSOF(stored); i++) {
                assert_int_equal(look(stored[i]).st_mode & 07777, 0640);
                assert_int_equal(look(stored[i]).st_gid, GROUP);
        }
        /* And no longer when it isn't named any more. */
        set(BACKUP_GROUP_NONE);
        assert_int_equal(look(".").st_mode & 07777, 0700);
        assert_int_equal(look(stored[0]).st_mode & 07777, 0600);
}

static void test_links_and_others_files_are_left(void **state)
{
        fixture_write(fixture_path("outside"), "x", 1);
        assert_int_equal(chmod(fixture_path("outside"), 0644), 0);
        assert_int_equal(symlinkat(fixture_path("outside"), backup_fixture_fd(), stored[0]), 0);
        assert_int_equal(mkfifoat(backup_fixture_fd(), stored[1], 0644), 0);
        if (geteuid() == 0) {
                make(stored[2], 0644);
                assert_int_equal(fchownat(backup_fixture_fd(), stored[2], 4242, GROUP, 0), 0);
        }
        set(BACKUP_GROUP_NONE);
        assert_int_equal(look("../outside").st_mode & 07777, 0644);
        assert_true(S_ISFIFO(look(stored[1]).st_mode));
        if (geteuid() == 0)
                assert_int_equal(look(stored[2]).st_mode & 07777, 0644);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, backup_fixture_setup, backup_fixture_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                        TEST(test_backups_are_the_service_s_alone),
                        TEST(test_a_group_that_is_named_reads_them),
                        TEST(test_links_and_others_files_are_left),
        };

        return cmocka_run_group_tests_name("backup/backup-rights", tests, NULL, NULL);
}
