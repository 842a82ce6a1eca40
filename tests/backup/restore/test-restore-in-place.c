/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "restore-fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "backup/catalogue/unfinished.h"
#include "backup/restore/restore-record.h"
#include "database/connection/open-files.h"

#define COUNT "SELECT count(*) FROM users"
#define OLDER "backup_20260101_000000"

/* A backup with 3 users, and then a live database with 5. */
static Manifest *backup_then_change(void)
{
        Manifest *manifest = backup_fixture_create(OLDER, COMPRESSION_GZIP);

        restore_fixture_set_users(5);
        return manifest;
}

static void use_rollback_journal(void)
{
        restore_fixture_execute(backup_fixture_database(), "PRAGMA journal_mode=DELETE");
}

static void assert_restored(const RestoreOutcome *outcome, const char *journal_mode)
{
        sqlite3 *handle = fixture_open(backup_fixture_database());
        char sql[128];

        assert_int_equal(outcome->method, RESTORE_IN_PLACE);
        assert_true(outcome->checked);
        assert_null(outcome->saving_problem);
        assert_null(outcome->quarantine);
        assert_non_null(outcome->pre_restore);
        assert_int_equal(outcome->pre_restore->kind, BACKUP_PRE_RESTORE);
        assert_string_equal(outcome->pre_restore->source, backup_fixture_database());
        assert_int_equal(restore_fixture_n_quarantined(), 0);
        assert_int_equal(fixture_integer(handle, COUNT), 3);
        (void) snprintf(sql,
                        sizeof sql,
                        "SELECT journal_mode = '%s' FROM pragma_journal_mode",
                        journal_mode);
        assert_int_equal(fixture_integer(handle, sql), 1);
        fixture_close(handle);
}

/* The rows of `users` in a stored backup. */
static int64_t count_in_backup(const Manifest *manifest)
{
        for (size_t i = 0; i < manifest->n_tables; i++)
                if (strcmp(manifest->tables[i].name, "users") == 0)
                        return (int64_t) manifest->tables[i].rows;
        return -1;
}

static void stay_connected(const char *journal_mode)
{
        _cleanup_(manifest_freep) Manifest *manifest = backup_then_change();
        _cleanup_(restore_outcome_done) RestoreOutcome outcome = {0};
        RestoreRequest request = restore_fixture_request(manifest);
        Application *one, *other;

        one = application_start(backup_fixture_database());
        other = application_start(backup_fixture_database());
        assert_int_equal(application_integer(one, COUNT), 5);
        assert_int_equal(application_execute(other, "INSERT INTO users(name) VALUES('late')"), SQLITE_OK);
        restore_fixture_restore(&request, &outcome);

        assert_int_equal(application_integer(one, COUNT), 3);
        assert_int_equal(application_integer(other, COUNT), 3);
        assert_int_equal(application_execute(one, "INSERT INTO users(name) VALUES('after')"), SQLITE_OK);
        assert_int_equal(application_integer(other, COUNT), 4);
        assert_int_equal(application_integer(other,
                                         "SELECT count(*) FROM pragma_integrity_check WHERE "
                                         "integrity_check = 'ok'"),
                        1);
        assert_int_equal(application_execute(one, "DELETE FROM users WHERE name = 'after'"), SQLITE_OK);
        assert_false(outcome.checkpointed);
        application_stop(one);
        application_stop(other);
        assert_int_equal(count_in_backup(outcome.pre_restore), 6);
        assert_restored(&outcome, journal_mode);
}

static void test_connected_processes_stay_connected(void **state)
{
        stay_connected("wal");
}

static void test_connected_processes_stay_connected_in_rollback_mode(void **state)
{
        use_rollback_journal();
        stay_connected("delete");
}

static void test_alone_the_wal_is_folded_in(void **state)
{
        _cleanup_(manifest_freep) Manifest *manifest = backup_then_change();
        _cleanup_(restore_outcome_done) RestoreOutcome outcome = {0};
        RestoreRequest request = restore_fixture_request(manifest);

        restore_fixture_restore(&request, &outcome);
        assert_true(outcome.checkpointed);
        assert_true(fixture_file_size(fixture_path("live.db-wal")) <= 0);
        assert_restored(&outcome, "wal");
}

/* What a reader has begun to read it reads to its end, and the restore doesn't wait for it. */
static void test_a_long_reader_keeps_its_snapshot(void **state)
{
        _cleanup_(manifest_freep) Manifest *manifest = backup_then_change();
        _cleanup_(restore_outcome_done) RestoreOutcome outcome = {0};
        RestoreRequest request = restore_fixture_request(manifest);
        Application *reader = application_start(backup_fixture_database());

        assert_int_equal(application_execute(reader, "BEGIN"), SQLITE_OK);
        assert_int_equal(application_integer(reader, COUNT), 5);
        restore_fixture_restore(&request, &outcome);
        assert_int_equal(application_integer(reader, COUNT), 5);
        assert_int_equal(application_execute(reader, "COMMIT"), SQLITE_OK);
        assert_int_equal(application_integer(reader, COUNT), 3);
        application_stop(reader);
        assert_restored(&outcome, "wal");
}

static void wait_for(const char *begin, const char *journal_mode)
{
        _cleanup_(manifest_freep) Manifest *manifest = backup_then_change();
        _cleanup_(restore_outcome_done) RestoreOutcome outcome = {0};
        RestoreRequest request = restore_fixture_request(manifest);
        Application *holder = application_start(backup_fixture_database());
        char name[64];

        assert_int_equal(application_execute(holder, begin), SQLITE_OK);
        assert_int_equal(application_integer(holder, COUNT), 5);
        (void) snprintf(name, sizeof name, "application (pid %d)", (int) application_pid(holder));
        restore_fixture_refuse(&request, FAULT_BUSY, name);
        assert_int_equal(application_integer(holder, COUNT), 5);
        assert_int_equal(restore_fixture_n_quarantined(), 0);
        assert_int_equal(faccessat(AT_FDCWD, fixture_path("state/last-restore.json"), F_OK, 0), -1);

        assert_int_equal(application_execute(holder, "COMMIT"), SQLITE_OK);
        restore_fixture_restore(&request, &outcome);
        application_stop(holder);
        assert_restored(&outcome, journal_mode);
}

static void test_a_busy_writer_is_waited_for_and_named(void **state)
{
        wait_for("BEGIN IMMEDIATE", "wal");
}

static void test_a_reader_in_rollback_mode_is_waited_for_and_named(void **state)
{
        use_rollback_journal();
        wait_for("BEGIN", "delete");
}

static void test_a_cancelled_wait_changes_nothing(void **state)
{
        _cleanup_(manifest_freep) Manifest *manifest = backup_then_change();
        RestoreRequest request = restore_fixture_request(manifest);

        progress_cancel(&backup_fixture_progress);
        restore_fixture_refuse(&request, FAULT_CANCELLED, "");
        assert_int_equal(restore_fixture_query(backup_fixture_database(), COUNT), 5);
}

static void test_a_corrupt_database_goes_into_the_quarantine(void **state)
{
        _cleanup_(manifest_freep) Manifest *manifest = NULL;
        _cleanup_(restore_outcome_done) RestoreOutcome outcome = {0};
        _cleanup_free_ char *before = NULL, *after = NULL;
        RestoreRequest request;
        char rubbish[512];
        size_t before_size, after_size;
        Application *application;

        restore_fixture_execute(backup_fixture_database(), "CREATE INDEX by_name ON users(name)");
        manifest = backup_fixture_create(OLDER, COMPRESSION_GZIP);
        memset(rubbish, 0xa5, sizeof rubbish);
        /* Past the schema on page 1: a tree's root. */
        fixture_overwrite(backup_fixture_database(), 4096, rubbish, sizeof rubbish);
        before = fixture_read(backup_fixture_database(), &before_size);
        application = application_start(backup_fixture_database());

        request = restore_fixture_request(manifest);
        restore_fixture_restore(&request, &outcome);
        assert_int_equal(outcome.method, RESTORE_IN_PLACE);
        assert_null(outcome.pre_restore);
        assert_non_null(strstr(outcome.saving_problem, "corrupt"));
        assert_non_null(outcome.quarantine);
        after = fixture_read(restore_fixture_quarantined("live.db"), &after_size);
        assert_int_equal(before_size, after_size);
        assert_memory_equal(before, after, before_size);
        assert_int_equal(application_integer(application, COUNT), 3);
        application_stop(application);
}

static void test_another_page_size_in_rollback_mode(void **state)
{
        _cleanup_(manifest_freep) Manifest *manifest = NULL;
        _cleanup_(restore_outcome_done) RestoreOutcome outcome = {0};
        RestoreRequest request;
        Application *application;

        use_rollback_journal();
        restore_fixture_execute(backup_fixture_database(), "PRAGMA page_size=8192; VACUUM");
        manifest = backup_then_change();
        restore_fixture_execute(backup_fixture_database(), "PRAGMA page_size=1024; VACUUM");
        application = application_start(backup_fixture_database());
        request = restore_fixture_request(manifest);
        restore_fixture_restore(&request, &outcome);
        assert_int_equal(application_integer(application, COUNT), 3);
        assert_int_equal(application_integer(application, "PRAGMA page_size"), 8192);
        application_stop(application);
        assert_restored(&outcome, "delete");
}

/* Shared with the processes of the next test. */
typedef struct Shared {
        _Atomic int64_t acknowledged; /* last number whose commit was acknowledged */
        _Atomic int64_t reads;
        _Atomic bool stop;
        _Atomic int failed; /* SQLite's code, or -1 for content that was never committed */
} Shared;

/* A writer that never pauses keeps everybody else from a database in rollback mode for as long as it likes.
 */
static void wait_for_reader(const Shared *shared)
{
        int64_t reads = atomic_load(&shared->reads);

        while (atomic_load(&shared->reads) == reads && !atomic_load(&shared->stop))
                (void) sched_yield();
}

static void write_numbers(Shared *shared)
{
        sqlite3 *handle = NULL;

        if (sqlite3_open(backup_fixture_database(), &handle) != SQLITE_OK)
                _exit(1);
        (void) sqlite3_busy_timeout(handle, 60000);
        for (int64_t number = 1; !atomic_load(&shared->stop); number++) {
                char sql[256];
                int code;

                /* Two rows in one commit: a reader never sees one without the other. */
                (void) snprintf(sql,
                                sizeof sql,
                                "BEGIN IMMEDIATE; INSERT INTO numbers VALUES(%lld, 'a'); INSERT INTO "
                                "numbers "
                                "VALUES(%lld, 'b'); COMMIT",
                                (long long) number,
                                (long long) number);
                code = sqlite3_exec(handle, sql, NULL, NULL, NULL);
                if (code != SQLITE_OK) {
                        atomic_store(&shared->failed, code);
                        break;
                }
                atomic_store(&shared->acknowledged, number);
                wait_for_reader(shared);
        }
        (void) sqlite3_close(handle);
}

static void read_numbers(Shared *shared)
{
        sqlite3 *handle = NULL;

        if (sqlite3_open(backup_fixture_database(), &handle) != SQLITE_OK)
                _exit(1);
        (void) sqlite3_busy_timeout(handle, 60000);
        while (!atomic_load(&shared->stop)) {
                sqlite3_stmt *statement = NULL;
                int code = sqlite3_prepare_v2(handle,
                                "SELECT (SELECT count(*) FROM numbers WHERE half = 'a') = "
                                "(SELECT count(*) FROM numbers WHERE half = 'b')",
                                -1,
                                &statement,
                                NULL);

                if (code == SQLITE_OK)
                        code = sqlite3_step(statement);
                if (code != SQLITE_ROW || sqlite3_column_int(statement, 0) != 1)
                        atomic_store(&shared->failed, code == SQLITE_ROW ? -1 : code);
                (void) sqlite3_finalize(statement);
                (void) atomic_fetch_add(&shared->reads, 1);
        }
        (void) sqlite3_close(handle);
}

static pid_t start(void (*work)(Shared *), Shared *shared)
{
        pid_t pid = fork();

        assert_true(pid >= 0);
        if (pid == 0) {
                (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
                work(shared);
                _exit(0);
        }
        return pid;
}

/* Adds the numbers that a backup holds to the table `seen` of `union.db`. */
static void collect_numbers(const Manifest *manifest)
{
        const char *image = fixture_path("image.db");
        char sql[1024];

        (void) unlink(image);
        fixture_run("gunzip -c '%s' > '%s'", backup_fixture_path(manifest->file), image);
        (void) snprintf(sql,
                        sizeof sql,
                        "ATTACH '%s' AS image; INSERT OR IGNORE INTO seen SELECT number FROM image.numbers",
                        image);
        restore_fixture_execute(fixture_path("union.db"), sql);
}

static void restore_under_load(unsigned n_restores)
{
        Shared *shared = mmap(
                        NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        _cleanup_(manifest_freep) Manifest *manifest = NULL, *last = NULL;
        int64_t before = 0, acknowledged;
        char sql[256];
        pid_t writer, reader;

        assert_true(shared != MAP_FAILED);
        restore_fixture_execute(
                        backup_fixture_database(), "CREATE TABLE numbers(number INTEGER, half TEXT)");
        restore_fixture_execute(fixture_path("union.db"), "CREATE TABLE seen(number INTEGER PRIMARY KEY)");
        manifest = backup_fixture_create(OLDER, COMPRESSION_GZIP);
        writer = start(write_numbers, shared);
        reader = start(read_numbers, shared);
        for (unsigned i = 0; i < n_restores; i++) {
                _cleanup_(restore_outcome_done) RestoreOutcome outcome = {0};
                RestoreRequest request = restore_fixture_request(manifest);
                char name[64];

                while (atomic_load(&shared->acknowledged) < before + 20 && !atomic_load(&shared->failed))
                        (void) sched_yield();
                before = atomic_load(&shared->acknowledged);
                (void) snprintf(name, sizeof name, "backup_20260124_02000%u", i);
                request.pre_restore_name = name;
                request.busy_bound_usec = 0;
                restore_fixture_restore(&request, &outcome);
                assert_int_equal(outcome.method, RESTORE_IN_PLACE);
                assert_non_null(outcome.pre_restore);
                collect_numbers(outcome.pre_restore);
        }
        atomic_store(&shared->stop, true);
        assert_int_equal(waitpid(writer, NULL, 0), writer);
        assert_int_equal(waitpid(reader, NULL, 0), reader);
        assert_int_equal(atomic_load(&shared->failed), 0);
        assert_true(atomic_load(&shared->reads) > 0);
        acknowledged = atomic_load(&shared->acknowledged);
        last = backup_fixture_create("backup_20260124_030000", COMPRESSION_GZIP);
        collect_numbers(last);
        /* Every commit that was acknowledged is in a backup or in the database. */
        (void) snprintf(sql,
                        sizeof sql,
                        "SELECT count(*) FROM seen WHERE number <= %lld",
                        (long long) acknowledged);
        assert_int_equal(restore_fixture_query(fixture_path("union.db"), sql), acknowledged);
        (void) munmap(shared, sizeof *shared);
}

static void test_no_acknowledged_commit_is_lost(void **state)
{
        restore_under_load(4);
}

static void test_no_acknowledged_commit_is_lost_in_rollback_mode(void **state)
{
        use_rollback_journal();
        restore_under_load(2);
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
        killed_source = backup_then_change();
        (void) unlink(fixture_path("state/last-restore.json"));
        fixture_run("rm -rf \"$ORACXPRED_QUARANTINE\"");
}

static void work_kill(void)
{
        RestoreRequest request = restore_fixture_request(killed_source);
        RestoreOutcome outcome = {0};

        if (restore_backup(&request, &backup_fixture_progress, &outcome, NULL) < 0)
                _exit(2);
}

/* The old one or the new one; and whichever, when the new one is in force the old one is still somewhere. */
static void check_kill(const char *point)
{
        int64_t n = restore_fixture_query(backup_fixture_database(), COUNT);
        _cleanup_free_ char *name = NULL, *folder = NULL;
        _cleanup_fault_ Fault fault = {0};
        unsigned removed;

        assert_int_equal(create_clean_up_leftovers(backup_fixture_fd(), &removed, &fault), 0);
        if (n != 3 && n != 5)
                fail_msg("%s: %lld users", point, (long long) n);
        assert_int_equal(restore_fixture_query(backup_fixture_database(),
                                         "SELECT count(*) FROM pragma_integrity_check WHERE "
                                         "integrity_check = 'ok'"),
                        1);
        if (n == 5)
                return;
        if (restore_undo_source(restore_fixture_state_directory(),
                            NULL,
                            backup_fixture_fd(),
                            &name,
                            &folder,
                            &fault) < 0)
                fail_msg("%s: %s", point, fault.message);
        if (name)
                assert_string_equal(name, PRE_RESTORE_NAME);
        else
                assert_int_equal(restore_fixture_query(restore_fixture_quarantined("live.db"), COUNT), 5);
}

static void test_killed_anywhere_it_is_old_or_new(void **state)
{
        (void) setenv("ORACXPRED_QUARANTINE", restore_fixture_quarantine(), 1);
        backup_fixture_kill_everywhere(prepare_kill, work_kill, check_kill);
        killed_source = manifest_free(killed_source);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, restore_fixture_setup, restore_fixture_teardown)
        const struct CMUnitTest tests[] = {
                        TEST(test_connected_processes_stay_connected),
                        TEST(test_connected_processes_stay_connected_in_rollback_mode),
                        TEST(test_alone_the_wal_is_folded_in),
                        TEST(test_a_long_reader_keeps_its_snapshot),
                        TEST(test_a_busy_writer_is_waited_for_and_named),
                        TEST(test_a_reader_in_rollback_mode_is_waited_for_and_named),
                        TEST(test_a_cancelled_wait_changes_nothing),
                        TEST(test_a_corrupt_database_goes_into_the_quarantine),
                        TEST(test_another_page_size_in_rollback_mode),
                        TEST(test_no_acknowledged_commit_is_lost),
                        TEST(test_no_acknowledged_commit_is_lost_in_rollback_mode),
                        TEST(test_killed_anywhere_it_is_old_or_new),
        };

        return cmocka_run_group_tests_name("restore-in-place", tests, NULL, NULL);
}
