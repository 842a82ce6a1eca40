/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "../database/fixture.h"

#include <string.h>

#include "backup/catalogue/backup-name.h"

static const uint64_t noon_usec = UINT64_C(1769255181) * USEC_PER_SEC; /* 2026-01-24 11:46:21 UTC */

static void test_made_from_the_clock(void **state)
{
        char name[BACKUP_NAME_MAX];

        assert_int_equal(backup_name_make(noon_usec + 999999, 0, name), 0);
        assert_string_equal(name, "backup_20260124_114621");
}

static void test_two_in_one_second_do_not_meet(void **state)
{
        char name[BACKUP_NAME_MAX];

        assert_int_equal(backup_name_make(noon_usec + 500000, noon_usec, name), 0);
        assert_string_equal(name, "backup_20260124_114622");
}

static void test_clock_that_jumped_back_never_sorts_before(void **state)
{
        char name[BACKUP_NAME_MAX];

        assert_int_equal(backup_name_make(noon_usec - USEC_PER_DAY, noon_usec, name), 0);
        assert_string_equal(name, "backup_20260124_114622");
        assert_int_equal(backup_name_make(noon_usec, UINT64_C(253402300799) * USEC_PER_SEC, name), -ERANGE);
}

static void test_moment_of_a_name(void **state)
{
        uint64_t usec;

        assert_int_equal(backup_name_usec("backup_20260124_114621", &usec), 0);
        assert_int_equal(usec, noon_usec);
        assert_int_equal(backup_name_usec("backup_20260124_114621_before_update", &usec), 0);
        assert_int_equal(backup_name_usec("backup_20260124_114621.db.gz", &usec), 0);
        assert_int_equal(backup_name_usec("pre_restore_20260124_114621.db", &usec), 0);
        assert_int_equal(usec, noon_usec);
        assert_int_equal(backup_name_usec("backup_20260124_1146219", &usec), -EINVAL);
        assert_int_equal(backup_name_usec("backup_20260230_114621", &usec), -EINVAL);
        assert_int_equal(backup_name_usec("backup_monday", &usec), -EINVAL);
        assert_int_equal(backup_name_usec("backup_", &usec), -EINVAL);
        assert_int_equal(backup_name_usec("b", &usec), -EINVAL);
        assert_int_equal(backup_name_usec(INITIAL_BACKUP_NAME, &usec), -EINVAL);
}

static void test_file_and_back(void **state)
{
        static const struct {
                const char *file;
                Compression compression;
                bool encrypted;
        } cases[] = {
                        {"backup_20260124_114621.db", COMPRESSION_NONE, false},
                        {"backup_20260124_114621.db.gz", COMPRESSION_GZIP, false},
                        {"backup_20260124_114621.db.age", COMPRESSION_NONE, true},
                        {"backup_20260124_114621.db.gz.age", COMPRESSION_GZIP, true},
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_free_ char *file = backup_name_to_file(
                                "backup_20260124_114621", cases[i].compression, cases[i].encrypted);
                char name[BACKUP_NAME_MAX];
                Compression compression;
                bool encrypted;

                assert_string_equal(file, cases[i].file);
                assert_int_equal(backup_name_from_file(file, name, &compression, &encrypted), 0);
                assert_string_equal(name, "backup_20260124_114621");
                assert_int_equal(compression, cases[i].compression);
                assert_int_equal(encrypted, cases[i].encrypted);
        }
}

static void test_other_files_are_not_taken(void **state)
{
        static const char *const files[] = {
                        "",
                        ".db",
                        "backup_.db",
                        "backup_x",
                        "backup_x.db.meta",
                        "backup_x.db.gz.meta",
                        "backup_x.db.tmp",
                        "backup_x.db-wal",
                        "backup_x.sqlite",
                        "initial_backu.db",
                        "pre_restore_.db",
                        "pre_restor_20260124_114621.db",
                        "oracxpred.db",
                        ".backup_x.db",
                        "../backup_x.db",
                        "backup_x/y.db",
                        "backup_x\n.db",
                        "backup_x.db.db",
                        "backup_x.db.gz.db.gz",
                        "backup_\xff.db",
        };
        char name[BACKUP_NAME_MAX];
        Compression compression;
        bool encrypted;

        for (size_t i = 0; i < ELEMENTSOF(files); i++)
                assert_int_equal(backup_name_from_file(files[i], name, &compression, &encrypted), -EINVAL);
        assert_int_equal(backup_name_from_file("initial_backup.db.gz", name, &compression, &encrypted), 0);
        assert_string_equal(name, INITIAL_BACKUP_NAME);
}

static void test_kinds_of_an_older_tree(void **state)
{
        char name[BACKUP_NAME_MAX];
        Compression compression;
        bool encrypted;

        assert_int_equal(backup_name_from_file(
                                         "pre_restore_20260124_114621.db", name, &compression, &encrypted),
                        0);
        assert_int_equal(backup_name_adopted_kind(name), BACKUP_PRE_RESTORE);
        assert_int_equal(backup_name_adopted_kind("backup_20260124_114621"), BACKUP_IMPORTED);
        assert_int_equal(backup_name_adopted_kind(INITIAL_BACKUP_NAME), BACKUP_IMPORTED);
}

static void test_valid_names(void **state)
{
        char longest[BACKUP_NAME_MAX + 1];

        assert_true(backup_name_is_valid("backup_20260124_114621"));
        assert_true(backup_name_is_valid("backup_\xc3\xa9t\xc3\xa9"));
        assert_false(backup_name_is_valid(""));
        assert_false(backup_name_is_valid("."));
        assert_false(backup_name_is_valid(".."));
        assert_false(backup_name_is_valid("a/b"));
        assert_false(backup_name_is_valid("a\x7f"));
        assert_false(backup_name_is_valid("a\xc2\x85")); /* C1: "next line" */
        assert_false(backup_name_is_valid("a\xc3"));

        memset(longest, 'a', sizeof longest);
        longest[BACKUP_NAME_MAX - 1] = '\0';
        assert_true(backup_name_is_valid(longest));
        longest[BACKUP_NAME_MAX - 1] = 'a';
        longest[BACKUP_NAME_MAX] = '\0';
        assert_false(backup_name_is_valid(longest));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_made_from_the_clock),
                        cmocka_unit_test(test_two_in_one_second_do_not_meet),
                        cmocka_unit_test(test_clock_that_jumped_back_never_sorts_before),
                        cmocka_unit_test(test_moment_of_a_name),
                        cmocka_unit_test(test_file_and_back),
                        cmocka_unit_test(test_other_files_are_not_taken),
                        cmocka_unit_test(test_kinds_of_an_older_tree),
                        cmocka_unit_test(test_valid_names),
        };

        return cmocka_run_group_tests_name("backup-name", tests, NULL, NULL);
}
