/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "room.h"

#include <fcntl.h>
#include <string.h>

#include "base/directory.h"

static void test_lists_every_name_once(void **state)
{
        bool seen[300] = {0};
        _cleanup_(directory_list_done) DirectoryList list = {0};

        for (unsigned i = 0; i < ELEMENTSOF(seen); i++) {
                char name[16];

                (void) snprintf(name, sizeof name, "%u", i);
                room_write(name, "");
        }
        assert_int_equal(directory_list(room_fd(), &list), 0);
        assert_int_equal(list.n_names, ELEMENTSOF(seen));
        for (size_t i = 0; i < list.n_names; i++) {
                unsigned long number = strtoul(list.names[i], NULL, 10);

                assert_true(number < ELEMENTSOF(seen) && !seen[number]);
                seen[number] = true;
        }
}

/* The descriptor that is given stays usable, from the start. */
static void test_can_be_asked_again(void **state)
{
        _cleanup_(directory_list_done) DirectoryList first = {0}, second = {0};

        room_write(".hidden", "");
        assert_int_equal(directory_list(room_fd(), &first), 0);
        assert_int_equal(directory_list(room_fd(), &second), 0);
        assert_int_equal(first.n_names, 1);
        assert_int_equal(second.n_names, 1);
        assert_string_equal(second.names[0], ".hidden");
}

static void test_errors_are_told(void **state)
{
        _cleanup_close_ int fd = -EBADF;
        DirectoryList list = {.n_names = 77};

        room_write("a", "");
        fd = open(room_path("a"), O_RDONLY | O_CLOEXEC);
        assert_int_equal(directory_list(fd, &list), -ENOTDIR);
        assert_int_equal(directory_list(-1, &list), -EBADF);
        assert_int_equal(list.n_names, 77);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, room_setup, room_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                        TEST(test_lists_every_name_once),
                        TEST(test_can_be_asked_again),
                        TEST(test_errors_are_told),
        };

        return cmocka_run_group_tests_name("directory", tests, NULL, NULL);
}
