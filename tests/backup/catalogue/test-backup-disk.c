/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup-fixture.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "backup/catalogue/backup-disk.h"

#define ID "0123456789abcdef0123456789abcdef"

static void test_judgement(void **state)
{
        static const struct {
                BackupDiskFacts facts;
                BackupDiskState wanted;
        } cases[] = {
                        {{.remembered = false}, BACKUP_DISK_NEW},
                        {{.remembered = false, .mounted = true}, BACKUP_DISK_NEW},
                        {{.remembered = true, .marked = true, .mounted = true}, BACKUP_DISK_KNOWN},
                        /* Moved to another disk with all that was there, the marker included. */
                        {{.remembered = true, .marked = true}, BACKUP_DISK_KNOWN},
                        /* A new disk in the place of the old one. */
                        {{.remembered = true, .mounted = true}, BACKUP_DISK_NEW},
                        {{.remembered = true}, BACKUP_DISK_MISSING},
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                assert_int_equal(backup_disk_judge(&cases[i].facts), cases[i].wanted);
}

/* As if the directory had been on a disk that was mounted there. */
static void remember_disk(const char *mount_point, const char *directory)
{
        char text[1024];

        (void) snprintf(text,
                        sizeof text,
                        "{\"version\": 1, \"directory\": \"%s\", \"mount_point\": \"%s\", \"id\": \"" ID
                        "\"}",
                        directory,
                        mount_point);
        fixture_write(backup_fixture_path(BACKUP_DISK_FILE), text, strlen(text));
}

static BackupDiskState look(const char *directory)
{
        _cleanup_(backup_disk_done) BackupDisk disk = {0};
        _cleanup_fault_ Fault fault = {0};

        if (backup_disk_look(backup_fixture_directory(), directory, &disk, &fault) < 0)
                fail_msg("%s", fault.message);
        return disk.state;
}

static char *make_directory(const char *name)
{
        char *path = strdup(backup_fixture_path(name));

        assert_int_equal(mkdir(path, 0700), 0);
        return path;
}

static void test_a_disk_that_is_not_mounted_is_missing(void **state)
{
        _cleanup_free_ char *directory = make_directory("backups"), *marker = NULL;

        assert_int_equal(look(directory), BACKUP_DISK_NEW);
        remember_disk(directory, directory);
        assert_int_equal(look(directory), BACKUP_DISK_MISSING);
        assert_true(asprintf(&marker, "%s/" BACKUP_DISK_MARKER, directory) > 0);
        fixture_write(marker, ID "\n", strlen(ID) + 1);
        assert_int_equal(look(directory), BACKUP_DISK_KNOWN);
        fixture_write(marker, "f" ID, strlen(ID) + 1);
        assert_int_equal(look(directory), BACKUP_DISK_MISSING);
        assert_int_equal(unlink(marker), 0);
        /* Neither the directory nor its mount point is there. */
        assert_int_equal(rmdir(directory), 0);
        assert_int_equal(look(directory), BACKUP_DISK_MISSING);
}

static void test_another_directory_has_nothing_to_do_with_it(void **state)
{
        _cleanup_free_ char *directory = make_directory("backups"), *other = make_directory("other");

        remember_disk(directory, directory);
        assert_int_equal(look(other), BACKUP_DISK_NEW);
        fixture_write(backup_fixture_path(BACKUP_DISK_FILE), "{", 1);
        assert_int_equal(look(directory), BACKUP_DISK_NEW);
        assert_int_equal(rmdir(directory), 0);
        assert_int_equal(rmdir(other), 0);
}

/* /proc is another file system everywhere, and / is mounted for as long as anything works. */
static void test_another_disk_in_its_place_is_taken(void **state)
{
        remember_disk("/proc", "/proc/self");
        assert_int_equal(look("/proc/self"), BACKUP_DISK_NEW);
}

static void test_on_the_disk_of_the_state_no_marker_is_left(void **state)
{
        _cleanup_free_ char *directory = make_directory("backups");
        _cleanup_fault_ Fault fault = {0};

        remember_disk("/nowhere", "/nowhere/backups");
        if (backup_disk_remember(backup_fixture_directory(), directory, backup_fixture_fd(), &fault) < 0)
                fail_msg("%s", fault.message);
        assert_int_equal(access(backup_fixture_path(BACKUP_DISK_FILE), F_OK), -1);
        assert_int_equal(access(backup_fixture_path(BACKUP_DISK_MARKER), F_OK), -1);
        assert_int_equal(rmdir(directory), 0);
}

static void test_a_disk_of_its_own_is_remembered(void **state)
{
        _cleanup_(backup_disk_done) BackupDisk disk = {0};
        _cleanup_fault_ Fault fault = {0};
        char shm[] = "/dev/shm/oracxpred-disk-XXXXXX";
        _cleanup_free_ char *marker = NULL;
        _cleanup_close_ int fd = -EBADF;
        struct stat there, here;

        assert_non_null(mkdtemp(shm));
        assert_int_equal(stat(shm, &there), 0);
        assert_int_equal(stat(backup_fixture_directory(), &here), 0);
        if (there.st_dev == here.st_dev) {
                assert_int_equal(rmdir(shm), 0);
                skip();
        }
        fd = open(shm, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (backup_disk_remember(backup_fixture_directory(), shm, fd, &fault) < 0)
                fail_msg("%s", fault.message);
        assert_int_equal(backup_disk_look(backup_fixture_directory(), shm, &disk, &fault), 0);
        assert_int_equal(disk.state, BACKUP_DISK_KNOWN);
        assert_string_equal(disk.mount_point, "/dev/shm");
        assert_true(asprintf(&marker, "%s/" BACKUP_DISK_MARKER, shm) > 0);
        assert_int_equal(unlink(marker), 0);
        assert_int_equal(rmdir(shm), 0);
        assert_int_equal(look(shm), BACKUP_DISK_NEW);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, backup_fixture_setup, backup_fixture_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_judgement),
                        TEST(test_a_disk_that_is_not_mounted_is_missing),
                        TEST(test_another_directory_has_nothing_to_do_with_it),
                        TEST(test_another_disk_in_its_place_is_taken),
                        TEST(test_on_the_disk_of_the_state_no_marker_is_left),
                        TEST(test_a_disk_of_its_own_is_remembered),
        };

        return cmocka_run_group_tests_name("backup-disk", tests, NULL, NULL);
}
