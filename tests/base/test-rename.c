/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "room.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/publish.h"
#include "base/rename.h"

/* What the file system below answers; 0: as it really is. */
static int flag_error, link_error, mode_error;
static bool killed_after_link;

int __real_renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned flags);
int __real_linkat(int from_fd, const char *from, int to_fd, const char *to, int flags);
int __real_unlinkat(int directory_fd, const char *name, int flags);
int __real_fchmod(int fd, mode_t mode);
int __wrap_renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned flags);
int __wrap_linkat(int from_fd, const char *from, int to_fd, const char *to, int flags);
int __wrap_unlinkat(int directory_fd, const char *name, int flags);
int __wrap_fchmod(int fd, mode_t mode);

static int fail_with(int error)
{
        errno = error;
        return -1;
}

int __wrap_renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned flags)
{
        return flags != 0 && flag_error ? fail_with(flag_error)
                                        : __real_renameat2(from_fd, from, to_fd, to, flags);
}

int __wrap_linkat(int from_fd, const char *from, int to_fd, const char *to, int flags)
{
        return link_error ? fail_with(link_error) : __real_linkat(from_fd, from, to_fd, to, flags);
}

int __wrap_unlinkat(int directory_fd, const char *name, int flags)
{
        return killed_after_link ? fail_with(EINTR) : __real_unlinkat(directory_fd, name, flags);
}

int __wrap_fchmod(int fd, mode_t mode)
{
        return mode_error ? fail_with(mode_error) : __real_fchmod(fd, mode);
}

static int setup(void **state)
{
        flag_error = link_error = mode_error = 0;
        killed_after_link = false;
        return room_setup(state);
}

static void assert_content(const char *name, const char *wanted)
{
        _cleanup_free_ char *text = room_read(name);

        assert_string_equal(text, wanted);
}

static int rename_in_room(const char *from, const char *to)
{
        return rename_noreplace(room_fd(), from, room_fd(), to);
}

static const struct {
        int flag_error, link_error;
} file_systems[] = {
                {0, 0},               /* knows the flag */
                {EINVAL, 0},          /* bindfs, ntfs-3g, sshfs, mergerfs, NFS */
                {EINVAL, EPERM},      /* exfat: no hard links */
                {EINVAL, ENOSYS},     /* a file system in user space that never heard of them */
                {ENOSYS, EOPNOTSUPP}, /* the same behind an old kernel */
                {EOPNOTSUPP, EMLINK}, /* a file that has all the names it may have */
};

static void test_any_file_system_renames_and_replaces_nothing(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(file_systems); i++) {
                flag_error = file_systems[i].flag_error;
                link_error = file_systems[i].link_error;
                room_write("a", "one");
                room_write("b", "two");
                assert_int_equal(rename_in_room("a", "b"), -EEXIST);
                assert_content("a", "one");
                assert_content("b", "two");
                assert_int_equal(rename_in_room("a", "c"), 0);
                assert_content("c", "one");
                assert_int_equal(rename_in_room("a", "d"), -ENOENT);
                assert_int_equal(room_count(), 2);
                assert_int_equal(unlinkat(room_fd(), "c", 0), 0);
        }
}

static void test_a_folder_is_renamed_too(void **state)
{
        flag_error = EINVAL;
        assert_int_equal(mkdirat(room_fd(), "folder", 0700), 0);
        assert_int_equal(mkdirat(room_fd(), "taken", 0700), 0);
        assert_int_equal(rename_in_room("folder", "taken"), -EEXIST);
        assert_int_equal(rename_in_room("folder", "new"), 0);
        assert_int_equal(room_count(), 2);
}

static void test_killed_half_way_it_is_finished_by_the_next_try(void **state)
{
        flag_error = EINVAL;
        room_write("a", "one");
        killed_after_link = true;
        assert_int_equal(rename_in_room("a", "b"), -EINTR);
        killed_after_link = false;
        assert_int_equal(room_count(), 2);
        assert_int_equal(rename_in_room("a", "b"), 0);
        assert_content("b", "one");
        assert_int_equal(room_count(), 1);
}

static void test_real_errors_are_told(void **state)
{
        flag_error = EINVAL;
        link_error = EACCES;
        room_write("a", "one");
        assert_int_equal(rename_in_room("a", "b"), -EACCES);
        flag_error = EROFS;
        assert_int_equal(rename_in_room("a", "b"), -EROFS);
        assert_int_equal(room_count(), 1);
}

/* FAT: neither the flag, nor links, nor modes. */
static void test_a_file_is_published_where_little_is_known(void **state)
{
        _cleanup_(publish_freep) Publication *publication = NULL;
        _cleanup_fault_ Fault fault = {0};

        flag_error = EINVAL;
        link_error = mode_error = EPERM;
        if (publish_begin(room_fd(), "a", 0640, &publication, &fault) < 0)
                fail_msg("%s", fault.message);
        assert_int_equal(io_write_all(publication->fd, "new", 3), 0);
        assert_int_equal(publish_commit(publication, false, &fault), 0);
        assert_content("a", "new");
        assert_int_equal(room_count(), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, room_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                        TEST(test_any_file_system_renames_and_replaces_nothing),
                        TEST(test_a_folder_is_renamed_too),
                        TEST(test_killed_half_way_it_is_finished_by_the_next_try),
                        TEST(test_real_errors_are_told),
                        TEST(test_a_file_is_published_where_little_is_known),
        };

        return cmocka_run_group_tests_name("rename", tests, NULL, NULL);
}
