/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "restore-fixture.h"

#include <string.h>
#include <sys/stat.h>

#include "backup/restore/restore-plan.h"

#define OLDER "backup_20260101_000000"

static RestorePlan make_plan(const RestoreRequest *request)
{
        _cleanup_fault_ Fault fault = {0};
        RestorePlan plan = {0};

        if (restore_plan(request, &backup_fixture_progress, &plan, &fault) < 0)
                fail_msg("%s", fault.message);
        return plan;
}

static const RestorePlanTable *find_table(const RestorePlan *plan, const char *name)
{
        for (size_t i = 0; i < plan->n_tables; i++)
                if (strcmp(plan->tables[i].name, name) == 0)
                        return plan->tables + i;
        fail_msg("no table %s", name);
        return NULL;
}

static void test_what_comes_and_goes(void **state)
{
        _cleanup_(manifest_freep) Manifest *manifest = backup_fixture_create(OLDER, COMPRESSION_GZIP);
        RestoreRequest request = restore_fixture_request(manifest);
        _cleanup_(restore_plan_done) RestorePlan plan = {0};

        restore_fixture_set_users(5);
        restore_fixture_execute(backup_fixture_database(),
                        "DROP TABLE alerts; CREATE TABLE later(a); INSERT INTO later VALUES (1)");
        plan = make_plan(&request);
        assert_string_equal(plan.backup, OLDER);
        assert_int_equal(plan.created_usec, manifest->created_usec);
        assert_int_equal(plan.age_usec, request.now_usec - manifest->created_usec);
        assert_true(plan.current_readable);
        assert_int_equal(plan.n_tables, 3);
        assert_int_equal(find_table(&plan, "users")->rows_now, 5);
        assert_int_equal(find_table(&plan, "users")->rows_then, 3);
        assert_true(find_table(&plan, "alerts")->now_known);
        assert_int_equal(find_table(&plan, "alerts")->rows_now, 0);
        assert_true(find_table(&plan, "later")->then_known);
        assert_int_equal(find_table(&plan, "later")->rows_now, 1);
        assert_int_equal(find_table(&plan, "later")->rows_then, 0);
        assert_int_equal(plan.method, RESTORE_IN_PLACE);
        assert_string_equal(plan.saves_as, PRE_RESTORE_NAME);
        assert_null(plan.quarantine);
        assert_true(plan.needed_bytes >= 2 * manifest->database_bytes);
        assert_true(plan.free_bytes > 0);
        assert_int_equal(plan.open_files.n_holders, 0);
        /* Nothing was done. */
        assert_int_equal(restore_fixture_query(backup_fixture_database(), "SELECT count(*) FROM users"), 5);
        assert_int_equal(restore_fixture_n_quarantined(), 0);
}

static void test_names_meet_however_they_are_spelled(void **state)
{
        _cleanup_(restore_plan_done) RestorePlan plan = {0};
        _cleanup_(manifest_freep) Manifest *manifest = NULL;
        RestoreRequest request;

        restore_fixture_execute(backup_fixture_database(), "CREATE TABLE \"odd\xef\xbf\xbf\"(a)");
        manifest = backup_fixture_create(OLDER, COMPRESSION_GZIP);
        request = restore_fixture_request(manifest);
        restore_fixture_execute(backup_fixture_database(), "INSERT INTO \"odd\xef\xbf\xbf\" VALUES (1)");
        plan = make_plan(&request);
        assert_int_equal(plan.n_tables, 3);
        assert_int_equal(find_table(&plan, "odd???")->rows_now, 1);
        assert_int_equal(find_table(&plan, "odd???")->rows_then, 0);
}

static void test_what_nobody_counted_is_not_said_to_be_lost(void **state)
{
        _cleanup_(manifest_freep) Manifest *manifest = backup_fixture_create(OLDER, COMPRESSION_GZIP);
        RestoreRequest request = restore_fixture_request(manifest);
        _cleanup_(restore_plan_done) RestorePlan plan = {0};
        size_t n_tables = manifest->n_tables;

        manifest->n_tables = 0; /* as an adopted backup has it */
        plan = make_plan(&request);
        manifest->n_tables = n_tables;
        assert_true(find_table(&plan, "users")->now_known);
        assert_false(find_table(&plan, "users")->then_known);
}

static void test_a_database_that_can_not_be_read(void **state)
{
        static const ApplicationControl control = {.has_units = true};
        _cleanup_(manifest_freep) Manifest *manifest = backup_fixture_create(OLDER, COMPRESSION_GZIP);
        RestoreRequest request = restore_fixture_request(manifest);
        Application *application = application_start(backup_fixture_database());

        fixture_overwrite(backup_fixture_database(), 0, "no database at all", 18);
        for (unsigned i = 0; i < 3; i++) {
                _cleanup_(restore_plan_done) RestorePlan plan = {0};

                request.control = i == 1 ? &control : NULL;
                request.force = i == 2;
                plan = make_plan(&request);
                assert_false(plan.current_readable);
                assert_non_null(plan.current_problem);
                assert_false(find_table(&plan, "users")->now_known);
                assert_int_equal(plan.method, RESTORE_REPLACE);
                assert_null(plan.saves_as);
                assert_string_equal(plan.quarantine, restore_fixture_quarantine());
                assert_int_equal(plan.open_files.n_holders, 1);
                assert_int_equal(plan.open_files.holders[0].pid, application_pid(application));
                assert_int_equal(plan.stops_units, i == 1);
                assert_int_equal(plan.refused_in_use, i == 0);
        }
        application_stop(application);
}

static void test_a_missing_or_empty_database(void **state)
{
        _cleanup_(manifest_freep) Manifest *manifest = backup_fixture_create(OLDER, COMPRESSION_GZIP);
        RestoreRequest request = restore_fixture_request(manifest);
        _cleanup_(restore_plan_done) RestorePlan empty = {0}, missing = {0};

        assert_int_equal(truncate(backup_fixture_database(), 0), 0);
        empty = make_plan(&request);
        assert_int_equal(empty.method, RESTORE_REPLACE);
        assert_non_null(strstr(empty.current_problem, "empty"));
        assert_int_equal(unlink(backup_fixture_database()), 0);
        (void) unlink(fixture_path("live.db-wal"));
        (void) unlink(fixture_path("live.db-shm"));
        missing = make_plan(&request);
        assert_int_equal(missing.method, RESTORE_REPLACE);
        assert_non_null(strstr(missing.current_problem, "no database"));
        assert_null(missing.quarantine);
        assert_null(missing.saves_as);
}

static void test_another_page_size(void **state)
{
        _cleanup_(manifest_freep) Manifest *manifest = backup_fixture_create(OLDER, COMPRESSION_GZIP);
        RestoreRequest request = restore_fixture_request(manifest);
        _cleanup_(restore_plan_done) RestorePlan plan = {0};

        restore_fixture_execute(backup_fixture_database(),
                        "PRAGMA journal_mode=DELETE; PRAGMA page_size=8192; VACUUM; PRAGMA "
                        "journal_mode=WAL");
        plan = make_plan(&request);
        assert_int_equal(plan.method, RESTORE_REPLACE);
        assert_string_equal(plan.saves_as, PRE_RESTORE_NAME);
        assert_non_null(plan.quarantine);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, restore_fixture_setup, restore_fixture_teardown)
        const struct CMUnitTest tests[] = {
                        TEST(test_what_comes_and_goes),
                        TEST(test_names_meet_however_they_are_spelled),
                        TEST(test_what_nobody_counted_is_not_said_to_be_lost),
                        TEST(test_a_database_that_can_not_be_read),
                        TEST(test_a_missing_or_empty_database),
                        TEST(test_another_page_size),
        };

        return cmocka_run_group_tests_name("restore-plan", tests, NULL, NULL);
}
