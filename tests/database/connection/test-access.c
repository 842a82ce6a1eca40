/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fixture.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "database/connection/access.h"

static void assert_refused(const char *path, FaultCode code, const char *words)
{
        Fault fault = {0};

        assert_true(access_require(path, R_OK | W_OK, &fault) < 0);
        fixture_assert_fault(&fault, code, words);
}

static void test_what_can_be_used(void **state)
{
        Fault fault = {0};

        fixture_write(fixture_path("file"), "x", 1);
        assert_int_equal(access_require(fixture_path("file"), R_OK | W_OK, &fault), 0);
        assert_int_equal(access_require(*state, R_OK | W_OK | X_OK, &fault), 0);
        assert_refused(fixture_path("none"), FAULT_CANNOT_OPEN, "none");
}

static void test_owner_is_named_with_the_ways_out(void **state)
{
        const char *path = fixture_path("file");

        fixture_write(path, "x", 1);
        if (geteuid() != 0)
                skip();
        assert_int_equal(chmod(path, 0644), 0);
        assert_int_equal(chmod(*state, 0755), 0);
        assert_int_equal(seteuid(65534), 0);
        assert_refused(path, FAULT_PERMISSION, "belongs to root (owner 0:0, mode 0644)");
        assert_refused(path, FAULT_PERMISSION, "setfacl -P -m u:65534:rw");
        assert_int_equal(seteuid(0), 0);
}

static void mark(const char *path, char flag, const char *words)
{
        char command[256];

        (void) snprintf(command, sizeof command, "chattr +%c '%s' 2>/dev/null", flag, path);
        if (system(command) != 0)
                skip();
        assert_refused(path, FAULT_PERMISSION, words);
        fixture_run("chattr -%c '%s'", flag, path);
}

static void test_marks_are_named(void **state)
{
        fixture_write(fixture_path("file"), "x", 1);
        mark(fixture_path("file"), 'i', "chattr -i");
        mark(fixture_path("file"), 'a', "chattr -a");
        mark(*state, 'i', "chattr -i");
}

/* A real one, in a file: neither access() nor statvfs() knows of it. */
static void test_a_file_system_that_turned_read_only(void **state)
{
        const char *image = fixture_path("image"), *place = fixture_path("place");
        char path[256], trigger[256];

        if (geteuid() != 0 || access("/sys/fs/ext4", F_OK) < 0)
                skip();
        assert_int_equal(mkdir(place, 0755), 0);
        (void) snprintf(trigger,
                        sizeof trigger,
                        "truncate -s 16M '%s' && mkfs.ext4 -q '%s' && "
                        "mount -o loop,errors=remount-ro '%s' '%s' 2>/dev/null",
                        image,
                        image,
                        image,
                        place);
        if (system(trigger) != 0)
                skip();
        (void) snprintf(path, sizeof path, "%s/file", place);
        fixture_write(path, "x", 1);
        (void) snprintf(trigger,
                        sizeof trigger,
                        "echo x >/sys/fs/ext4/$(basename $(findmnt -no SOURCE '%s'))/trigger_fs_error",
                        place);
        if (system(trigger) == 0)
                assert_refused(path, FAULT_READ_ONLY, "read-only");
        fixture_run("umount -l '%s'", place);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
        const struct CMUnitTest tests[] = {
                        TEST(test_what_can_be_used),
                        TEST(test_owner_is_named_with_the_ways_out),
                        TEST(test_marks_are_named),
                        TEST(test_a_file_system_that_turned_read_only),
        };

        return cmocka_run_group_tests_name("database/access", tests, NULL, NULL);
}
