/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup-fixture.h"

#include <string.h>

#define FILE_NAME "backup_20260124_014621.db.gz"

static void touch(const char *file)
{
        fixture_write(backup_fixture_path(file), "x", 1);
}

static void assert_cleaned_up_to(const char *wanted, unsigned wanted_removed)
{
        _cleanup_fault_ Fault fault = {0};
        _cleanup_free_ char *names = NULL;
        unsigned removed = 99;

        assert_int_equal(create_clean_up_leftovers(backup_fixture_fd(), &removed, &fault), 0);
        names = backup_fixture_names();
        assert_string_equal(names, wanted);
        assert_int_equal(removed, wanted_removed);
}

static void test_names(void **state)
{
        _cleanup_free_ char *copy = unfinished_copy_name(FILE_NAME),
                            *marker = unfinished_marker_name(FILE_NAME),
                            *verify = unfinished_verify_name(FILE_NAME);
        char file[BACKUP_NAME_MAX];

        assert_string_equal(copy, "." FILE_NAME ".copy.tmp");
        assert_true(unfinished_is_temporary(copy));
        assert_string_equal(verify, FILE_NAME ".verify");
        assert_string_equal(marker, "." FILE_NAME ".meta.unfinished");
        assert_false(unfinished_is_temporary(marker));
        assert_int_equal(unfinished_file_of_marker(marker, file), 0);
        assert_string_equal(file, FILE_NAME);
        assert_int_equal(unfinished_file_of_marker(copy, file), -EINVAL);
        assert_int_equal(unfinished_file_of_marker(FILE_NAME ".meta.unfinished", file), -EINVAL);
        assert_int_equal(unfinished_file_of_marker(".other.meta.unfinished", file), -EINVAL);
}

static void test_leftovers_of_killed_runs_are_removed(void **state)
{
        static const char *const files[] = {
                        "." FILE_NAME ".tmp",
                        "." FILE_NAME ".meta.tmp",
                        "." FILE_NAME ".copy.tmp",
                        "." FILE_NAME ".copy.tmp-journal",
                        "." FILE_NAME ".copy.tmp-wal",
                        "." FILE_NAME ".copy.tmp-shm",
                        "." FILE_NAME ".verify.tmp",
                        "." FILE_NAME ".verify.tmp-journal",
                        ".." FILE_NAME ".meta.unfinished.tmp",
                        ".initial_backup.db.copy.tmp",
                        ".initial_backup.db.gz.tmp",
        };

        for (size_t i = 0; i < ELEMENTSOF(files); i++)
                touch(files[i]);
        assert_cleaned_up_to("", ELEMENTSOF(files));
}

static void test_nothing_else_is_removed(void **state)
{
        static const char *const files[] = {
                        FILE_NAME,
                        FILE_NAME ".meta",
                        FILE_NAME ".tmp",
                        FILE_NAME ".copy.tmp",
                        ".backup_x.tmp",
                        "." FILE_NAME ".swp",
                        "." FILE_NAME,
                        "." FILE_NAME ".meta",
                        "." FILE_NAME ".tmp-journal",
                        "." FILE_NAME ".tmp.bak",
                        ".other.db.tmp",
                        ".tmp",
                        "..tmp",
                        ".meta.unfinished",
                        "..meta.unfinished.tmp",
                        "." FILE_NAME ".meta.unfinished.tmp",
                        ".tmp-wal",
                        ".other.db.meta.unfinished",
                        "backup_x.db",
                        "backup_x.db-journal",
                        "initial_backup.db.gz",
                        "notes.txt",
        };
        _cleanup_free_ char *before = NULL;

        for (size_t i = 0; i < ELEMENTSOF(files); i++)
                touch(files[i]);
        before = backup_fixture_names();
        assert_cleaned_up_to(before, 0);
}

static void test_marked_files_are_removed_with_their_marker(void **state)
{
        touch(FILE_NAME);
        touch("." FILE_NAME ".meta.unfinished");
        touch("backup_x.db");
        assert_true(unfinished_is_marked(backup_fixture_fd(), FILE_NAME));
        assert_false(unfinished_is_marked(backup_fixture_fd(), "backup_x.db"));
        assert_cleaned_up_to("backup_x.db ", 2);
        assert_false(unfinished_is_marked(backup_fixture_fd(), FILE_NAME));
}

static void test_a_manifest_outweighs_a_marker(void **state)
{
        touch(FILE_NAME);
        touch(FILE_NAME ".meta");
        touch("." FILE_NAME ".meta.unfinished");
        assert_cleaned_up_to(FILE_NAME " " FILE_NAME ".meta ", 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, backup_fixture_setup, backup_fixture_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_names),
                        TEST(test_leftovers_of_killed_runs_are_removed),
                        TEST(test_nothing_else_is_removed),
                        TEST(test_marked_files_are_removed_with_their_marker),
                        TEST(test_a_manifest_outweighs_a_marker),
        };

        return cmocka_run_group_tests_name("unfinished", tests, NULL, NULL);
}
