/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "restore-fixture.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "backup/restore/restore-record.h"
#include "backup/restore/restore-recover.h"

#define COUNT "SELECT count(*) FROM users"
#define OLDER "backup_20260101_000000"
#define PREPARED ".live.db.restore.tmp"

static Manifest *source;

/* A backup with 3 users, and then a live database with 5 whose commits lie in the -wal. */
static void backup_then_change(void)
{
        source = manifest_free(source);
        source = backup_fixture_create(OLDER, COMPRESSION_GZIP);
        restore_fixture_set_users(5);
}

static int setup(void **state)
{
        if (restore_fixture_setup(state) != 0)
                return -1;
        backup_then_change();
        return 0;
}

static int teardown(void **state)
{
        source = manifest_free(source);
        return restore_fixture_teardown(state);
}

static void destroy_header(void)
{
        char rubbish[100];

        memset(rubbish, 'x', sizeof rubbish);
        fixture_overwrite(backup_fixture_database(), 0, rubbish, sizeof rubbish);
}

static void assert_replaced(const RestoreOutcome *outcome)
{
        assert_int_equal(outcome->method, RESTORE_REPLACE);
        assert_true(outcome->checked);
        assert_int_equal(restore_fixture_query(backup_fixture_database(), COUNT), 3);
        assert_int_equal(restore_fixture_query(backup_fixture_database(),
                                         "SELECT journal_mode = 'wal' FROM pragma_journal_mode"),
                        1);
        assert_int_equal(fixture_file_size(fixture_path(".live.db.restore.tmp")), -1);
        assert_int_equal(fixture_file_size(fixture_path("state/restore.json")), -1);
}

static void test_a_destroyed_header(void **state)
{
        _cleanup_(restore_outcome_done) RestoreOutcome outcome = {0};
        RestoreRequest request = restore_fixture_request(source);
        _cleanup_free_ char *before = NULL, *after = NULL;
        size_t before_size, after_size;

        destroy_header();
        before = fixture_read(backup_fixture_database(), &before_size);
        restore_fixture_restore(&request, &outcome);
        assert_replaced(&outcome);
        assert_null(outcome.pre_restore);
        assert_non_null(outcome.saving_problem);
        assert_string_equal(outcome.quarantine, fixture_path("quarantine/20260124_020000"));
        after = fixture_read(restore_fixture_quarantined("live.db"), &after_size);
        assert_int_equal(before_size, after_size);
        assert_memory_equal(before, after, before_size);
}

static void test_a_missing_file(void **state)
{
        _cleanup_(restore_outcome_done) RestoreOutcome outcome = {0};
        RestoreRequest request = restore_fixture_request(source);
        _cleanup_free_ char *name = NULL, *folder = NULL;
        Fault fault = {0};

        assert_int_equal(unlink(backup_fixture_database()), 0);
        restore_fixture_restore(&request, &outcome);
        assert_replaced(&outcome);
        assert_null(outcome.quarantine);
        assert_int_equal(restore_fixture_n_quarantined(), 0);
        assert_true(restore_undo_source(restore_fixture_state_directory(),
                                    NULL,
                                    backup_fixture_fd(),
                                    &name,
                                    &folder,
                                    &fault) < 0);
        fixture_assert_fault(&fault, FAULT_NOT_FOUND, "replaced nothing");
}

/* Commits that nobody has checkpointed, beside a main file that is gone or empty: whoever opened the
 * restored file would have them replayed into it. */
static void stale_wal(bool empty)
{
        _cleanup_(restore_outcome_done) RestoreOutcome outcome = {0};
        RestoreRequest request = restore_fixture_request(source);
        _cleanup_free_ char *wal = NULL, *moved = NULL;
        size_t wal_size, moved_size;

        assert_int_equal(unlink(backup_fixture_database()), 0);
        fixture_create_with_wal(backup_fixture_database(),
                        "CREATE TABLE users(id INTEGER PRIMARY KEY, name TEXT); INSERT INTO users(name) "
                        "VALUES('stale')");
        wal = fixture_read(fixture_path("live.db-wal"), &wal_size);
        assert_true(wal_size > 0);
        if (empty)
                assert_int_equal(truncate(backup_fixture_database(), 0), 0);
        else
                assert_int_equal(unlink(backup_fixture_database()), 0);
        restore_fixture_restore(&request, &outcome);
        assert_replaced(&outcome);
        moved = fixture_read(restore_fixture_quarantined("live.db-wal"), &moved_size);
        assert_int_equal(wal_size, moved_size);
        assert_memory_equal(wal, moved, wal_size);
}

static void test_a_stale_wal_is_not_replayed(void **state)
{
        stale_wal(false);
}

static void test_a_stale_wal_beside_an_empty_file_is_not_replayed(void **state)
{
        stale_wal(true);
}

static void test_another_page_size_in_wal_mode(void **state)
{
        _cleanup_(restore_outcome_done) RestoreOutcome outcome = {0};
        RestoreRequest request = restore_fixture_request(source);

        restore_fixture_execute(backup_fixture_database(),
                        "PRAGMA journal_mode=DELETE; PRAGMA page_size=8192; VACUUM; PRAGMA "
                        "journal_mode=WAL");
        restore_fixture_restore(&request, &outcome);
        assert_replaced(&outcome);
        assert_non_null(outcome.pre_restore);
        assert_null(outcome.saving_problem);
        /* What was moved stays: somebody may still have it open. */
        assert_int_equal(restore_fixture_query(restore_fixture_quarantined("live.db"), COUNT), 5);
}

static void test_a_database_in_rollback_mode_stays_in_it(void **state)
{
        _cleanup_(restore_outcome_done) RestoreOutcome outcome = {0};
        RestoreRequest request = restore_fixture_request(source);

        restore_fixture_execute(backup_fixture_database(), "PRAGMA journal_mode=DELETE");
        request.replaced = true;
        restore_fixture_restore(&request, &outcome);
        assert_int_equal(outcome.method, RESTORE_REPLACE);
        assert_int_equal(restore_fixture_query(backup_fixture_database(),
                                         "SELECT journal_mode = 'delete' FROM pragma_journal_mode"),
                        1);
}

static void refuse_and_name(void)
{
        RestoreRequest request = restore_fixture_request(source);
        Application *application = application_start(backup_fixture_database());
        _cleanup_free_ char *before = NULL, *after = NULL;
        size_t before_size, after_size;
        char name[64];

        (void) snprintf(name, sizeof name, "application (pid %d)", (int) application_pid(application));
        destroy_header();
        before = fixture_read(backup_fixture_database(), &before_size);
        restore_fixture_refuse(&request, FAULT_DATABASE_IN_USE, name);
        after = fixture_read(backup_fixture_database(), &after_size);
        assert_int_equal(before_size, after_size);
        assert_memory_equal(before, after, before_size);
        assert_int_equal(restore_fixture_n_quarantined(), 0);
        assert_int_equal(fixture_file_size(fixture_path("state/restore.json")), -1);
        assert_int_equal(fixture_file_size(fixture_path(".live.db.restore.tmp")), -1);
        application_stop(application);
}

static void test_in_use_it_is_refused_with_names(void **state)
{
        refuse_and_name();
}

static void test_in_use_in_rollback_mode_it_is_refused_with_names(void **state)
{
        restore_fixture_execute(backup_fixture_database(), "PRAGMA journal_mode=DELETE");
        refuse_and_name();
}

static void test_force_replaces_what_is_in_use(void **state)
{
        _cleanup_(restore_outcome_done) RestoreOutcome outcome = {0};
        RestoreRequest request = restore_fixture_request(source);
        Application *application = application_start(backup_fixture_database());

        destroy_header();
        request.force = true;
        restore_fixture_restore(&request, &outcome);
        application_stop(application);
        assert_replaced(&outcome);
}

/* A file that was put in the place of the one that the application has open: what is restored into it the
 * application would never see. */
static void test_a_swapped_file_is_not_restored_in_place(void **state)
{
        RestoreRequest request = restore_fixture_request(source);
        Application *application = application_start(backup_fixture_database());
        size_t size;
        _cleanup_free_ char *image = fixture_read(backup_fixture_database(), &size);

        assert_int_equal(unlink(backup_fixture_database()), 0);
        fixture_write(backup_fixture_database(), image, size);
        restore_fixture_refuse(&request, FAULT_DATABASE_IN_USE, "application (pid");
        application_stop(application);
}

static void test_owner_and_mode_stay(void **state)
{
        _cleanup_(restore_outcome_done) RestoreOutcome outcome = {0};
        RestoreRequest request = restore_fixture_request(source);
        struct stat status;
        bool root = geteuid() == 0;

        assert_int_equal(chmod(backup_fixture_database(), 0664), 0);
        if (root)
                assert_int_equal(chown(backup_fixture_database(), 12345, 23456), 0);
        destroy_header();
        restore_fixture_restore(&request, &outcome);
        assert_int_equal(stat(backup_fixture_database(), &status), 0);
        assert_int_equal(status.st_mode & 07777, 0664);
        if (root) {
                assert_int_equal(status.st_uid, 12345);
                assert_int_equal(status.st_gid, 23456);
        }
}

/* Units, of which each is a real process. */
typedef struct Units {
        Application *application;
        unsigned n_stopped;
        unsigned n_started;
        bool stop_fails;
        bool start_fails;
} Units;

static int stop_units(void *userdata, Fault *fault)
{
        Units *units = userdata;

        units->n_stopped++;
        if (units->stop_fails)
                return fault_set(fault, FAULT_FAILED, "The unit does not stop");
        application_stop(TAKE_PTR(units->application));
        return 0;
}

static int start_units(void *userdata, Fault *fault)
{
        Units *units = userdata;

        units->n_started++;
        if (units->start_fails)
                return fault_set(fault, FAULT_FAILED, "The unit does not start");
        if (!units->application)
                units->application = application_start(backup_fixture_database());
        return 0;
}

static ApplicationControl control_of(Units *units)
{
        return (ApplicationControl){
                        .userdata = units,
                        .has_units = true,
                        .stop = stop_units,
                        .start = start_units,
        };
}

static void test_units_are_stopped_and_started(void **state)
{
        _cleanup_(restore_outcome_done) RestoreOutcome outcome = {0};
        Units units = {.application = application_start(backup_fixture_database())};
        ApplicationControl control = control_of(&units);
        RestoreRequest request = restore_fixture_request(source);

        request.control = &control;
        destroy_header();
        restore_fixture_restore(&request, &outcome);
        assert_int_equal(units.n_stopped, 1);
        assert_int_equal(units.n_started, 1);
        assert_true(outcome.units_stopped);
        assert_int_equal(outcome.start_fault.code, FAULT_NONE);
        assert_int_equal(application_integer(units.application, COUNT), 3);
        application_stop(units.application);
        assert_replaced(&outcome);
}

static void test_units_stay_alone_when_it_works_in_place(void **state)
{
        _cleanup_(restore_outcome_done) RestoreOutcome outcome = {0};
        Units units = {.application = application_start(backup_fixture_database())};
        ApplicationControl control = control_of(&units);
        RestoreRequest request = restore_fixture_request(source);

        request.control = &control;
        restore_fixture_restore(&request, &outcome);
        assert_int_equal(outcome.method, RESTORE_IN_PLACE);
        assert_int_equal(units.n_stopped, 0);
        application_stop(units.application);
}

static void test_units_are_started_again_when_others_are_in_the_way(void **state)
{
        Units units = {.application = application_start(backup_fixture_database())};
        Application *other = application_start(backup_fixture_database());
        ApplicationControl control = control_of(&units);
        RestoreRequest request = restore_fixture_request(source);
        char name[64];

        (void) snprintf(name, sizeof name, "open in application (pid %d),", (int) application_pid(other));
        request.control = &control;
        destroy_header();
        restore_fixture_refuse(&request, FAULT_DATABASE_IN_USE, name);
        assert_int_equal(units.n_stopped, 1);
        assert_int_equal(units.n_started, 1);
        assert_int_equal(fixture_file_size(fixture_path("state/restore.json")), -1);
        application_stop(other);
        application_stop(units.application);
}

static void test_units_are_started_again_when_the_quarantine_fails(void **state)
{
        Units units = {.application = application_start(backup_fixture_database())};
        ApplicationControl control = control_of(&units);
        RestoreRequest request = restore_fixture_request(source);

        request.control = &control;
        fixture_write(restore_fixture_quarantine(), "", 0); /* a file where the folder should be */
        destroy_header();
        restore_fixture_refuse(&request, FAULT_CANNOT_OPEN, "quarantine");
        assert_int_equal(units.n_started, 1);
        assert_true(fixture_file_size(backup_fixture_database()) > 0);
        application_stop(units.application);
}

/* Between the look at it and its rename somebody removes the new file. */
static int stop_units_and_put_the_database_back(void *userdata, Fault *fault)
{
        return rename(fixture_path("away.db"), backup_fixture_database());
}

static void test_a_missing_file_that_comes_back_is_left(void **state)
{
        Units units = {0};
        ApplicationControl control = control_of(&units);
        RestoreRequest request = restore_fixture_request(source);

        assert_int_equal(rename(backup_fixture_database(), fixture_path("away.db")), 0);
        control.stop = stop_units_and_put_the_database_back;
        request.control = &control;
        request.missing = true;
        restore_fixture_refuse(&request, FAULT_CANCELLED, "came back");
        assert_int_equal(restore_fixture_query(backup_fixture_database(), COUNT), 5);
        assert_int_equal(restore_fixture_n_quarantined(), 0);
        application_stop(units.application);
}

static int stop_units_and_lose_the_new_file(void *userdata, Fault *fault)
{
        assert_int_equal(unlink(fixture_path(PREPARED)), 0);
        return stop_units(userdata, fault);
}

static void test_old_files_go_back_when_the_new_one_can_not_be_published(void **state)
{
        Units units = {.application = application_start(backup_fixture_database())};
        ApplicationControl control = control_of(&units);
        RestoreRequest request = restore_fixture_request(source);
        size_t before_size, after_size;
        _cleanup_free_ char *before = NULL, *after = NULL;

        control.stop = stop_units_and_lose_the_new_file;
        request.control = &control;
        destroy_header();
        before = fixture_read(backup_fixture_database(), &before_size);
        restore_fixture_refuse(&request, FAULT_CANNOT_OPEN, PREPARED);
        after = fixture_read(backup_fixture_database(), &after_size);
        assert_int_equal(after_size, before_size);
        assert_memory_equal(after, before, before_size);
        assert_int_equal(restore_fixture_n_quarantined(), 0);
        assert_int_equal(fixture_file_size(fixture_path("state/restore.json")), -1);
        assert_int_equal(units.n_started, 1);
        application_stop(units.application);
}

static void test_units_are_started_again_when_they_do_not_stop(void **state)
{
        Units units = {.application = application_start(backup_fixture_database()), .stop_fails = true};
        ApplicationControl control = control_of(&units);
        RestoreRequest request = restore_fixture_request(source);

        request.control = &control;
        destroy_header();
        restore_fixture_refuse(&request, FAULT_FAILED, "does not stop");
        assert_int_equal(units.n_started, 1);
        application_stop(units.application);
}

/* The restore counts; the next start of the service sees to the units. */
static void test_units_that_do_not_start_are_remembered(void **state)
{
        _cleanup_(restore_recovered_done) RestoreRecovered recovered = {0};
        _cleanup_(restore_outcome_done) RestoreOutcome outcome = {0};
        Units units = {.application = application_start(backup_fixture_database()), .start_fails = true};
        ApplicationControl control = control_of(&units);
        RestoreRequest request = restore_fixture_request(source);
        _cleanup_fault_ Fault fault = {0};

        request.control = &control;
        destroy_header();
        restore_fixture_restore(&request, &outcome);
        fixture_assert_fault(&outcome.start_fault, FAULT_FAILED, "does not start");
        for (unsigned i = 0; i < 2; i++) {
                restore_recovered_done(&recovered);
                assert_int_equal(restore_recover(restore_fixture_state_directory(),
                                                 backup_fixture_database(),
                                                 restore_fixture_quarantine(),
                                                 RESTORE_NOW_USEC,
                                                 &recovered,
                                                 &fault),
                                0);
                assert_int_equal(recovered.recovery, RESTORE_RECOVERY_FORWARD);
                assert_true(recovered.units_stopped);
                assert_string_equal(recovered.source, OLDER);
        }
        assert_int_equal(restore_recover_done(restore_fixture_state_directory(), &fault), 0);
        assert_replaced(&outcome);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                        TEST(test_a_destroyed_header),
                        TEST(test_a_missing_file),
                        TEST(test_a_stale_wal_is_not_replayed),
                        TEST(test_a_stale_wal_beside_an_empty_file_is_not_replayed),
                        TEST(test_another_page_size_in_wal_mode),
                        TEST(test_a_database_in_rollback_mode_stays_in_it),
                        TEST(test_in_use_it_is_refused_with_names),
                        TEST(test_in_use_in_rollback_mode_it_is_refused_with_names),
                        TEST(test_force_replaces_what_is_in_use),
                        TEST(test_a_swapped_file_is_not_restored_in_place),
                        TEST(test_owner_and_mode_stay),
                        TEST(test_units_are_stopped_and_started),
                        TEST(test_units_stay_alone_when_it_works_in_place),
                        TEST(test_units_are_started_again_when_others_are_in_the_way),
                        TEST(test_units_are_started_again_when_the_quarantine_fails),
                        TEST(test_old_files_go_back_when_the_new_one_can_not_be_published),
                        TEST(test_units_are_started_again_when_they_do_not_stop),
                        TEST(test_a_missing_file_that_comes_back_is_left),
                        TEST(test_units_that_do_not_start_are_remembered),
        };

        return cmocka_run_group_tests_name("restore-replace", tests, NULL, NULL);
}
