/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A database that was removed while an application has it open. */

#include "restore-fixture.h"

#include <string.h>

#include "backup/quarantine/deleted.h"

#define COUNT "SELECT count(*) FROM users"

static Manifest *source;

/* A backup with 3 users, a removed database with 5, and one more whose commit is in the removed -wal. */
static Application *remove_in_use(void)
{
        Application *application;

        source = manifest_free(source);
        source = backup_fixture_create("backup_20260101_000000", COMPRESSION_GZIP);
        restore_fixture_set_users(5);
        application = application_start(backup_fixture_database());
        assert_int_equal(application_integer(application, COUNT), 5);
        fixture_run("rm '%s'*", backup_fixture_database());
        assert_int_equal(application_execute(application, "INSERT INTO users(name) VALUES('late')"),
                        SQLITE_OK);
        return application;
}

static void test_commits_are_copied_out_before_anybody_is_told_to_stop(void **state)
{
        Application *application = remove_in_use();
        RestoreRequest request = restore_fixture_request(source);

        for (unsigned i = 0; i < 2; i++) {
                restore_fixture_refuse(
                                &request, FAULT_DATABASE_IN_USE, fixture_path("quarantine/20260124_020000"));
                assert_int_equal(restore_fixture_n_quarantined(), 1);
        }
        assert_int_equal(application_execute(application, "INSERT INTO users(name) VALUES('later')"),
                        SQLITE_OK);
        restore_fixture_refuse(&request, FAULT_DATABASE_IN_USE, fixture_path("quarantine/20260124_020001"));
        application_stop(application);
        assert_int_equal(
                        restore_fixture_query(fixture_path("quarantine/20260124_020000/live.db"), COUNT), 6);
        assert_int_equal(
                        restore_fixture_query(fixture_path("quarantine/20260124_020001/live.db"), COUNT), 7);
}

static uint64_t rows_of_users(const Manifest *manifest)
{
        for (size_t i = 0; i < manifest->n_tables; i++)
                if (strcmp(manifest->tables[i].name, "users") == 0)
                        return manifest->tables[i].rows;
        return 0;
}

static int stop(void *userdata, Fault *fault)
{
        application_stop(userdata);
        return 0;
}

static int start(void *userdata, Fault *fault)
{
        return 0;
}

static void test_they_become_the_pre_restore_backup(void **state)
{
        _cleanup_(restore_outcome_done) RestoreOutcome outcome = {0};
        ApplicationControl control = {
                        .userdata = remove_in_use(), .has_units = true, .stop = stop, .start = start};
        RestoreRequest request = restore_fixture_request(source);

        request.control = &control;
        request.missing = true;
        restore_fixture_restore(&request, &outcome);
        assert_int_equal(restore_fixture_query(backup_fixture_database(), COUNT), 3);
        assert_non_null(outcome.pre_restore);
        assert_int_equal(rows_of_users(outcome.pre_restore), 6);
        assert_int_equal(restore_fixture_query(restore_fixture_quarantined("live.db"), COUNT), 6);
}

static void test_nobody_has_it_open(void **state)
{
        _cleanup_fault_ Fault fault = {0};
        char *folder = NULL;

        assert_int_equal(deleted_copy_out(backup_fixture_database(),
                                         restore_fixture_quarantine(),
                                         RESTORE_NOW_USEC,
                                         &backup_fixture_progress,
                                         &folder,
                                         &fault),
                        0);
        assert_null(folder);
        assert_int_equal(restore_fixture_n_quarantined(), 0);
}

static int teardown(void **state)
{
        source = manifest_free(source);
        return restore_fixture_teardown(state);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, restore_fixture_setup, teardown)
        const struct CMUnitTest tests[] = {
                        TEST(test_commits_are_copied_out_before_anybody_is_told_to_stop),
                        TEST(test_they_become_the_pre_restore_backup),
                        TEST(test_nobody_has_it_open),
        };

        return cmocka_run_group_tests_name("deleted", tests, NULL, NULL);
}
