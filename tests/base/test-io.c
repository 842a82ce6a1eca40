/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "room.h"

#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>

#include "base/io.h"

#define LARGE_BYTES ((size_t) (3 * MIB))

static void *write_large(void *argument)
{
        const int *fd = argument;
        char *data = malloc(LARGE_BYTES);

        memset(data, 'x', LARGE_BYTES);
        (void) io_write_all(*fd, data, LARGE_BYTES);
        free(data);
        (void) close(*fd);
        return NULL;
}

/* A pipe takes and gives 64 KiB at a time, at the most. */
static void test_whole_through_partial_calls(void **state)
{
        _cleanup_free_ char *data = malloc(LARGE_BYTES + 1);
        pthread_t writer;
        size_t size;
        int fds[2];

        assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
        assert_int_equal(pthread_create(&writer, NULL, write_large, &fds[1]), 0);
        assert_int_equal(io_read_full(fds[0], data, LARGE_BYTES + 1, &size), 0);
        assert_int_equal(size, LARGE_BYTES);
        assert_int_equal(pthread_join(writer, NULL), 0);
        (void) close(fds[0]);
}

static void test_read_at_leaves_the_position_alone(void **state)
{
        _cleanup_close_ int fd = -EBADF;
        char data[8];
        size_t size;

        room_write("a", "0123456789");
        fd = open(room_path("a"), O_RDONLY | O_CLOEXEC);
        assert_int_equal(io_read_full_at(fd, data, 3, 4, &size), 0);
        assert_int_equal(size, 3);
        assert_memory_equal(data, "456", 3);
        assert_int_equal(io_read_full_at(fd, data, 8, 8, &size), 0);
        assert_int_equal(size, 2);
        assert_int_equal(io_read_full_at(fd, data, 8, 100, &size), 0);
        assert_int_equal(size, 0);
        assert_int_equal(lseek(fd, 0, SEEK_CUR), 0);
}

static void test_write_at_leaves_the_position_alone(void **state)
{
        _cleanup_close_ int fd = -EBADF;
        _cleanup_free_ char *text = NULL;

        room_write("a", "0123456789");
        fd = open(room_path("a"), O_RDWR | O_CLOEXEC);
        assert_int_equal(io_write_all_at(fd, "abc", 3, 8), 0);
        assert_int_equal(lseek(fd, 0, SEEK_CUR), 0);
        text = room_read("a");
        assert_string_equal(text, "01234567abc");
        assert_int_equal(io_write_all_at(-1, "x", 1, 0), -EBADF);
}

static void test_errors_are_told(void **state)
{
        char data[8];
        size_t size;

        assert_int_equal(io_write_all(-1, "x", 1), -EBADF);
        assert_int_equal(io_read_full(-1, data, sizeof data, &size), -EBADF);
        assert_int_equal(io_read_full_at(-1, data, sizeof data, 0, &size), -EBADF);
}

static void test_read_file(void **state)
{
        _cleanup_free_ char *text = NULL;
        char *none = NULL;
        size_t size;

        room_write("a", "hello");
        assert_int_equal(io_read_file(room_fd(), "a", 5, &text, &size), 0);
        assert_string_equal(text, "hello");
        assert_int_equal(size, 5);
        assert_int_equal(io_read_file(room_fd(), "a", 4, &none, &size), -EFBIG);
        assert_int_equal(io_read_file(room_fd(), "b", 4, &none, &size), -ENOENT);
        assert_int_equal(io_read_file(room_fd(), ".", 4, &none, &size), -EINVAL);
        assert_null(none);
}

static void test_read_file_of_length_zero(void **state)
{
        _cleanup_free_ char *text = NULL;
        size_t size;

        room_write("a", "");
        assert_int_equal(io_read_file(room_fd(), "a", 0, &text, &size), 0);
        assert_int_equal(size, 0);
        assert_string_equal(text, "");
}

/* Without O_NONBLOCK this test would never end. */
static void test_read_file_never_waits_on_a_fifo(void **state)
{
        char *none = NULL;

        assert_int_equal(mkfifoat(room_fd(), "fifo", 0600), 0);
        assert_int_equal(io_read_file(room_fd(), "fifo", 100, &none, NULL), -EINVAL);
}

/* /proc has files that say they have no bytes, and then give some: as a file that grows. */
static void test_read_file_that_grows_is_not_cut(void **state)
{
        char *none = NULL;

        assert_int_equal(io_read_file(AT_FDCWD, "/proc/self/stat", 1000, &none, NULL), -EAGAIN);
        assert_null(none);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, room_setup, room_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_whole_through_partial_calls),
                        TEST(test_read_at_leaves_the_position_alone),
                        TEST(test_write_at_leaves_the_position_alone),
                        cmocka_unit_test(test_errors_are_told),
                        TEST(test_read_file),
                        TEST(test_read_file_of_length_zero),
                        TEST(test_read_file_never_waits_on_a_fifo),
                        cmocka_unit_test(test_read_file_that_grows_is_not_cut),
        };

        return cmocka_run_group_tests_name("io", tests, NULL, NULL);
}
