/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "room.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/leftover.h"

static void assert_left(const char *name, const char *words)
{
        _cleanup_fault_ Fault fault = {0};
        struct stat status;

        assert_int_equal(leftover_remove(room_fd(), name, &fault), -EEXIST);
        assert_non_null(strstr(fault.message, name));
        assert_non_null(strstr(fault.message, words));
        assert_int_equal(fstatat(room_fd(), name, &status, AT_SYMLINK_NOFOLLOW), 0);
}

static void test_a_file_of_ours_is_removed(void **state)
{
        room_write("a", "x");
        assert_int_equal(leftover_remove(room_fd(), "a", NULL), 1);
        assert_int_equal(leftover_remove(room_fd(), "a", NULL), 0);
}

static void test_what_need_not_be_ours_is_left_and_named(void **state)
{
        assert_int_equal(mkdirat(room_fd(), "directory", 0700), 0);
        assert_left("directory", "is a directory");
        assert_int_equal(mkfifoat(room_fd(), "fifo", 0600), 0);
        assert_left("fifo", "no regular file");
        assert_int_equal(symlinkat("elsewhere", room_fd(), "link"), 0);
        assert_left("link", "no regular file");
        if (geteuid() != 0)
                return;
        room_write("theirs", "x");
        assert_int_equal(fchownat(room_fd(), "theirs", 4242, 4242, 0), 0);
        assert_left("theirs", "another user");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, room_setup, room_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                        TEST(test_a_file_of_ours_is_removed),
                        TEST(test_what_need_not_be_ours_is_left_and_named),
        };

        return cmocka_run_group_tests_name("base/leftover", tests, NULL, NULL);
}
