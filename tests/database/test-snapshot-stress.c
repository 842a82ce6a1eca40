/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Snapshots by the hundred beside processes that commit and checkpoint without a pause. Every commit sets a
 * number of rows all over the file to its own number and moves an amount between two others: a copy that
 * mixes two states, or lacks a frame, has rows of two commits, a wrong sum, or is too old. */

#include "fixture.h"

#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "database/check/check.h"
#include "database/copy/snapshot.h"

#define N_SNAPSHOTS 300
#define N_RAW_SNAPSHOTS 100
#define N_SNAPSHOTS_MAX 2000 /* by then no busy machine is to blame */
#define N_WRITERS 2
#define N_CHECKPOINTERS 2

/* Shared with the processes. */
typedef struct Commits {
        _Atomic int64_t begun, acknowledged;
        _Atomic bool paused;
} Commits;

static Commits *commits;

static void raise_to(_Atomic int64_t *at, int64_t value)
{
        int64_t seen = atomic_load(at);

        while (seen < value && !atomic_compare_exchange_weak(at, &seen, value))
                ;
}

static void run(sqlite3 *handle, const char *sql)
{
        if (sqlite3_exec(handle, sql, NULL, NULL, NULL) != SQLITE_OK) {
                (void) fprintf(stderr, "%s: %s\n", sql, sqlite3_errmsg(handle));
                _exit(EXIT_FAILURE);
        }
}

static int64_t ask(sqlite3 *handle, const char *sql)
{
        sqlite3_stmt *statement = NULL;
        int64_t value;

        if (sqlite3_prepare_v2(handle, sql, -1, &statement, NULL) != SQLITE_OK ||
                        sqlite3_step(statement) != SQLITE_ROW)
                _exit(EXIT_FAILURE);
        value = sqlite3_column_int64(statement, 0);
        (void) sqlite3_finalize(statement);
        return value;
}

static void commit_once(sqlite3 *handle, unsigned *seed)
{
        char sql[512];
        int64_t number;
        int from = rand_r(seed) % 4000 + 1, to = rand_r(seed) % 4000 + 1;

        while (atomic_load(&commits->paused))
                (void) sqlite3_sleep(1);
        run(handle, "BEGIN IMMEDIATE");
        number = ask(handle, "SELECT n FROM t WHERE id = 100") + 1;
        raise_to(&commits->begun, number);
        (void) snprintf(sql,
                        sizeof sql,
                        "UPDATE t SET n = %lld WHERE id %% 100 = 0;"
                        "UPDATE t SET amount = amount - 7 WHERE id = %d;"
                        "UPDATE t SET amount = amount + 7 WHERE id = %d",
                        (long long) number,
                        from,
                        to);
        run(handle, sql);
        if (number % 10 == 0)
                run(handle, "INSERT INTO extra(body) SELECT randomblob(2000) FROM t LIMIT 20");
        if (number % 50 == 0)
                run(handle, "DELETE FROM extra");
        run(handle, "COMMIT");
        raise_to(&commits->acknowledged, number);
        /* Else no checkpoint ever gets the writers' lock, and the -wal has no end. */
        if (rand_r(seed) % 4 == 0)
                (void) sqlite3_sleep(2);
}

static void checkpoint_once(sqlite3 *handle, unsigned *seed)
{
        static const int modes[] = {SQLITE_CHECKPOINT_PASSIVE,
                        SQLITE_CHECKPOINT_FULL,
                        SQLITE_CHECKPOINT_RESTART,
                        SQLITE_CHECKPOINT_TRUNCATE};
        int code;

        (void) sqlite3_busy_timeout(handle, rand_r(seed) % 2 ? 0 : 20);
        code = sqlite3_wal_checkpoint_v2(
                        handle, NULL, modes[(unsigned) rand_r(seed) % ELEMENTSOF(modes)], NULL, NULL);

        if (code != SQLITE_OK && code != SQLITE_BUSY && code != SQLITE_LOCKED)
                _exit(EXIT_FAILURE);
}

static pid_t start(const char *path, unsigned seed, void (*once)(sqlite3 *handle, unsigned *seed))
{
        pid_t pid = fork();
        sqlite3 *handle;

        assert_true(pid >= 0);
        if (pid > 0)
                return pid;
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0) /* also when an assertion ends the test */
                _exit(EXIT_FAILURE);
        handle = fixture_open(path);
        run(handle, "PRAGMA synchronous=OFF; PRAGMA wal_autocheckpoint=20");
        for (;;)
                once(handle, &seed);
}

/* When checkpoints get no turn, on a busy machine, the -wal becomes too long for a copy of the file: this
 * one waits for its turn, which comes when nobody commits. */
static void shorten_wal(const char *path)
{
        sqlite3 *handle = fixture_open(path);
        int code;

        atomic_store(&commits->paused, true);
        do {
                code = sqlite3_wal_checkpoint_v2(handle, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
        } while (code == SQLITE_BUSY || code == SQLITE_LOCKED);
        assert_int_equal(code, SQLITE_OK);
        atomic_store(&commits->paused, false);
        fixture_close(handle);
}

/* The state that the copy holds lies between what was acknowledged before and what was begun until after. */
static void assert_one_state(const char *path, int64_t least, int64_t most)
{
        CheckResult result = {0};
        sqlite3 *reader;
        int64_t number;

        assert_int_equal(check_run(path, CONNECTION_PRIVATE, CHECK_FULL, 1, NULL, &result, NULL), 0);
        if (!result.healthy)
                fail_msg("%s", result.first_finding);
        check_result_done(&result);
        reader = fixture_open(path);
        number = fixture_integer(reader, "SELECT n FROM t WHERE id = 100");
        assert_int_equal(fixture_integer(reader, "SELECT sum(n <> 0) FROM t"), 40);
        assert_int_equal(fixture_integer(reader, "SELECT count(DISTINCT n) FROM t WHERE id % 100 = 0"), 1);
        assert_int_equal(fixture_integer(reader, "SELECT sum(amount) FROM t"), 0);
        fixture_close(reader);
        if (number < least || number > most)
                fail_msg("commit %lld, not between %lld and %lld",
                                (long long) number,
                                (long long) least,
                                (long long) most);
}

static void test_every_snapshot_is_one_state(void **state)
{
        const char *source = fixture_path("app.db"), *target = fixture_path("copy.db");
        pid_t processes[N_WRITERS + N_CHECKPOINTERS];
        sqlite3 *application = fixture_open(source);

        commits = mmap(NULL, sizeof *commits, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        assert_true(commits != MAP_FAILED);
        fixture_execute(application,
                        "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;"
                        "CREATE TABLE extra(id INTEGER PRIMARY KEY, body BLOB);"
                        "CREATE TABLE t(id INTEGER PRIMARY KEY, n INTEGER, amount INTEGER, body BLOB);"
                        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4000)"
                        " INSERT INTO t SELECT i, i % 100 = 0, 0, randomblob(900) FROM n");
        fixture_close(application); /* no handle crosses the fork */
        for (unsigned i = 0; i < ELEMENTSOF(processes); i++)
                processes[i] = start(source, i + 1, i < N_WRITERS ? commit_once : checkpoint_once);
        while (atomic_load(&commits->acknowledged) < 20)
                (void) sqlite3_sleep(1);

        for (unsigned n = 0, n_raw = 0; n < N_SNAPSHOTS || n_raw < N_RAW_SNAPSHOTS; n++) {
                int64_t least = atomic_load(&commits->acknowledged);
                _cleanup_fault_ Fault fault = {0};
                Snapshot snapshot;

                DiskRead disk;

                /* Every other one past the page cache. */
                if (snapshot_copy_disk(source, target, n % 2 ? &disk : NULL, NULL, &snapshot, &fault) < 0)
                        fail_msg("%s", fault.message);
                assert_one_state(target, least, atomic_load(&commits->begun));
                assert_int_equal(unlink(target), 0);
                if (!snapshot.by_page_because)
                        n_raw++;
                else if (n < N_SNAPSHOTS_MAX)
                        shorten_wal(source);
                else
                        fail_msg("%s", snapshot.by_page_because);
        }

        for (unsigned i = 0; i < ELEMENTSOF(processes); i++) {
                int status;

                assert_int_equal(waitpid(processes[i], &status, WNOHANG), 0); /* none was refused */
                assert_int_equal(kill(processes[i], SIGKILL), 0);
                assert_int_equal(waitpid(processes[i], &status, 0), processes[i]);
        }
        assert_int_equal(munmap(commits, sizeof *commits), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                        TEST(test_every_snapshot_is_one_state),
        };

        return cmocka_run_group_tests_name("database/snapshot-stress", tests, NULL, NULL);
}
