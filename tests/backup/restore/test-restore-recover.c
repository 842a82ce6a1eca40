/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "restore-fixture.h"

#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "backup/catalogue/unfinished.h"
#include "backup/restore/restore-record.h"
#include "backup/restore/restore-recover.h"
#include "config.h"

#define COUNT "SELECT count(*) FROM users"
#define OLDER "backup_20260101_000000"

static Manifest *source;
static const char *killed_at; /* before the work under test, in the tests of recovering itself */

static int no_stop(void *userdata, Fault *fault)
{
        return 0;
}

static const ApplicationControl control = {.has_units = true, .stop = no_stop, .start = no_stop};

/* The commits that are to be kept lie in a -wal and nowhere else. */
static void create_old(void)
{
        fixture_create_with_wal(backup_fixture_database(),
                        "CREATE TABLE users(id INTEGER PRIMARY KEY, name TEXT); INSERT INTO users(name) "
                        "VALUES('a'), ('b'), ('c'), ('d'), ('e')");
}

static void prepare(void)
{
        fixture_run("rm -rf '%s'/* '%s'* '%s'/*",
                        restore_fixture_quarantine(),
                        backup_fixture_database(),
                        restore_fixture_state_directory());
        create_old();
        restore_fixture_execute(backup_fixture_database(), "DELETE FROM users WHERE id > 3");
        source = manifest_free(source);
        source = backup_fixture_create(OLDER, COMPRESSION_GZIP);
        fixture_run("rm -f '%s'*", backup_fixture_database());
        create_old();
}

static void replace(void)
{
        RestoreRequest request = restore_fixture_request(source);
        RestoreOutcome outcome = {0};

        request.replaced = true;
        request.control = &control;
        if (restore_backup(&request, &backup_fixture_progress, &outcome, NULL) < 0)
                _exit(2);
}

static int recover(RestoreRecovered *ret, Fault *fault)
{
        return restore_recover(restore_fixture_state_directory(),
                        backup_fixture_database(),
                        restore_fixture_quarantine(),
                        RESTORE_NOW_USEC,
                        ret,
                        fault);
}

static void work_recover(void)
{
        RestoreRecovered recovered = {0};

        if (recover(&recovered, NULL) < 0)
                _exit(2);
}

static void assert_clean(const char *point)
{
        _cleanup_free_ char *names = NULL;
        _cleanup_fault_ Fault fault = {0};
        unsigned removed;

        assert_int_equal(create_clean_up_leftovers(backup_fixture_fd(), &removed, &fault), 0);
        names = backup_fixture_names();
        if (strstr(names, ".tmp") || fixture_file_size(fixture_path(".live.db.restore.tmp")) >= 0)
                fail_msg("%s leaves something behind: %s", point, names);
}

/* After the next start: the old one whole, or the new one with the old one whole in the quarantine. */
static void check_recovered(const char *point)
{
        _cleanup_(restore_recovered_done) RestoreRecovered recovered = {0};
        _cleanup_free_ char *name = NULL, *folder = NULL;
        _cleanup_fault_ Fault fault = {0};
        int64_t n;

        if (recover(&recovered, &fault) < 0)
                fail_msg("%s: %s", point, fault.message);
        n = restore_fixture_query(backup_fixture_database(), COUNT);
        if (n == 3) {
                assert_int_equal(restore_fixture_query(restore_fixture_quarantined("live.db"), COUNT), 5);
                if (restore_undo_source(restore_fixture_state_directory(),
                                    NULL,
                                    backup_fixture_fd(),
                                    &name,
                                    &folder,
                                    &fault) < 0)
                        fail_msg("%s: %s", point, fault.message);
                assert_non_null(folder);
        } else if (n == 5)
                assert_int_equal(restore_fixture_n_quarantined(), 0);
        else
                fail_msg("%s: %lld users", point, (long long) n);
        assert_int_equal(restore_recover_done(restore_fixture_state_directory(), &fault), 0);
        assert_clean(point);
}

static void test_killed_anywhere_the_next_start_finishes_it(void **state)
{
        backup_fixture_kill_everywhere(prepare, replace, check_recovered);
}

static void kill_replacement_at(const char *point)
{
        int status;
        pid_t child = fork();

        assert_true(child >= 0);
        if (child == 0) {
                (void) setenv("ORACXPRED_TEST_POINT", point, 1);
                replace();
                _exit(0);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void prepare_killed(void)
{
        prepare();
        kill_replacement_at(killed_at);
}

static void test_killed_while_recovering(void **state)
{
        static const char *const points[] = {"replace-stopped", "quarantine-moved-file:1", "replace-moved"};

        for (size_t i = 0; i < ELEMENTSOF(points); i++) {
                killed_at = points[i];
                (void) unlink(fixture_path("trace"));
                backup_fixture_kill_everywhere(prepare_killed, work_recover, check_recovered);
        }
}

static void test_units_are_asked_for(void **state)
{
        _cleanup_(restore_recovered_done) RestoreRecovered recovered = {0};
        _cleanup_fault_ Fault fault = {0};

        prepare();
        kill_replacement_at("replace-stopped");
        assert_int_equal(recover(&recovered, &fault), 0);
        assert_int_equal(recovered.recovery, RESTORE_RECOVERY_BACK);
        assert_true(recovered.units_stopped);
        assert_string_equal(recovered.source, OLDER);
        assert_null(recovered.quarantine);
}

static void test_a_spoilt_prepared_file_goes_back(void **state)
{
        _cleanup_(restore_recovered_done) RestoreRecovered recovered = {0};
        _cleanup_fault_ Fault fault = {0};

        prepare();
        kill_replacement_at("replace-moved");
        assert_int_equal(fixture_file_size(backup_fixture_database()), -1);
        fixture_overwrite(fixture_path(".live.db.restore.tmp"), 5000, "spoilt", 6);
        assert_int_equal(recover(&recovered, &fault), 0);
        assert_int_equal(recovered.recovery, RESTORE_RECOVERY_BACK);
        assert_int_equal(restore_fixture_query(backup_fixture_database(), COUNT), 5);
        assert_int_equal(restore_fixture_n_quarantined(), 0);
}

/* The application came up before the service, and found no database. */
static void test_an_empty_one_made_meanwhile_is_kept_apart(void **state)
{
        _cleanup_(restore_recovered_done) RestoreRecovered recovered = {0};
        _cleanup_fault_ Fault fault = {0};

        prepare();
        kill_replacement_at("replace-moved");
        restore_fixture_execute(backup_fixture_database(), "CREATE TABLE fresh(a)");
        assert_int_equal(recover(&recovered, &fault), 0);
        assert_int_equal(recovered.recovery, RESTORE_RECOVERY_FORWARD);
        assert_int_equal(restore_fixture_query(backup_fixture_database(), COUNT), 3);
        assert_int_equal(restore_fixture_n_quarantined(), 2);
        assert_int_equal(restore_fixture_query(fixture_path("quarantine/20260124_020001/live.db"),
                                         "SELECT count(*) FROM fresh"),
                        0);
        assert_int_equal(
                        restore_fixture_query(fixture_path("quarantine/20260124_020000/live.db"), COUNT), 5);
}

/* Killed at every step of the move, and then somebody puts a database of theirs there. */
static void test_what_somebody_put_there_is_never_moved_away(void **state)
{
        static const char *const points[] = {
                        "quarantine-moved-file:1", "quarantine-moved-file:2", "replace-moved"};

        for (size_t i = 0; i < ELEMENTSOF(points); i++) {
                _cleanup_(restore_recovered_done) RestoreRecovered recovered = {0};
                _cleanup_fault_ Fault fault = {0};

                backup_fixture_clear();
                prepare();
                kill_replacement_at(points[i]);
                restore_fixture_execute(fixture_path("mine.db"),
                                "CREATE TABLE IF NOT EXISTS mine(a); INSERT INTO mine VALUES(1)");
                fixture_run("cp '%s' '%s'", fixture_path("mine.db"), backup_fixture_database());
                assert_int_equal(recover(&recovered, &fault), 0);
                assert_int_equal(recovered.recovery, RESTORE_RECOVERY_LEFT);
                assert_non_null(recovered.quarantine);
                assert_int_equal(restore_fixture_query(
                                                 backup_fixture_database(), "SELECT count(*) > 0 FROM mine"),
                                1);
                assert_int_equal(restore_fixture_query(restore_fixture_quarantined("live.db"), COUNT), 5);
                assert_clean(points[i]);
        }
}

static void test_the_old_one_put_back_by_hand_stays(void **state)
{
        _cleanup_(restore_recovered_done) RestoreRecovered recovered = {0};
        _cleanup_fault_ Fault fault = {0};

        prepare();
        kill_replacement_at("replace-moved");
        fixture_run("cp '%s'* '%s'", restore_fixture_quarantined("live.db"), fixture_path(""));
        assert_int_equal(recover(&recovered, &fault), 0);
        assert_int_equal(recovered.recovery, RESTORE_RECOVERY_BACK);
        assert_int_equal(restore_fixture_query(backup_fixture_database(), COUNT), 5);
        assert_int_equal(restore_fixture_n_quarantined(), 0);
}

/* Before the main file moves nothing is missing, and an application that was started again goes on. */
static void test_commits_after_a_kill_before_the_move_stay(void **state)
{
        static const char *const points[] = {"replace-folder", "quarantine-copied-journals"};

        for (size_t i = 0; i < ELEMENTSOF(points); i++) {
                _cleanup_(restore_recovered_done) RestoreRecovered recovered = {0};
                _cleanup_fault_ Fault fault = {0};

                backup_fixture_clear();
                prepare();
                kill_replacement_at(points[i]);
                restore_fixture_execute(
                                backup_fixture_database(), "INSERT INTO users(name) VALUES('since')");
                assert_int_equal(recover(&recovered, &fault), 0);
                assert_int_equal(recovered.recovery, RESTORE_RECOVERY_BACK);
                assert_int_equal(restore_fixture_query(backup_fixture_database(), COUNT), 6);
        }
}

/* With the quarantine on another mount, where nothing can be renamed to. */
static void test_killed_anywhere_on_another_mount(void **state)
{
        assert_int_equal(mkdir(restore_fixture_quarantine(), 0750), 0);
        fixture_bind(restore_fixture_quarantine(), restore_fixture_quarantine());
        backup_fixture_kill_everywhere(prepare, replace, check_recovered);
}

static void test_nothing_to_finish(void **state)
{
        _cleanup_(restore_recovered_done) RestoreRecovered recovered = {0};
        _cleanup_fault_ Fault fault = {0};

        fixture_write(fixture_path(".live.db.restore.tmp"), "x", 1);
        assert_int_equal(mkdir(restore_fixture_quarantine(), 0750), 0);
        assert_int_equal(mkdir(fixture_path("quarantine/.20260124_020000.tmp"), 0750), 0);
        fixture_write(fixture_path("quarantine/.20260124_020000.tmp/live.db"), "x", 1);
        assert_int_equal(mkdir(fixture_path("quarantine/20260124_010000"), 0750), 0);
        assert_int_equal(mkdir(fixture_path("quarantine/20260124_020000"), 0750), 0);
        fixture_write(fixture_path("quarantine/20260124_020000/live.db"), "x", 1);
        assert_int_equal(mkdir(fixture_path("quarantine/.mine.tmp"), 0750), 0);
        assert_int_equal(recover(&recovered, &fault), 0);
        assert_int_equal(recovered.recovery, RESTORE_RECOVERY_NONE);
        assert_false(recovered.units_stopped);
        assert_int_equal(fixture_file_size(fixture_path(".live.db.restore.tmp")), -1);
        assert_int_equal(restore_fixture_n_quarantined(), 2);
        assert_int_equal(restore_fixture_query(backup_fixture_database(), COUNT), 3);
}

static void test_a_state_that_is_not_understood_stops_everything(void **state)
{
        _cleanup_(restore_recovered_done) RestoreRecovered recovered = {0};
        Fault fault = {0};

        fixture_write(fixture_path("state/restore.json"), "{\"phase\": 7}", 12);
        assert_true(recover(&recovered, &fault) < 0);
        fixture_assert_fault(&fault, FAULT_CORRUPT, "restore.json");
        assert_true(fixture_file_size(fixture_path("state/restore.json")) > 0);
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
                        TEST(test_killed_anywhere_the_next_start_finishes_it),
                        TEST(test_killed_while_recovering),
                        TEST(test_units_are_asked_for),
                        TEST(test_a_spoilt_prepared_file_goes_back),
                        TEST(test_an_empty_one_made_meanwhile_is_kept_apart),
                        TEST(test_what_somebody_put_there_is_never_moved_away),
                        TEST(test_the_old_one_put_back_by_hand_stays),
                        TEST(test_commits_after_a_kill_before_the_move_stay),
                        TEST(test_killed_anywhere_on_another_mount),
                        TEST(test_nothing_to_finish),
                        TEST(test_a_state_that_is_not_understood_stops_everything),
        };

        return cmocka_run_group_tests_name("restore-recover", tests, NULL, NULL);
}
