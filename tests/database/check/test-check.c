/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fixture.h"

#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <string.h>

#include "database/check/check.h"
#include "event-vfs.h"

#define PAGE_BYTES 4096

static void create_indexed(const char *path)
{
        sqlite3 *application = fixture_open(path);

        fixture_execute(application,
                        "PRAGMA page_size=4096; CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT);"
                        "CREATE INDEX t_name ON t(name);"
                        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)"
                        " INSERT INTO t SELECT i, printf('name-%06d', i) FROM n");
        fixture_close(application);
}

static int64_t root_page(const char *path, const char *name)
{
        char *sql = sqlite3_mprintf("SELECT rootpage FROM sqlite_schema WHERE name=%Q", name);
        sqlite3 *application = fixture_open(path);
        int64_t page = fixture_integer(application, sql);

        sqlite3_free(sql);
        fixture_close(application);
        return page;
}

static void check(const char *path, CheckDepth depth, CheckResult *ret)
{
        _cleanup_fault_ Fault fault = {0};

        if (check_run(path, CONNECTION_READ, depth, 1, NULL, ret, &fault) < 0)
                fail_msg("%s", fault.message);
}

static void assert_healthy(const char *path)
{
        for (CheckDepth depth = CHECK_QUICK; depth <= CHECK_FULL; depth++)
                for (ConnectionMode mode = CONNECTION_READ; mode <= CONNECTION_PRIVATE; mode += 2) {
                        CheckResult result = {.n_findings = 7};

                        assert_int_equal(check_run(path, mode, depth, 1, NULL, &result, NULL), 0);
                        assert_true(result.healthy);
                        assert_int_equal(result.n_findings, 0);
                        assert_null(result.first_finding);
                        assert_int_equal(result.foreign_key_violations, 0);
                        check_result_done(&result);
                }
}

static void assert_unhealthy(const char *path, CheckDepth depth, const char *words)
{
        CheckResult result = {0};

        check(path, depth, &result);
        assert_false(result.healthy);
        assert_true(result.n_findings >= 1);
        assert_non_null(result.first_finding);
        if (!strstr(result.first_finding, words))
                fail_msg("\"%s\" lacks \"%s\"", result.first_finding, words);
        assert_null(strchr(result.first_finding, '\n'));
        check_result_done(&result);
        assert_null(result.first_finding);
}

static void test_sound_databases(void **state)
{
        const char *path = fixture_path("sound.db"), *empty = fixture_path("empty.db");
        const char *wal = fixture_path("wal.db");

        create_indexed(path);
        assert_healthy(path);
        fixture_write(empty, "", 0);
        assert_healthy(empty);
        fixture_create_with_wal(wal, "CREATE TABLE t(a); INSERT INTO t VALUES(1)");
        assert_healthy(wal);
}

static void test_broken_table_page_is_found(void **state)
{
        const char *path = fixture_path("broken.db");
        char rubbish[64];

        create_indexed(path);
        memset(rubbish, 0xa5, sizeof rubbish);
        fixture_overwrite(path, (uint64_t) (root_page(path, "t") - 1) * PAGE_BYTES, rubbish, sizeof rubbish);
        assert_unhealthy(path, CHECK_QUICK, "");
        assert_unhealthy(path, CHECK_FULL, "");
}

/* quick_check skips index content: only the full check sees it. */
static void test_wrong_index_content_needs_the_full_check(void **state)
{
        const char *path = fixture_path("index.db");
        CheckResult result = {0};
        sqlite3 *application;

        create_indexed(path);
        application = fixture_open(path);
        fixture_execute(application,
                        "PRAGMA writable_schema=ON;"
                        "UPDATE sqlite_schema SET sql='CREATE INDEX t_name ON t(id)' WHERE name='t_name'");
        fixture_close(application);

        check(path, CHECK_QUICK, &result);
        assert_true(result.healthy);
        check_result_done(&result);
        check(path, CHECK_FULL, &result);
        assert_true(result.n_findings >= 100 && result.n_findings < 4000);
        check_result_done(&result);
        assert_unhealthy(path, CHECK_FULL, "t_name");
}

static void test_truncated_and_foreign_files_are_findings(void **state)
{
        const char *path = fixture_path("short.db"), *other = fixture_path("other.db");
        char letter[4096];

        create_indexed(path);
        assert_int_equal(truncate(path, 3 * PAGE_BYTES), 0);
        assert_unhealthy(path, CHECK_FULL, "malformed");
        memset(letter, 'x', sizeof letter);
        fixture_write(other, letter, sizeof letter);
        assert_unhealthy(other, CHECK_QUICK, "not a database");
}

static void test_missing_is_a_fault(void **state)
{
        CheckResult result = {.n_findings = 7};
        Fault fault = {0};

        assert_int_equal(check_run(fixture_path("none.db"),
                                         CONNECTION_READ,
                                         CHECK_FULL,
                                         1,
                                         NULL,
                                         &result,
                                         &fault),
                        -ENOENT);
        fixture_assert_fault(&fault, FAULT_CANNOT_OPEN, "none.db");
        assert_int_equal(result.n_findings, 7);
}

static void test_busy_is_a_fault(void **state)
{
        const char *path = fixture_path("locked.db");
        CheckResult result = {.n_findings = 7};
        sqlite3 *application;
        Fault fault = {0};

        create_indexed(path);
        application = fixture_open(path);
        fixture_execute(application, "BEGIN EXCLUSIVE");
        assert_int_equal(check_run(path, CONNECTION_READ, CHECK_FULL, 1, NULL, &result, &fault), -EBUSY);
        fixture_assert_fault(&fault, FAULT_BUSY, "locked");
        assert_int_equal(result.n_findings, 7);
        fixture_close(application);
}

typedef struct Answer {
        EventVfsCall call;
        unsigned let_through;
        int code;
        bool once;
        unsigned n_given;
} Answer;

static int answer_later(EventVfsCall call, void *userdata)
{
        Answer *answer = userdata;

        if (call != answer->call)
                return SQLITE_OK;
        if (answer->let_through > 0) {
                answer->let_through--;
                return SQLITE_OK;
        }
        if (answer->once && answer->n_given > 0)
                return SQLITE_OK;
        answer->n_given++;
        return answer->code;
}

static void test_broken_disk_is_a_fault_at_every_read(void **state)
{
        const char *path = fixture_path("disk.db");
        unsigned n_refused = 0;

        create_indexed(path);
        for (unsigned i = 0;; i++) {
                Answer answer = {.call = EVENT_VFS_READ, .let_through = i, .code = SQLITE_IOERR_READ};
                CheckResult result = {0};
                Fault fault = {0};
                int r;

                event_vfs_set_hook(answer_later, &answer);
                r = check_run(path, CONNECTION_READ, CHECK_FULL, 1, NULL, &result, &fault);
                event_vfs_set_hook(NULL, NULL);
                if (r == 0) {
                        assert_true(result.healthy);
                        assert_int_equal(answer.n_given, 0);
                        break;
                }
                fixture_assert_fault(&fault, FAULT_IO, "disk I/O error");
                n_refused++;
        }
        assert_true(n_refused > 20);
}

/* A disk that fails once and then works again: SQLite lists the page that it could not read among its
 * findings. Tables, overflow pages and the list of free pages each have their own words for it. */
static void test_one_failed_read_is_never_a_finding(void **state)
{
        const char *path = fixture_path("disk.db");
        sqlite3 *application;
        unsigned n_refused = 0;

        create_indexed(path);
        application = fixture_open(path);
        fixture_execute(application,
                        "CREATE TABLE blobs(b); INSERT INTO blobs "
                        "VALUES(randomblob(40000)),(randomblob(40000));"
                        "CREATE TABLE gone(b); INSERT INTO gone VALUES(zeroblob(6000000)); DROP TABLE gone");
        assert_true(fixture_integer(application, "PRAGMA freelist_count") > 1024); /* more than one trunk */
        fixture_close(application);
        for (unsigned i = 0;; i++) {
                Answer answer = {.call = EVENT_VFS_READ,
                                .let_through = i,
                                .code = SQLITE_IOERR_READ,
                                .once = true};
                CheckResult result = {0};
                Fault fault = {0};
                int r;

                event_vfs_set_hook(answer_later, &answer);
                r = check_run(path, CONNECTION_READ, CHECK_FULL, 1, NULL, &result, &fault);
                event_vfs_set_hook(NULL, NULL);
                if (r == 0 && !result.healthy)
                        fail_msg("read %u: %s", i, result.first_finding);
                if (r < 0) {
                        fixture_assert_fault(&fault, FAULT_IO, "disk");
                        n_refused++;
                } else if (answer.n_given == 0)
                        break;
        }
        assert_true(n_refused >= 40);
}

/* The WAL index promises frames that are not in the -wal. Who opens the database once everybody has left it
 * finds the commits that are still there: nothing in the file itself speaks of damage. */
static void test_wal_cut_short_is_no_finding(void **state)
{
        const char *path = fixture_path("wal.db");
        Answer answer = {.call = EVENT_VFS_WAL_READ, .let_through = 6, .code = SQLITE_IOERR_SHORT_READ};
        CheckResult result = {0};
        Fault fault = {0};
        sqlite3 *application;

        fixture_create_with_wal(path,
                        "CREATE TABLE t(a); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
                        " WHERE i < 400) INSERT INTO t SELECT randomblob(500) FROM n");
        /* Keeps the WAL index, so that the check does not rebuild it from what is left. */
        application = fixture_open(path);
        assert_int_equal(fixture_integer(application, "SELECT count(*) FROM t"), 400);
        event_vfs_set_hook(answer_later, &answer);
        assert_true(check_run(path, CONNECTION_READ, CHECK_FULL, 1, NULL, &result, &fault) < 0);
        event_vfs_set_hook(NULL, NULL);
        fixture_close(application);
        fixture_assert_fault(&fault, FAULT_FAILED, "pages");
}

/* More of them than SQLite's usual bound of 100, in a table that is checked before the damaged one. */
static void test_constraint_violations_are_counted_apart(void **state)
{
        const char *path = fixture_path("constraints.db");
        sqlite3 *application;
        CheckResult result = {0};

        create_indexed(path);
        application = fixture_open(path);
        fixture_execute(application,
                        "CREATE TABLE a(id INTEGER PRIMARY KEY, name TEXT, n INTEGER CHECK(n < 10));"
                        "PRAGMA ignore_check_constraints=ON;"
                        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300)"
                        " INSERT INTO a SELECT i, NULL, 99 FROM n;"
                        "PRAGMA writable_schema=ON;"
                        "UPDATE sqlite_schema SET sql='CREATE TABLE a(id INTEGER PRIMARY KEY,"
                        " name TEXT NOT NULL, n INTEGER CHECK(n < 10))' WHERE name='a'");
        fixture_close(application);
        check(path, CHECK_FULL, &result);
        assert_true(result.healthy);
        assert_int_equal(result.constraint_violations, 300);
        check_result_done(&result);

        application = fixture_open(path);
        fixture_execute(application,
                        "PRAGMA writable_schema=ON;"
                        "UPDATE sqlite_schema SET sql='CREATE INDEX t_name ON t(id)' WHERE name='t_name'");
        fixture_close(application);
        assert_unhealthy(path, CHECK_FULL, "t_name");
}

static void test_foreign_keys_are_counted_apart(void **state)
{
        const char *path = fixture_path("keys.db");
        sqlite3 *application = fixture_open(path);
        CheckResult result = {0};

        fixture_execute(application,
                        "CREATE TABLE parent(id INTEGER PRIMARY KEY, plain INTEGER);"
                        "CREATE TABLE child(p INTEGER REFERENCES parent(id));"
                        "INSERT INTO child VALUES(1),(2),(NULL)");
        check(path, CHECK_FULL, &result);
        assert_true(result.healthy);
        assert_int_equal(result.foreign_key_violations, 2);
        check_result_done(&result);
        check(path, CHECK_QUICK, &result);
        assert_int_equal(result.foreign_key_violations, 0);
        check_result_done(&result);

        fixture_execute(application,
                        "DELETE FROM child; CREATE TABLE odd(p INTEGER REFERENCES parent(plain));"
                        "INSERT INTO odd VALUES(1)");
        fixture_blur_type(application, "odd");
        fixture_close(application);
        check(path, CHECK_FULL, &result);
        assert_true(result.healthy);
        assert_int_equal(result.foreign_key_violations, 1);
        check_result_done(&result);
}

typedef struct Canceller {
        Progress progress;
        sem_t cancel, cancelled;
        unsigned n_reads, cancel_at, n_after;
} Canceller;

static void *cancel_when_told(void *userdata)
{
        Canceller *canceller = userdata;

        (void) sem_wait(&canceller->cancel);
        progress_cancel(&canceller->progress);
        (void) sem_post(&canceller->cancelled);
        return NULL;
}

static int cancel_at_read(EventVfsCall call, void *userdata)
{
        Canceller *canceller = userdata;

        if (call != EVENT_VFS_READ)
                return SQLITE_OK;
        if (++canceller->n_reads < canceller->cancel_at)
                return SQLITE_OK;
        if (canceller->n_reads > canceller->cancel_at)
                canceller->n_after++;
        else {
                (void) sem_post(&canceller->cancel);
                (void) sem_wait(&canceller->cancelled);
        }
        return SQLITE_OK;
}

/* Wherever it comes, also at the last page: never a finding (an interrupted integrity_check calls the pages
 * that it did not reach "never used"), and SQLite stops reading. */
static void test_cancel_is_a_fault_and_stops(void **state)
{
        static const unsigned moments[] = {1, 2, 3, 100, 7000};
        const char *path = fixture_path("large.db");

        fixture_create_large(path, 32 * MIB);
        for (size_t i = 0; i < ELEMENTSOF(moments); i++) {
                Canceller canceller = {.cancel_at = moments[i]};
                CheckResult result = {.n_findings = 7};
                Fault fault = {0};
                pthread_t thread;

                progress_init(&canceller.progress);
                (void) sem_init(&canceller.cancel, 0, 0);
                (void) sem_init(&canceller.cancelled, 0, 0);
                assert_int_equal(pthread_create(&thread, NULL, cancel_when_told, &canceller), 0);
                event_vfs_set_hook(cancel_at_read, &canceller);
                assert_int_equal(check_run(path,
                                                 CONNECTION_READ,
                                                 CHECK_FULL,
                                                 1,
                                                 &canceller.progress,
                                                 &result,
                                                 &fault),
                                -ECANCELED);
                event_vfs_set_hook(NULL, NULL);
                assert_int_equal(pthread_join(thread, NULL), 0);
                fixture_assert_fault(&fault, FAULT_CANCELLED, "ancelled");
                assert_int_equal(result.n_findings, 7);
                assert_true(canceller.n_reads >= moments[i]);
                assert_true(canceller.n_after < 100);
                progress_done(&canceller.progress);
        }
}

static int cancel_at_once(EventVfsCall call, void *progress)
{
        progress_cancel(progress);
        return SQLITE_OK;
}

/* Nothing is said of a file that was not looked at to the end, not even the worst. */
static void test_cancel_goes_before_a_finding(void **state)
{
        const char *path = fixture_path("short.db");
        CheckResult result = {.n_findings = 7};
        Fault fault = {0};
        Progress progress;

        create_indexed(path);
        assert_int_equal(truncate(path, 3 * PAGE_BYTES), 0);
        progress_init(&progress);
        event_vfs_set_hook(cancel_at_once, &progress);
        assert_int_equal(check_run(path, CONNECTION_READ, CHECK_FULL, 1, &progress, &result, &fault),
                        -ECANCELED);
        event_vfs_set_hook(NULL, NULL);
        fixture_assert_fault(&fault, FAULT_CANCELLED, "ancelled");
        assert_int_equal(result.n_findings, 7);
        progress_done(&progress);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                        TEST(test_sound_databases),
                        TEST(test_broken_table_page_is_found),
                        TEST(test_wrong_index_content_needs_the_full_check),
                        TEST(test_truncated_and_foreign_files_are_findings),
                        TEST(test_missing_is_a_fault),
                        TEST(test_busy_is_a_fault),
                        TEST(test_broken_disk_is_a_fault_at_every_read),
                        TEST(test_one_failed_read_is_never_a_finding),
                        TEST(test_wal_cut_short_is_no_finding),
                        TEST(test_foreign_keys_are_counted_apart),
                        TEST(test_constraint_violations_are_counted_apart),
                        TEST(test_cancel_is_a_fault_and_stops),
                        TEST(test_cancel_goes_before_a_finding),
        };

        return cmocka_run_group_tests_name("database/check", tests, NULL, NULL);
}
