/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "restore-fixture.h"

#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "backup/catalogue/unfinished.h"
#include "backup/quarantine/rescue-record.h"

#define COUNT "SELECT count(*) FROM users"
#define SOUND "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check='ok'"
#define OLDER "backup_20260101_000000"
#define N_USERS 500

/* A backup with 3 users, and then N_USERS of them and a page of the table `broken` that is destroyed. */
static Manifest *break_it(void)
{
        const char *database = backup_fixture_database();
        Manifest *manifest;
        int64_t page;
        char rubbish[4096];

        restore_fixture_execute(database,
                        "CREATE TABLE IF NOT EXISTS broken(id INTEGER PRIMARY KEY, body TEXT);"
                        "DELETE FROM broken; WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
                        " WHERE i < 400) INSERT INTO broken SELECT i, printf('%0100d', i) FROM n");
        manifest = backup_fixture_create(OLDER, COMPRESSION_GZIP);
        restore_fixture_set_users(N_USERS);
        restore_fixture_execute(database, "PRAGMA wal_checkpoint(TRUNCATE)");
        page = restore_fixture_query(database,
                        "SELECT pageno FROM dbstat WHERE name='broken' AND pagetype='leaf' LIMIT 1 OFFSET "
                        "3");
        memset(rubbish, 0xa5, sizeof rubbish);
        fixture_overwrite(database, (uint64_t) (page - 1) * sizeof rubbish, rubbish, sizeof rubbish);
        return manifest;
}

static void test_newer_rows_are_rescued_under_a_connected_application(void **state)
{
        _cleanup_(manifest_freep) Manifest *manifest = break_it();
        _cleanup_(restore_outcome_done) RestoreOutcome outcome = {0};
        _cleanup_(rescue_record_done) RescueRecord record = {0};
        Application *application = application_start(backup_fixture_database());
        RestoreRequest request = restore_fixture_request(manifest);

        request.rescue = true;
        restore_fixture_restore(&request, &outcome);
        assert_int_equal(outcome.method, RESTORE_IN_PLACE);
        assert_int_equal(application_integer(application, COUNT), N_USERS);
        assert_int_equal(application_integer(application, "SELECT count(*) FROM broken"), 400);
        application_stop(application);
        assert_int_equal(restore_fixture_query(backup_fixture_database(), SOUND), 1);
        assert_true(outcome.rescued);
        assert_int_equal(rescue_report_lost(&outcome.rescue), 0);
        assert_non_null(outcome.quarantine);
        assert_int_equal(rescue_record_load(outcome.quarantine, &record, NULL), 0);
        assert_string_equal(record.source, OLDER);
        assert_int_equal(record.report.n_tables, outcome.rescue.n_tables);
        assert_int_equal(rescue_report_rescued(&record.report), N_USERS);
}

static void test_what_is_deleted_stays_deleted(void **state)
{
        _cleanup_(manifest_freep) Manifest *manifest = break_it();
        _cleanup_(restore_outcome_done) RestoreOutcome outcome = {0};
        RestoreRequest request = restore_fixture_request(manifest);

        restore_fixture_execute(backup_fixture_database(), "DELETE FROM users WHERE id <= 2");
        request.rescue = true;
        restore_fixture_restore(&request, &outcome);
        assert_int_equal(restore_fixture_query(backup_fixture_database(), COUNT), N_USERS - 2);
}

static void test_terms_that_are_not_met_leave_everything(void **state)
{
        _cleanup_(manifest_freep) Manifest *manifest = break_it();
        const RestoreTerms terms = {.facts = {.source_is_initial = true}, .max_loss = {.rows = 100}};
        _cleanup_(restore_outcome_done) RestoreOutcome outcome = {0};
        RestoreRequest request = restore_fixture_request(manifest);
        _cleanup_fault_ Fault fault = {0};
        _cleanup_free_ char *before = NULL, *after = NULL;
        size_t before_size, after_size;
        unsigned removed;

        before = fixture_read(backup_fixture_database(), &before_size);
        request.rescue = true;
        request.terms = &terms;
        assert_true(restore_backup(&request, &backup_fixture_progress, &outcome, &fault) < 0);
        assert_int_equal(fault.code, FAULT_NEEDS_DECISION);
        assert_int_equal(rescue_report_rescued(&outcome.rescue), N_USERS);
        after = fixture_read(backup_fixture_database(), &after_size);
        assert_int_equal(before_size, after_size);
        assert_memory_equal(before, after, before_size);
        assert_int_equal(restore_fixture_n_quarantined(), 0);
        assert_int_equal(create_clean_up_leftovers(backup_fixture_fd(), &removed, NULL), 0);
        assert_int_equal(removed, 0);
}

static void write_users(_Atomic int64_t *acknowledged)
{
        sqlite3 *handle = NULL;

        if (sqlite3_open(backup_fixture_database(), &handle) != SQLITE_OK)
                _exit(1);
        (void) sqlite3_busy_timeout(handle, 60000);
        for (int64_t n = 1; n <= 300; n++) {
                if (sqlite3_exec(handle, "INSERT INTO users(name) VALUES('while')", NULL, NULL, NULL) !=
                                SQLITE_OK)
                        _exit(1);
                atomic_store(acknowledged, n);
        }
        (void) sqlite3_close(handle);
        _exit(0);
}

/* Whatever is committed between the copy and the lock is in the result, or nothing is restored. */
static void test_no_commit_falls_between_the_rescue_and_the_lock(void **state)
{
        _cleanup_(manifest_freep) Manifest *manifest = break_it();
        RestoreRequest request = restore_fixture_request(manifest);
        _Atomic int64_t *acknowledged = mmap(NULL,
                        sizeof *acknowledged,
                        PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS,
                        -1,
                        0);
        FaultCode code = FAULT_CONFLICT;
        int status;
        pid_t writer;

        assert_true(acknowledged != MAP_FAILED);
        writer = fork();
        assert_true(writer >= 0);
        if (writer == 0) {
                (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
                write_users(acknowledged);
        }
        while (atomic_load(acknowledged) == 0)
                (void) sched_yield();
        request.rescue = true;
        request.busy_bound_usec = 0;
        while (code == FAULT_CONFLICT) {
                _cleanup_(restore_outcome_done) RestoreOutcome outcome = {0};
                _cleanup_fault_ Fault fault = {0};

                (void) restore_backup(&request, &backup_fixture_progress, &outcome, &fault);
                code = fault.code;
        }
        assert_int_equal(code, FAULT_NONE);
        assert_int_equal(waitpid(writer, &status, 0), writer);
        assert_int_equal(status, 0);
        assert_int_equal(restore_fixture_query(backup_fixture_database(), COUNT), N_USERS + 300);
        assert_int_equal(restore_fixture_query(backup_fixture_database(), SOUND), 1);
        (void) munmap(acknowledged, sizeof *acknowledged);
}

static Manifest *killed_source;

static void prepare_kill(void)
{
        const char *const names[] = {"live.db", "live.db-wal", "live.db-shm", "live.db-journal"};

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                (void) unlink(fixture_path(names[i]));
        restore_fixture_execute(backup_fixture_database(),
                        "PRAGMA journal_mode=WAL; CREATE TABLE users(id INTEGER PRIMARY KEY, name TEXT)");
        restore_fixture_set_users(3);
        killed_source = manifest_free(killed_source);
        killed_source = break_it();
        (void) unlink(fixture_path("state/last-restore.json"));
        fixture_run("rm -rf \"$ORACXPRED_QUARANTINE\"");
}

static void work_kill(void)
{
        RestoreRequest request = restore_fixture_request(killed_source);
        RestoreOutcome outcome = {0};

        request.rescue = true;
        if (restore_backup(&request, &backup_fixture_progress, &outcome, NULL) < 0)
                _exit(2);
}

/* Whether the damaged or the rescued one is in force, it has every row that can be read. */
static void check_kill(const char *point)
{
        int64_t n = restore_fixture_query(backup_fixture_database(), COUNT);
        _cleanup_fault_ Fault fault = {0};
        unsigned removed;

        if (n != N_USERS)
                fail_msg("%s: %lld users", point, (long long) n);
        assert_int_equal(create_clean_up_leftovers(backup_fixture_fd(), &removed, &fault), 0);
        fixture_run("test -z \"$(ls -A '%s' | grep '^[.]')\"", backup_fixture_path(""));
}

static void test_killed_anywhere_no_row_is_lost(void **state)
{
        (void) setenv("ORACXPRED_QUARANTINE", restore_fixture_quarantine(), 1);
        backup_fixture_kill_everywhere(prepare_kill, work_kill, check_kill);
        killed_source = manifest_free(killed_source);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, restore_fixture_setup, restore_fixture_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                        TEST(test_newer_rows_are_rescued_under_a_connected_application),
                        TEST(test_what_is_deleted_stays_deleted),
                        TEST(test_terms_that_are_not_met_leave_everything),
                        TEST(test_no_commit_falls_between_the_rescue_and_the_lock),
                        TEST(test_killed_anywhere_no_row_is_lost),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
