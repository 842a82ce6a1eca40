/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A restore in place whose last step fails: the new state may be the database's already, and may not. */

#include "restore-fixture.h"

#include <limits.h>

#include "../database/event-vfs.h"
#include "backup/restore/restore-record.h"

#define COUNT "SELECT count(*) FROM users"
#define OLDER "backup_20260101_000000"

/* A backup with 3 users, and then a live database with 5. */
static Manifest *backup_then_change(void)
{
        Manifest *manifest = backup_fixture_create(OLDER, COMPRESSION_GZIP);

        restore_fixture_set_users(5);
        return manifest;
}

/* A disk that fails to sync the -wal `n` times, once the pages of the restore are in it. */
static int fail_to_sync(EventVfsCall call, void *userdata)
{
        unsigned *n = userdata;

        if (call != EVENT_VFS_WAL_SYNC || *n == 0)
                return SQLITE_OK;
        (*n)--;
        return SQLITE_IOERR_FSYNC;
}

/* By somebody who finds nothing but the files: what was in the memory of a connection is gone. */
static int64_t count_in_copy(void)
{
        fixture_run("rm -rf '%s'; mkdir '%s'; cp '%s' '%s'",
                        fixture_path("copy"),
                        fixture_path("copy"),
                        backup_fixture_database(),
                        fixture_path("copy/live.db"));
        if (fixture_file_size(fixture_path("live.db-wal")) >= 0)
                fixture_run("cp '%s' '%s'", fixture_path("live.db-wal"), fixture_path("copy/live.db-wal"));
        return restore_fixture_query(fixture_path("copy/live.db"), COUNT);
}

static void test_a_failed_sync_leaves_the_old_state_in_force(void **state)
{
        _cleanup_(manifest_freep) Manifest *manifest = backup_then_change();
        RestoreRequest request = restore_fixture_request(manifest);
        unsigned n = 1;

        event_vfs_set_hook(fail_to_sync, &n);
        restore_fixture_refuse(&request, FAULT_IO, "Restoring into the database");
        event_vfs_set_hook(NULL, NULL);
        assert_int_equal(n, 0);
        assert_int_equal(count_in_copy(), 5);
        assert_int_equal(restore_fixture_query(backup_fixture_database(), COUNT), 5);
        assert_int_equal(restore_fixture_n_quarantined(), 0);
        assert_int_equal(fixture_file_size(fixture_path("state/last-restore.json")), -1);
}

static void test_a_failed_sync_under_an_application_leaves_its_state_in_force(void **state)
{
        _cleanup_(manifest_freep) Manifest *manifest = backup_then_change();
        RestoreRequest request = restore_fixture_request(manifest);
        Application *application = application_start(backup_fixture_database());
        unsigned n = 1;

        event_vfs_set_hook(fail_to_sync, &n);
        restore_fixture_refuse(&request, FAULT_IO, "Restoring into the database");
        event_vfs_set_hook(NULL, NULL);
        assert_int_equal(application_integer(application, COUNT), 5);
        assert_int_equal(count_in_copy(), 5);
        assert_int_equal(application_execute(application, "INSERT INTO users(name) VALUES('more')"),
                        SQLITE_OK);
        application_stop(application);
        assert_int_equal(restore_fixture_query(backup_fixture_database(), COUNT), 6);
        assert_int_equal(restore_fixture_n_quarantined(), 0);
}

/* Whatever is in force then, what was there before is kept, and an undo finds it. */
static void test_what_was_there_is_kept_while_nobody_can_tell(void **state)
{
        _cleanup_(manifest_freep) Manifest *manifest = backup_then_change();
        RestoreRequest request = restore_fixture_request(manifest);
        _cleanup_free_ char *name = NULL, *folder = NULL;
        unsigned n = UINT_MAX;
        Fault fault = {0};

        event_vfs_set_hook(fail_to_sync, &n);
        restore_fixture_refuse(&request, FAULT_IO, "nobody can tell");
        event_vfs_set_hook(NULL, NULL);
        assert_int_equal(restore_fixture_n_quarantined(), 1);
        assert_int_equal(restore_fixture_query(restore_fixture_quarantined("live.db"), COUNT), 5);
        assert_int_equal(restore_undo_source(restore_fixture_state_directory(),
                                         NULL,
                                         backup_fixture_fd(),
                                         &name,
                                         &folder,
                                         &fault),
                        0);
        assert_null(name);
        assert_string_equal(folder, fixture_path("quarantine/20260124_020000"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, restore_fixture_setup, restore_fixture_teardown)
        const struct CMUnitTest tests[] = {
                        TEST(test_a_failed_sync_leaves_the_old_state_in_force),
                        TEST(test_a_failed_sync_under_an_application_leaves_its_state_in_force),
                        TEST(test_what_was_there_is_kept_while_nobody_can_tell),
        };

        return cmocka_run_group_tests_name("restore-failed-commit", tests, NULL, NULL);
}
