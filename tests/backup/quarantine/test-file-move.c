/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup-fixture.h"

#include <string.h>
#include <sys/stat.h>

#include "backup/quarantine/file-move.h"

static void write_text(const char *path, const char *text)
{
        fixture_write(path, text, strlen(text));
}

static void assert_text(const char *path, const char *wanted)
{
        size_t size;
        _cleanup_free_ char *text = fixture_read(path, &size);

        assert_string_equal(text, wanted);
}

/* Copied from `from` to `to`, which lie where the caller says. */
static void move_and_copy(const char *from, const char *to)
{
        _cleanup_fault_ Fault fault = {0};

        assert_int_equal(file_move(from, to, &fault), 0);
        assert_int_equal(file_copy(from, to, &fault), 0);
        assert_int_equal(fixture_file_size(to), -1);

        write_text(from, "content");
        assert_int_equal(chmod(from, 0640), 0);
        for (unsigned i = 0; i < 2; i++) {
                assert_int_equal(file_copy(from, to, &fault), 0);
                assert_text(from, "content");
                assert_text(to, "content");
        }
        /* The second name is that of a move that was cut off. */
        assert_int_equal(file_move(from, to, &fault), 0);
        assert_int_equal(fixture_file_size(from), -1);
        assert_text(to, "content");

        write_text(from, "another");
        assert_true(file_copy(from, to, &fault) < 0);
        fixture_assert_fault(&fault, FAULT_INVALID_ARGUMENT, "exists already");
        assert_true(file_move(from, to, &fault) < 0);
        fixture_assert_fault(&fault, FAULT_INVALID_ARGUMENT, "exists already");
        assert_text(from, "another");
        assert_text(to, "content");

        assert_int_equal(unlink(to), 0);
        assert_int_equal(file_move(from, to, &fault), 0);
        assert_int_equal(fixture_file_size(from), -1);
        assert_text(to, "another");
}

static void test_within_a_mount(void **state)
{
        move_and_copy(fixture_path("from"), fixture_path("to"));
}

static void test_across_mounts(void **state)
{
        char to[256];

        (void) snprintf(to, sizeof to, "%s/to", fixture_mount_small(MIB));
        move_and_copy(fixture_path("from"), to);
}

static void test_without_a_place_to_move_to(void **state)
{
        Fault fault = {0};

        write_text(fixture_path("from"), "content");
        assert_true(file_move(fixture_path("from"), fixture_path("none/to"), &fault) < 0);
        fixture_assert_fault(&fault, FAULT_CANNOT_OPEN, "none/to");
        assert_text(fixture_path("from"), "content");
}

static void test_a_full_disk_leaves_the_file(void **state)
{
        const char *small = fixture_mount_small(64 * KIB);
        _cleanup_free_ char *data = calloc(1, MIB);
        char to[256], copy[300];
        Fault fault = {0};

        (void) snprintf(to, sizeof to, "%s/to", small);
        (void) snprintf(copy, sizeof copy, "%s.moving", to);
        fixture_write(fixture_path("from"), data, MIB);
        assert_true(file_move(fixture_path("from"), to, &fault) < 0);
        fixture_assert_fault(&fault, FAULT_NO_SPACE, "Copying");
        assert_int_equal(fixture_file_size(fixture_path("from")), MIB);
        assert_int_equal(fixture_file_size(to), -1);
        assert_int_equal(fixture_file_size(copy), -1);
}

static void test_comparing(void **state)
{
        _cleanup_free_ char *data = calloc(1, MIB);

        fixture_write(fixture_path("one"), data, MIB);
        data[MIB - 1] = 1;
        fixture_write(fixture_path("two"), data, MIB);
        assert_false(file_has_same_content(fixture_path("one"), fixture_path("two")));
        assert_true(file_has_same_content(fixture_path("two"), fixture_path("two")));
        assert_false(file_has_same_content(fixture_path("one"), fixture_path("none")));
        assert_false(file_has_same_content(fixture_path(""), fixture_path("")));
}

static void test_left_over_copies_go(void **state)
{
        write_text(fixture_path("to.moving"), "half");
        file_forget_copy(fixture_path("to"));
        assert_int_equal(fixture_file_size(fixture_path("to.moving")), -1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
        const struct CMUnitTest tests[] = {
                        TEST(test_within_a_mount),
                        TEST(test_across_mounts),
                        TEST(test_without_a_place_to_move_to),
                        TEST(test_a_full_disk_leaves_the_file),
                        TEST(test_comparing),
                        TEST(test_left_over_copies_go),
        };

        return cmocka_run_group_tests_name("file-move", tests, NULL, NULL);
}
