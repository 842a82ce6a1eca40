/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup-fixture.h"

#include <string.h>

#include "backup/catalogue/remove.h"

#define OTHER "backup_20260101_000000"
#define NAME "backup_20260124_014621"
#define OTHER_FILES OTHER ".db.gz " OTHER ".db.gz.meta "

static void remove_file(const char *file)
{
        _cleanup_(manifest_freep) Manifest *manifest = NULL;
        _cleanup_fault_ Fault fault = {0};

        assert_int_equal(manifest_new(&manifest), 0);
        manifest->file = strdup(file);
        if (remove_backup(backup_fixture_fd(), manifest, &fault) < 0)
                fail_msg("%s", fault.message);
}

static void create_both(void)
{
        manifest_free(backup_fixture_create(OTHER, COMPRESSION_GZIP));
        manifest_free(backup_fixture_create(NAME, COMPRESSION_GZIP));
}

static void test_removes_file_and_manifest_alone(void **state)
{
        create_both();
        remove_file(NAME ".db.gz");
        backup_fixture_assert_names(OTHER_FILES);
        remove_file(NAME ".db.gz");
        backup_fixture_assert_names(OTHER_FILES);
}

static void test_removes_a_manifest_whose_file_is_gone(void **state)
{
        create_both();
        assert_int_equal(unlink(backup_fixture_path(NAME ".db.gz")), 0);
        remove_file(NAME ".db.gz");
        backup_fixture_assert_names(OTHER_FILES);
}

static void test_removes_an_adopted_file(void **state)
{
        fixture_write(backup_fixture_path("backup_a.db"), "x", 1);
        fixture_write(backup_fixture_path("backup_a.db-wal"), "x", 1);
        fixture_write(backup_fixture_path("backup_b.db"), "x", 1);
        fixture_write(backup_fixture_path("backup_b.db.meta"), "{\"timestamp\": 1}", 16);
        remove_file("backup_a.db");
        backup_fixture_assert_names("backup_a.db-wal backup_b.db backup_b.db.meta ");
        remove_file("backup_b.db");
        backup_fixture_assert_names("backup_a.db-wal ");
}

static void test_a_stale_marker_is_no_obstacle(void **state)
{
        create_both();
        fixture_write(backup_fixture_path("." NAME ".db.gz.meta.unfinished"), "x", 1);
        remove_file(NAME ".db.gz");
        backup_fixture_assert_names(OTHER_FILES);
}

static void remove_in_child(void)
{
        remove_file(NAME ".db.gz");
}

static void check_after_kill(const char *point)
{
        _cleanup_free_ char *names = NULL;
        _cleanup_fault_ Fault fault = {0};
        unsigned removed;

        assert_int_equal(create_clean_up_leftovers(backup_fixture_fd(), &removed, &fault), 0);
        names = backup_fixture_names();
        /* Every point comes after the manifest lost its name, so the removal always ends. */
        if (strcmp(names, OTHER_FILES) != 0)
                fail_msg("killed at %s, cleaned up to: %s", point, names);
}

static void test_killed_at_every_step(void **state)
{
        backup_fixture_kill_everywhere(create_both, remove_in_child, check_after_kill);
}

static void prepare_half_removed(void)
{
        create_both();
        assert_int_equal(rename(backup_fixture_path(NAME ".db.gz.meta"),
                                         backup_fixture_path("." NAME ".db.gz.meta.unfinished")),
                        0);
}

static void clean_up_in_child(void)
{
        unsigned removed;

        if (create_clean_up_leftovers(backup_fixture_fd(), &removed, NULL) < 0)
                _exit(1);
}

static void test_clean_up_killed_at_every_step(void **state)
{
        backup_fixture_kill_everywhere(prepare_half_removed, clean_up_in_child, check_after_kill);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, backup_fixture_setup, backup_fixture_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                        TEST(test_removes_file_and_manifest_alone),
                        TEST(test_removes_a_manifest_whose_file_is_gone),
                        TEST(test_removes_an_adopted_file),
                        TEST(test_a_stale_marker_is_no_obstacle),
                        TEST(test_killed_at_every_step),
                        TEST(test_clean_up_killed_at_every_step),
        };

        return cmocka_run_group_tests_name("remove", tests, NULL, NULL);
}
