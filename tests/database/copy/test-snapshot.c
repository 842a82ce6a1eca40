/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fixture.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "database/check/check.h"
#include "database/copy/snapshot.h"
#include "event-vfs.h"

static const char *const side_suffixes[] = {"", "-journal", "-wal", "-shm"};

static void assert_nothing_at(const char *path, size_t first_suffix)
{
        for (size_t i = first_suffix; i < ELEMENTSOF(side_suffixes); i++) {
                char name[256];

                (void) snprintf(name, sizeof name, "%s%s", path, side_suffixes[i]);
                assert_int_equal(fixture_file_size(name), -1);
        }
}

static void copy(const char *source, const char *target, Snapshot *ret)
{
        _cleanup_fault_ Fault fault = {0};

        if (snapshot_copy(source, target, NULL, ret, &fault) < 0)
                fail_msg("%s", fault.message);
}

/* Alone, whole, sound, and in no need of a -wal. */
static void assert_good_copy(const char *path, const Snapshot *snapshot)
{
        _cleanup_free_ char *bytes = NULL;
        CheckResult result = {0};
        size_t size;

        assert_nothing_at(path, 1);
        bytes = fixture_read(path, &size);
        assert_int_equal(size, snapshot->pages * snapshot->page_size_bytes);
        assert_int_equal(bytes[18], 1); /* file format versions: 1 is a rollback journal, 2 is WAL */
        assert_int_equal(bytes[19], 1);
        assert_int_equal(check_run(path, CONNECTION_PRIVATE, CHECK_FULL, 1, NULL, &result, NULL), 0);
        assert_true(result.healthy);
        check_result_done(&result);
}

static void test_copies_wal_and_rollback_databases(void **state)
{
        static const char *const modes[] = {"WAL", "DELETE", "TRUNCATE"};

        for (size_t i = 0; i < ELEMENTSOF(modes); i++) {
                const char *source = fixture_path(modes[i]);
                char target[256], sql[128];
                sqlite3 *application = fixture_open(source);
                Snapshot snapshot;
                struct stat status;
                Progress progress;

                (void) snprintf(target, sizeof target, "%s-copy", source);
                (void) snprintf(sql,
                                sizeof sql,
                                "PRAGMA page_size=%u; PRAGMA journal_mode=%s",
                                1024U << i,
                                modes[i]);
                fixture_execute(application, sql);
                fixture_execute(application,
                                "CREATE TABLE t(a); INSERT INTO t VALUES(zeroblob(3000000)),(2)");

                progress_init(&progress);
                assert_int_equal(snapshot_copy(source, target, &progress, &snapshot, NULL), 0);
                assert_int_equal(snapshot.page_size_bytes, 1024U << i);
                assert_int_equal(atomic_load(&progress.done_bytes),
                                snapshot.pages * snapshot.page_size_bytes);
                assert_int_equal(atomic_load(&progress.total_bytes), atomic_load(&progress.done_bytes));
                assert_null(progress.interrupts);
                progress_done(&progress);
                assert_good_copy(target, &snapshot);
                assert_int_equal(stat(target, &status), 0);
                assert_int_equal(status.st_mode & 07777, 0600);

                /* The source was let go. */
                fixture_execute(application, "INSERT INTO t VALUES(3)");
                fixture_close(application);
                application = fixture_open(target);
                assert_int_equal(fixture_integer(application, "SELECT count(*) FROM t"), 2);
                fixture_close(application);
        }
}

static void test_empty_database(void **state)
{
        const char *source = fixture_path("empty.db"), *target = fixture_path("copy.db");
        Snapshot snapshot;

        fixture_write(source, "", 0);
        copy(source, target, &snapshot);
        assert_int_equal(snapshot.pages, 1);
        assert_good_copy(target, &snapshot);
}

#define ACCOUNTS_SQL                                                                     \
        "PRAGMA journal_mode=WAL;"                                                       \
        "CREATE TABLE debit(id INTEGER PRIMARY KEY, amount INTEGER, body BLOB);"         \
        "CREATE TABLE credit(id INTEGER PRIMARY KEY, amount INTEGER, body BLOB);"        \
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 8000)" \
        " INSERT INTO debit SELECT i, 0, randomblob(1800) FROM n;"                       \
        "INSERT INTO credit SELECT id, 0, body FROM debit"

/* The application: every commit moves one from a row of the first table to a row of the last. */
static void write_for_ever(const char *path, int ready_fd)
{
        sqlite3 *application;

        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0) /* also when an assertion ends the test */
                _exit(EXIT_FAILURE);
        application = fixture_open(path);
        fixture_execute(application, "PRAGMA synchronous=NORMAL");
        for (unsigned i = 0;; i++) {
                char sql[256];
                unsigned row = i * 2654435761U % 8000 + 1;

                (void) snprintf(sql,
                                sizeof sql,
                                "BEGIN IMMEDIATE; UPDATE debit SET amount = amount - 1 WHERE id = %u;"
                                "UPDATE credit SET amount = amount + 1 WHERE id = %u; COMMIT",
                                row,
                                8001 - row);
                if (sqlite3_exec(application, sql, NULL, NULL, NULL) != SQLITE_OK)
                        _exit(EXIT_FAILURE);
                if (i == 50 && write(ready_fd, "r", 1) != 1)
                        _exit(EXIT_FAILURE);
        }
}

/* Without the held read transaction this never ends: sqlite3_backup starts over at every commit. */
static void test_copy_beside_a_writer_is_consistent_and_ends(void **state)
{
        const char *source = fixture_path("app.db"), *target = fixture_path("copy.db");
        sqlite3 *application = fixture_open(source);
        int ready[2], status;
        char byte;
        pid_t writer;

        fixture_execute(application, ACCOUNTS_SQL);
        fixture_close(application); /* no handle crosses the fork */
        assert_int_equal(pipe(ready), 0);
        writer = fork();
        assert_true(writer >= 0);
        if (writer == 0)
                write_for_ever(source, ready[1]);
        assert_int_equal(close(ready[1]), 0);
        assert_int_equal(read(ready[0], &byte, 1), 1);

        for (unsigned i = 0; i < 3; i++) {
                Snapshot snapshot;
                sqlite3 *reader;

                copy(source, target, &snapshot);
                assert_good_copy(target, &snapshot);
                reader = fixture_open(target);
                assert_int_equal(fixture_integer(reader,
                                                 "SELECT (SELECT sum(amount) FROM debit) +"
                                                 " (SELECT sum(amount) FROM credit)"),
                                0);
                assert_true(fixture_integer(reader, "SELECT sum(amount) FROM credit") >= 50);
                fixture_close(reader);
                assert_int_equal(unlink(target), 0);
        }

        assert_int_equal(waitpid(writer, &status, WNOHANG), 0); /* never refused, still writing */
        assert_int_equal(kill(writer, SIGKILL), 0);
        assert_int_equal(waitpid(writer, &status, 0), writer);
        assert_int_equal(close(ready[0]), 0);
}

typedef struct Committer {
        sqlite3 *application;
        unsigned n_reads, n_commits, n_reads_max, n_reads_each;
} Committer;

static int commit_often(EventVfsCall call, void *userdata)
{
        Committer *committer = userdata;
        sqlite3 *application = committer->application;

        if (call != EVENT_VFS_READ || !application)
                return SQLITE_OK;
        if (++committer->n_reads > committer->n_reads_max + 100)
                return SQLITE_IOERR_READ; /* else it would go on for ever */
        if (committer->n_reads > 100 && committer->n_reads % committer->n_reads_each == 0) {
                committer->application = NULL; /* its own reads are not counted */
                fixture_execute(application, "UPDATE counter SET n = n + 1");
                committer->application = application;
                committer->n_commits++;
        }
        return SQLITE_OK;
}

/* The same, without chance: several commits fall into every chunk, and every page is read once. */
static void assert_commits_do_not_restart(bool by_page)
{
        const char *source = fixture_path("app.db"), *target = fixture_path("copy.db");
        Committer committer = {.n_reads_each = by_page ? 32 : 1};
        Snapshot snapshot;
        sqlite3 *application, *reader;

        fixture_create_large(source, 16 * MIB);
        application = fixture_open(source);
        fixture_execute(application,
                        "PRAGMA journal_mode=WAL; CREATE TABLE counter(n); INSERT INTO counter VALUES(0);"
                        "PRAGMA wal_checkpoint(TRUNCATE)");
        committer.n_reads_max = (unsigned) fixture_integer(application, "PRAGMA page_count");
        if (!by_page)
                committer.n_reads_max = committer.n_reads_max * 4096 / 65536 + 1;
        event_vfs_set_hook(commit_often, &committer);
        if (by_page)
                event_vfs_show_itself();
        fixture_close(application);
        application = fixture_open(source); /* through the VFS that rings */
        committer.application = application;

        copy(source, target, &snapshot);
        event_vfs_set_hook(NULL, NULL);
        assert_int_equal(snapshot.by_page_because != NULL, by_page);
        assert_true(committer.n_commits > 100);
        assert_good_copy(target, &snapshot);
        assert_int_equal(fixture_integer(application, "SELECT n FROM counter"), committer.n_commits);
        fixture_close(application);
        reader = fixture_open(target);
        assert_int_equal(fixture_integer(reader, "SELECT n FROM counter"), 0);
        fixture_close(reader);
        fixture_run("rm %s*", source);
        assert_int_equal(unlink(target), 0);
}

static void test_commits_do_not_restart_the_copy(void **state)
{
        assert_commits_do_not_restart(false);
        assert_commits_do_not_restart(true);
}

typedef struct Latecomer {
        sqlite3 *application;
        unsigned n_locks, n_reads;
} Latecomer;

/* Commits whenever a read transaction is about to begin (SQLite notices, and tries a second time), and
 * checkpoints in the midst of the copy. */
static int come_late(EventVfsCall call, void *userdata)
{
        Latecomer *latecomer = userdata;
        sqlite3 *application = latecomer->application;

        latecomer->application = NULL; /* what it does itself is no occasion */
        if (application && call == EVENT_VFS_SHM_LOCK && latecomer->n_locks++ % 2 == 0)
                fixture_execute(application, "UPDATE t SET n = n + 1 WHERE id % 50 = 0");
        if (application && call == EVENT_VFS_READ && latecomer->n_reads++ == 30)
                fixture_execute(application, "PRAGMA wal_checkpoint(PASSIVE)");
        latecomer->application = application;
        return SQLITE_OK;
}

/* What the -wal held before that is of no use: its commits need not be in it any more, nor in the file. */
static void test_the_wal_is_looked_at_once_the_transaction_is_held(void **state)
{
        const char *source = fixture_path("app.db"), *target = fixture_path("copy.db");
        Latecomer latecomer = {0};
        Snapshot snapshot;
        sqlite3 *application, *reader;

        event_vfs_set_hook(come_late, &latecomer);
        application = fixture_open(source);
        fixture_execute(application,
                        "PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0;"
                        "CREATE TABLE t(id INTEGER PRIMARY KEY, n INTEGER, body BLOB);"
                        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4000)"
                        " INSERT INTO t SELECT i, 0, randomblob(900) FROM n;"
                        "PRAGMA wal_checkpoint(PASSIVE)");
        latecomer.application = application;
        copy(source, target, &snapshot);
        event_vfs_set_hook(NULL, NULL);
        assert_null(snapshot.by_page_because);
        assert_true(latecomer.n_locks >= 4);
        assert_true(latecomer.n_reads > 31);
        assert_good_copy(target, &snapshot);
        reader = fixture_open(target);
        assert_int_equal(fixture_integer(reader, "SELECT count(DISTINCT n) FROM t WHERE id % 50 = 0"), 1);
        assert_int_equal(fixture_integer(reader, "SELECT n FROM t WHERE id = 50"),
                        fixture_integer(application, "SELECT n FROM t WHERE id = 50"));
        fixture_close(reader);
        fixture_close(application);
}

static void test_existing_target_is_left_alone(void **state)
{
        const char *source = fixture_path("app.db"), *target = fixture_path("copy.db");
        _cleanup_free_ char *bytes = NULL;
        Snapshot snapshot = {.pages = 7};
        Fault fault = {0};
        size_t size;

        fixture_create_large(source, 10000);
        fixture_write(target, "precious", 8);
        assert_int_equal(snapshot_copy(source, target, NULL, &snapshot, &fault), -EINVAL);
        fixture_assert_fault(&fault, FAULT_INVALID_ARGUMENT, target);
        bytes = fixture_read(target, &size);
        assert_string_equal(bytes, "precious");
        assert_int_equal(snapshot.pages, 7);
}

/* What a killed run left under the target's name is a journal of other pages. */
static void test_left_over_side_files_are_not_replayed(void **state)
{
        const char *source = fixture_path("app.db"), *target = fixture_path("copy.db");
        Snapshot snapshot;
        sqlite3 *reader;

        fixture_create_with_wal(target, "CREATE TABLE other(a); INSERT INTO other VALUES(1)");
        assert_int_equal(unlink(target), 0);
        assert_int_equal(unlink(fixture_path("copy.db-shm")), 0);
        assert_true(fixture_file_size(fixture_path("copy.db-wal")) > 0);
        fixture_write(fixture_path("copy.db-journal"), "stale", 5);

        fixture_create_with_wal(source, "CREATE TABLE t(a); INSERT INTO t VALUES(1),(2)");
        copy(source, target, &snapshot);
        assert_good_copy(target, &snapshot);
        reader = fixture_open(target);
        assert_int_equal(fixture_integer(reader, "SELECT count(*) FROM t"), 2);
        fixture_close(reader);
}

static void test_without_room_nothing_is_begun(void **state)
{
        const char *source = fixture_path("app.db"), *small = fixture_mount_small(512 * 1024);
        char target[256];
        Snapshot snapshot = {0};
        Fault fault = {0};

        /* The main file alone would have had room. */
        fixture_create_with_wal(source, "CREATE TABLE t(a); INSERT INTO t VALUES(zeroblob(3000000))");
        assert_true(fixture_file_size(source) < 512 * 1024);
        (void) snprintf(target, sizeof target, "%s/copy.db", small);
        assert_int_equal(snapshot_copy(source, target, NULL, &snapshot, &fault), -ENOSPC);
        assert_non_null(strstr(fault.message, target));
        fixture_assert_fault(&fault, FAULT_NO_SPACE, "are needed; make room");
        assert_nothing_at(target, 0);
}

/* Others fill the disk after it was asked; a bound on the size of files comes as that does. */
static void test_full_disk_leaves_no_file(void **state)
{
        const char *source = fixture_path("app.db"), *target = fixture_path("copy.db");
        struct rlimit unbound, bound;
        Snapshot snapshot = {0};
        Fault fault = {0};
        int r;

        fixture_create_large(source, 3 * MIB);
        assert_int_equal(getrlimit(RLIMIT_FSIZE, &unbound), 0);
        bound = (struct rlimit){.rlim_cur = 512 * KIB, .rlim_max = unbound.rlim_max};
        (void) signal(SIGXFSZ, SIG_IGN);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &bound), 0);
        r = snapshot_copy(source, target, NULL, &snapshot, &fault);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &unbound), 0);
        (void) signal(SIGXFSZ, SIG_DFL);
        assert_int_equal(r, -ENOSPC);
        assert_non_null(strstr(fault.message, target));
        fixture_assert_fault(&fault, FAULT_NO_SPACE, "make room");
        assert_nothing_at(target, 0);
}

typedef struct Canceller {
        Progress progress;
        unsigned n_left;
} Canceller;

static void *cancel(void *progress)
{
        progress_cancel(progress);
        return NULL;
}

static int cancel_at_read(EventVfsCall call, void *userdata)
{
        Canceller *canceller = userdata;

        if (call == EVENT_VFS_READ && canceller->n_left-- == 0) {
                pthread_t thread;

                assert_int_equal(pthread_create(&thread, NULL, cancel, &canceller->progress), 0);
                assert_int_equal(pthread_join(thread, NULL), 0);
        }
        return SQLITE_OK;
}

static void assert_cancelled(unsigned n_reads, bool by_page)
{
        const char *source = fixture_path("app.db"), *target = fixture_path("copy.db");
        Canceller canceller = {.n_left = n_reads};
        Snapshot snapshot = {.pages = 7};
        Fault fault = {0};

        progress_init(&canceller.progress);
        event_vfs_set_hook(cancel_at_read, &canceller);
        if (by_page)
                event_vfs_show_itself();
        assert_int_equal(snapshot_copy(source, target, &canceller.progress, &snapshot, &fault), -ECANCELED);
        event_vfs_set_hook(NULL, NULL);
        fixture_assert_fault(&fault, FAULT_CANCELLED, "ancelled");
        /* Stopped within a chunk, not at the end. */
        assert_true(atomic_load(&canceller.progress.done_bytes) <
                        (by_page ? (n_reads + 512ULL) * 4096 : (n_reads + 1ULL) * 65536));
        assert_int_equal(snapshot.pages, 7);
        assert_nothing_at(target, 0);
        progress_done(&canceller.progress);
}

static void test_cancel_leaves_no_file(void **state)
{
        static const unsigned pages[] = {0, 5, 1000, 2000}, chunks[] = {0, 5, 50, 200};

        fixture_create_large(fixture_path("app.db"), 16 * MIB);
        for (size_t i = 0; i < ELEMENTSOF(pages); i++) {
                assert_cancelled(pages[i], true);
                assert_cancelled(chunks[i], false);
        }
}

static int refuse_late_reads(EventVfsCall call, void *userdata)
{
        unsigned *n_left = userdata;

        if (call != EVENT_VFS_READ || *n_left == 0)
                return call == EVENT_VFS_READ ? SQLITE_IOERR_READ : SQLITE_OK;
        (*n_left)--;
        return SQLITE_OK;
}

static void test_source_faults_name_the_source(void **state)
{
        const char *source = fixture_path("app.db"), *target = fixture_path("copy.db");
        unsigned n_left;
        Snapshot snapshot;
        Fault fault = {0};

        assert_int_equal(snapshot_copy(source, target, NULL, &snapshot, &fault), -ENOENT);
        fixture_assert_fault(&fault, FAULT_CANNOT_OPEN, source);
        assert_nothing_at(target, 0);

        fixture_create_large(source, 4 * MIB);
        for (unsigned by_page = 0; by_page < 2; by_page++) {
                n_left = by_page ? 500 : 30;
                event_vfs_set_hook(refuse_late_reads, &n_left);
                if (by_page)
                        event_vfs_show_itself();
                assert_int_equal(snapshot_copy(source, target, NULL, &snapshot, &fault), -EIO);
                event_vfs_set_hook(NULL, NULL);
                assert_int_equal(n_left, 0);
                fixture_assert_fault(&fault, FAULT_IO, source);
                assert_nothing_at(target, 0);
        }

        assert_int_equal(truncate(source, 1024 * 1024), 0);
        assert_int_equal(snapshot_copy(source, target, NULL, &snapshot, &fault), -EUCLEAN);
        fixture_assert_fault(&fault, FAULT_CORRUPT, source);
        assert_nothing_at(target, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                        TEST(test_copies_wal_and_rollback_databases),
                        TEST(test_empty_database),
                        TEST(test_copy_beside_a_writer_is_consistent_and_ends),
                        TEST(test_commits_do_not_restart_the_copy),
                        TEST(test_the_wal_is_looked_at_once_the_transaction_is_held),
                        TEST(test_existing_target_is_left_alone),
                        TEST(test_left_over_side_files_are_not_replayed),
                        TEST(test_without_room_nothing_is_begun),
                        TEST(test_full_disk_leaves_no_file),
                        TEST(test_cancel_leaves_no_file),
                        TEST(test_source_faults_name_the_source),
        };

        return cmocka_run_group_tests_name("database/snapshot", tests, NULL, NULL);
}
