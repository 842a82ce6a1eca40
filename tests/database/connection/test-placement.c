/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fixture.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "database/connection/placement.h"
#include "database/statistics/statistics.h"

static mode_t mode_of(const char *path)
{
        struct stat status;

        assert_int_equal(stat(path, &status), 0);
        return status.st_mode & 07777;
}

static void test_directory_is_created_with_its_mode(void **state)
{
        const char *path = fixture_path("data"), *plain = fixture_path("backups");
        _cleanup_close_ int fd = -EBADF, plain_fd = -EBADF;
        mode_t before = umask(077);

        assert_int_equal(placement_open_directory(path, 02770, &fd, NULL), 0);
        assert_int_equal(placement_open_directory(plain, 0750, &plain_fd, NULL), 0);
        (void) umask(before);
        assert_int_equal(mode_of(path), 02770);
        assert_int_equal(mode_of(plain), 0750);
        assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
        assert_int_equal(faccessat(fd, ".", W_OK, 0), 0);
}

static void test_existing_directory_keeps_its_mode(void **state)
{
        const char *path = fixture_path("data");
        _cleanup_close_ int fd = -EBADF;

        assert_int_equal(mkdir(path, 0700), 0);
        assert_int_equal(chmod(path, 0711), 0); /* whatever the umask is */
        assert_int_equal(placement_open_directory(path, 02770, &fd, NULL), 0);
        assert_int_equal(mode_of(path), 0711);
}

static void assert_directory_fault(const char *path, FaultCode code, const char *words)
{
        Fault fault = {0};
        int fd = -EBADF;

        assert_int_equal(placement_open_directory(path, 0750, &fd, &fault), fault_errno(code));
        assert_int_equal(fd, -EBADF);
        assert_non_null(strstr(fault.message, path));
        fixture_assert_fault(&fault, code, words);
}

static void test_directory_that_cannot_be_used(void **state)
{
        const char *file = fixture_path("file"), *foreign = fixture_path("foreign");

        fixture_write(file, "", 0);
        assert_directory_fault(file, FAULT_CANNOT_OPEN, "not a directory");
        assert_directory_fault(fixture_path("no/where"), FAULT_CANNOT_OPEN, "Creating");
        if (geteuid() != 0)
                skip();
        assert_int_equal(mkdir(foreign, 0755), 0);
        assert_int_equal(chmod(*state, 0755), 0);
        assert_int_equal(seteuid(65534), 0);
        assert_directory_fault(foreign, FAULT_PERMISSION, "chown -h 65534:");
        assert_directory_fault(fixture_path("refused"), FAULT_PERMISSION, "Creating");
        assert_int_equal(seteuid(0), 0);
        assert_int_equal(chmod(foreign, 0700), 0);
        assert_int_equal(seteuid(65534), 0);
        assert_directory_fault(foreign, FAULT_PERMISSION, "mode 0700");
        assert_int_equal(seteuid(0), 0);
}

static void test_read_only_file_system(void **state)
{
        const char *small = fixture_mount_small(65536);
        char path[256], data[256];
        Fault fault = {0};

        (void) snprintf(path, sizeof path, "%s/app.db", small);
        (void) snprintf(data, sizeof data, "%s/data", small);
        fixture_write(path, "", 0);
        assert_int_equal(mount(NULL, small, NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
        assert_int_equal(placement_check(path, &fault), -EROFS);
        fixture_assert_fault(&fault, FAULT_READ_ONLY, "mounted read-only");
        assert_directory_fault(data, FAULT_READ_ONLY, "Creating");
}

static void test_database_is_created_once(void **state)
{
        const char *path = fixture_path("app.db");
        _cleanup_free_ char *bytes = NULL;
        mode_t before = umask(077);
        bool created = false;
        size_t size;

        assert_int_equal(placement_create_database(path, &created, NULL), 0);
        (void) umask(before);
        assert_true(created);
        assert_int_equal(mode_of(path), 0660);
        assert_int_equal(fixture_file_size(path), 0);

        fixture_write(path, "precious", 8);
        assert_int_equal(chmod(path, 0600), 0);
        assert_int_equal(placement_create_database(path, &created, NULL), 0);
        assert_false(created);
        bytes = fixture_read(path, &size);
        assert_string_equal(bytes, "precious");
        assert_int_equal(mode_of(path), 0600);
}

static void test_database_is_not_created_through_a_link(void **state)
{
        const char *path = fixture_path("app.db"), *elsewhere = fixture_path("elsewhere.db");
        bool created = true;

        assert_int_equal(symlink(elsewhere, path), 0);
        assert_int_equal(placement_create_database(path, &created, NULL), 0);
        assert_false(created);
        assert_int_equal(fixture_file_size(elsewhere), -1);
}

static void assert_check_fault(const char *path, FaultCode code, const char *words)
{
        Fault fault = {0};

        assert_int_equal(placement_check(path, &fault), fault_errno(code));
        fixture_assert_fault(&fault, code, words);
}

static void test_check_accepts_a_plain_place(void **state)
{
        const char *path = fixture_path("app.db");

        assert_int_equal(placement_check(path, NULL), 0);
        fixture_write(path, "", 0);
        assert_int_equal(placement_check(path, NULL), 0);
        assert_int_equal(placement_check(fixture_path("not/yet.db"), NULL), 0);
}

/* FUSE's control file system, because it can be mounted without a server; it is in the same table. */
static void test_check_refuses_a_file_system_that_is_not_local(void **state)
{
        const char *small = fixture_mount_small(65536);
        char path[256];

        if (mount("none", small, "fusectl", 0, NULL) < 0)
                skip();
        (void) snprintf(path, sizeof path, "%s/app.db", small);
        assert_check_fault(path, FAULT_UNSAFE_FILE_SYSTEM, "fusectl file system");
        assert_int_equal(umount2(small, MNT_DETACH), 0);
}

static void test_check_refuses_links(void **state)
{
        const char *path = fixture_path("app.db"), *other = fixture_path("other.db");

        fixture_write(path, "", 0);
        assert_int_equal(symlink(path, other), 0);
        assert_check_fault(other, FAULT_UNSAFE_FILE_SYSTEM, "symbolic link");
        assert_int_equal(unlink(other), 0);
        assert_int_equal(link(path, other), 0);
        assert_check_fault(path, FAULT_UNSAFE_FILE_SYSTEM, "2 hard links");
        assert_check_fault(*state, FAULT_CANNOT_OPEN, "not a regular file");
}

static void test_check_refuses_what_the_service_cannot_write(void **state)
{
        const char *path = fixture_path("app.db"), *wal = fixture_path("app.db-wal");
        uid_t nobody = 65534;

        if (geteuid() != 0)
                skip();
        fixture_write(path, "", 0);
        assert_int_equal(chmod(*state, 0777), 0);
        assert_int_equal(chown(path, nobody, nobody), 0);
        fixture_write(wal, "", 0);
        assert_int_equal(seteuid(nobody), 0);
        assert_check_fault(path, FAULT_PERMISSION, "app.db-wal'");
        assert_int_equal(unlink(wal), 0);
        assert_int_equal(placement_check(path, NULL), 0);
        assert_int_equal(chmod(path, 0400), 0);
        assert_check_fault(path, FAULT_PERMISSION, "mode 0400");
        assert_int_equal(seteuid(0), 0);
        assert_int_equal(chmod(path, 0600), 0);
        assert_int_equal(chmod(*state, 0755), 0);
        assert_int_equal(seteuid(nobody), 0);
        assert_check_fault(path, FAULT_PERMISSION, "u+rwx");
        assert_int_equal(seteuid(0), 0);
        assert_int_equal(chmod(*state, 0700), 0);
        assert_int_equal(seteuid(nobody), 0);
        assert_check_fault(path, FAULT_PERMISSION, *state);
        assert_int_equal(seteuid(0), 0);
}

static void test_file_systems_have_names(void **state)
{
        assert_string_equal(placement_file_system_name(0xef53), "ext4");
        assert_string_equal(placement_file_system_name(0x6969), "nfs");
        assert_string_equal(placement_file_system_name((long) (int32_t) 0xff534d42), "cifs");
        assert_string_equal(placement_file_system_name((long) 0xff534d42), "cifs");
        assert_string_equal(placement_file_system_name(0x65735546), "fuse");
        assert_string_equal(placement_file_system_name(0x12345), "0x00012345");
}

static void test_disk_space(void **state)
{
        const char *small = fixture_mount_small(65536);
        DiskSpace space;
        Fault fault = {0};

        assert_int_equal(placement_disk_space(small, &space, NULL), 0);
        assert_int_equal(space.total_bytes, 65536);
        assert_int_equal(space.free_bytes, 65536);
        assert_int_equal(placement_require_space(small, 65536, NULL), 0);
        assert_int_equal(placement_require_space(small, 3 * MIB, &fault), -ENOSPC);
        assert_non_null(strstr(fault.message, "64.0 KiB"));
        fixture_assert_fault(&fault, FAULT_NO_SPACE, "3.0 MiB");
        assert_int_equal(placement_require_space(fixture_path("no/where"), 1, &fault), -ENOENT);
        fixture_assert_fault(&fault, FAULT_CANNOT_OPEN, "room left");
}

/* Asked from a child, since a process is never refused its own locks. */
static bool holds_reserved_lock(const char *path)
{
        int status;
        pid_t child = fork();

        assert_true(child >= 0);
        if (child == 0) {
                struct flock lock = {
                                .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0x40000001, .l_len = 1};
                int fd = open(path, O_RDWR | O_CLOEXEC);

                if (fd < 0 || fcntl(fd, F_GETLK, &lock) < 0)
                        _exit(2);
                _exit(lock.l_type != F_UNLCK && lock.l_pid == getppid());
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) <= 1);
        return WEXITSTATUS(status) == 1;
}

/* Closing any descriptor of the database file would drop them. */
static void test_locks_of_this_process_survive(void **state)
{
        const char *path = fixture_path("app.db");
        sqlite3 *application = fixture_open(path);
        Connection *connection = NULL;
        Statistics statistics = {0};
        DiskSpace space;
        bool created;

        fixture_execute(application, "CREATE TABLE t(a); BEGIN IMMEDIATE");
        assert_true(holds_reserved_lock(path));
        assert_int_equal(placement_check(path, NULL), 0);
        assert_int_equal(placement_create_database(path, &created, NULL), 0);
        assert_int_equal(placement_disk_space(path, &space, NULL), 0);
        connection = fixture_connect(path, CONNECTION_READ);
        assert_int_equal(statistics_collect(connection, &statistics, NULL), 0);
        statistics_done(&statistics);
        connection = connection_close(connection);
        assert_true(holds_reserved_lock(path));
        fixture_execute(application, "COMMIT");
        assert_false(holds_reserved_lock(path));
        fixture_close(application);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                        TEST(test_directory_is_created_with_its_mode),
                        TEST(test_existing_directory_keeps_its_mode),
                        TEST(test_directory_that_cannot_be_used),
                        TEST(test_read_only_file_system),
                        TEST(test_database_is_created_once),
                        TEST(test_database_is_not_created_through_a_link),
                        TEST(test_check_accepts_a_plain_place),
                        TEST(test_check_refuses_a_file_system_that_is_not_local),
                        TEST(test_check_refuses_links),
                        TEST(test_check_refuses_what_the_service_cannot_write),
                        TEST(test_file_systems_have_names),
                        TEST(test_disk_space),
                        TEST(test_locks_of_this_process_survive),
        };

        return cmocka_run_group_tests_name("database/placement", tests, NULL, NULL);
}
