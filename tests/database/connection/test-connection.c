/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fixture.h"

#include <pthread.h>
#include <semaphore.h>
#include <string.h>
#include <sys/stat.h>

#include "database/connection/connection.h"
#include "event-vfs.h"

#define ROWS_SQL "CREATE TABLE t(a INTEGER); INSERT INTO t VALUES(1),(2),(3)"

static void create_plain(const char *path)
{
        sqlite3 *application = fixture_open(path);

        fixture_execute(application, ROWS_SQL);
        fixture_close(application);
}

static void assert_open_fault(const char *path, ConnectionMode mode, FaultCode code, const char *words)
{
        _cleanup_(connection_closep) Connection *connection = NULL;
        Fault fault = {0};

        assert_int_equal(connection_open(path, mode, NULL, &connection, &fault), fault_errno(code));
        assert_null(connection);
        assert_non_null(strstr(fault.message, path));
        fixture_assert_fault(&fault, code, words);
}

static int64_t query_integer(Connection *connection, const char *sql)
{
        int64_t value = -1;

        assert_int_equal(connection_query_integer(connection, sql, &value, NULL), 0);
        return value;
}

static void test_missing_is_cannot_open(void **state)
{
        const char *path = fixture_path("missing.db");

        assert_open_fault(path, CONNECTION_WRITE, FAULT_CANNOT_OPEN, "check that the file exists");
        assert_int_equal(fixture_file_size(path), -1);
        assert_open_fault(*state, CONNECTION_READ, FAULT_CANNOT_OPEN, "is a directory");
}

static void test_other_content_is_not_a_database(void **state)
{
        const char *path = fixture_path("letter.db");
        char letter[4096];

        memset(letter, 'x', sizeof letter);
        fixture_write(path, letter, sizeof letter);
        for (ConnectionMode mode = CONNECTION_READ; mode <= CONNECTION_PRIVATE; mode++)
                assert_open_fault(path, mode, FAULT_NOT_A_DATABASE, "not a database");
}

static void test_truncated_is_corrupt(void **state)
{
        const char *path = fixture_path("short.db");

        fixture_create_large(path, 100000);
        assert_int_equal(truncate(path, 40960), 0);
        assert_open_fault(path, CONNECTION_READ, FAULT_CORRUPT, "restore a backup");
}

static void test_lock_is_busy_within_the_bound(void **state)
{
        const char *path = fixture_path("locked.db");
        sqlite3 *application;

        create_plain(path);
        application = fixture_open(path);
        fixture_execute(application, "BEGIN EXCLUSIVE");
        assert_open_fault(path, CONNECTION_READ, FAULT_BUSY, "another process");
        fixture_close(application);
}

typedef struct Canceller {
        Progress progress;
        pthread_t thread;
        sem_t cancel, cancelled;
        bool once;
        unsigned n_after;
} Canceller;

static void *cancel_when_told(void *userdata)
{
        Canceller *canceller = userdata;

        (void) sem_wait(&canceller->cancel);
        progress_cancel(&canceller->progress);
        (void) sem_post(&canceller->cancelled);
        return NULL;
}

static void canceller_start(Canceller *canceller)
{
        *canceller = (Canceller){0};
        progress_init(&canceller->progress);
        (void) sem_init(&canceller->cancel, 0, 0);
        (void) sem_init(&canceller->cancelled, 0, 0);
        assert_int_equal(pthread_create(&canceller->thread, NULL, cancel_when_told, canceller), 0);
}

static void canceller_finish(Canceller *canceller)
{
        assert_int_equal(pthread_join(canceller->thread, NULL), 0);
        progress_done(&canceller->progress);
}

static int cancel_at_first_lock(EventVfsCall call, void *userdata)
{
        Canceller *canceller = userdata;

        if (call != EVENT_VFS_LOCK_BUSY)
                return SQLITE_OK;
        if (canceller->once)
                canceller->n_after++;
        else {
                canceller->once = true;
                (void) sem_post(&canceller->cancel);
                (void) sem_wait(&canceller->cancelled);
        }
        return SQLITE_OK;
}

static void test_cancel_ends_the_wait_for_a_lock(void **state)
{
        const char *path = fixture_path("locked.db");
        Connection *connection = NULL;
        sqlite3 *application;
        Canceller canceller;
        Fault fault = {0};

        create_plain(path);
        application = fixture_open(path);
        fixture_execute(application, "BEGIN EXCLUSIVE");
        canceller_start(&canceller);
        event_vfs_set_hook(cancel_at_first_lock, &canceller);

        assert_int_equal(connection_open(path, CONNECTION_READ, &canceller.progress, &connection, &fault),
                        -ECANCELED);
        event_vfs_set_hook(NULL, NULL);
        fixture_assert_fault(&fault, FAULT_CANCELLED, "cancelled");
        assert_int_equal(canceller.n_after, 0);
        assert_null(canceller.progress.interrupts);

        canceller_finish(&canceller);
        fixture_close(application);
}

static void call_cancel(sqlite3_context *context, int n_arguments, sqlite3_value **arguments)
{
        Canceller *canceller = sqlite3_user_data(context);

        (void) sem_post(&canceller->cancel);
        (void) sem_wait(&canceller->cancelled);
        sqlite3_result_int(context, 1);
}

static void test_cancel_interrupts_a_statement(void **state)
{
        const char *path = fixture_path("plain.db");
        Connection *connection = NULL;
        Canceller canceller;
        Fault fault = {0};

        create_plain(path);
        canceller_start(&canceller);
        assert_int_equal(connection_open(path, CONNECTION_READ, &canceller.progress, &connection, NULL), 0);
        assert_int_equal(sqlite3_create_function(connection->handle,
                                         "cancel_now",
                                         0,
                                         SQLITE_UTF8,
                                         &canceller,
                                         call_cancel,
                                         NULL,
                                         NULL),
                        SQLITE_OK);
        /* Without an end but for the interrupt. */
        assert_int_equal(connection_execute(connection,
                                         "WITH RECURSIVE n(i) AS (SELECT cancel_now() UNION ALL"
                                         " SELECT i + 1 FROM n) SELECT max(i) FROM n",
                                         &fault),
                        -ECANCELED);
        fixture_assert_fault(&fault, FAULT_CANCELLED, "cancelled");
        connection = connection_close(connection);
        assert_null(canceller.progress.interrupts);

        assert_int_equal(connection_open(path, CONNECTION_READ, &canceller.progress, &connection, &fault),
                        -ECANCELED);
        fixture_assert_fault(&fault, FAULT_CANCELLED, "");
        canceller_finish(&canceller);
}

static void test_name_is_never_a_uri(void **state)
{
        static const char *const names[] = {
                        "file:odd.db?mode=memory", ":memory:", "odd%20name?vfs=none#x.db"};

        assert_int_equal(chdir(*state), 0);
        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                _cleanup_(connection_closep) Connection *connection = NULL;

                assert_open_fault(names[i], CONNECTION_READ, FAULT_CANNOT_OPEN, "");
                create_plain(fixture_path(names[i]));
                connection = fixture_connect(names[i], CONNECTION_READ);
                assert_int_equal(query_integer(connection, "SELECT count(*) FROM t"), 3);
        }
        assert_open_fault("", CONNECTION_READ, FAULT_CANNOT_OPEN, "");
        assert_int_equal(chdir("/"), 0);
}

static void test_modes_set_what_they_promise(void **state)
{
        const char *path = fixture_path("plain.db");
        Connection *connection;
        Fault fault = {0};

        create_plain(path);
        connection = fixture_connect(path, CONNECTION_READ);
        assert_int_equal(connection_execute(connection, "INSERT INTO t VALUES(4)", &fault), -EROFS);
        fixture_assert_fault(&fault, FAULT_READ_ONLY, "INSERT INTO t");
        assert_int_equal(query_integer(connection, "PRAGMA cell_size_check"), 1);
        connection = connection_close(connection);

        connection = fixture_connect(path, CONNECTION_WRITE);
        assert_int_equal(query_integer(connection, "PRAGMA synchronous"), 2);
        assert_int_equal(query_integer(connection, "PRAGMA foreign_keys"), 1);
        assert_int_equal(query_integer(connection, "PRAGMA trusted_schema"), 1);
        assert_int_equal(connection_execute(connection,
                                         "PRAGMA writable_schema=ON; DELETE FROM sqlite_schema",
                                         &fault),
                        -EBADE);
        fixture_assert_fault(&fault, FAULT_FAILED, "may not be modified");
        connection = connection_close(connection);

        connection = fixture_connect(path, CONNECTION_PRIVATE);
        assert_int_equal(query_integer(connection, "PRAGMA synchronous"), 0);
        assert_int_equal(query_integer(connection, "PRAGMA mmap_size"), 0);
        connection = connection_close(connection);
}

static void test_read_only_file_is_told_to_a_writer(void **state)
{
        const char *path = fixture_path("plain.db");

        if (geteuid() != 0)
                skip();
        create_plain(path);
        assert_int_equal(chmod(path, 0444), 0);
        assert_int_equal(chmod(*state, 0755), 0);
        assert_int_equal(seteuid(65534), 0);
        assert_open_fault(path, CONNECTION_WRITE, FAULT_PERMISSION, "belongs to root");
        assert_int_equal(seteuid(0), 0);
        assert_int_equal(chmod(path, 0), 0);
        assert_int_equal(seteuid(65534), 0);
        assert_open_fault(path, CONNECTION_READ, FAULT_PERMISSION, "owner and mode");
        assert_int_equal(seteuid(0), 0);
}

static void test_unknown_write_version_is_named(void **state)
{
        const char *path = fixture_path("plain.db");

        create_plain(path);
        fixture_overwrite(path, 18, "\3", 1);
        assert_open_fault(path, CONNECTION_WRITE, FAULT_NOT_SUPPORTED, "write version");
        assert_open_fault(path, CONNECTION_WRITE, FAULT_NOT_SUPPORTED, "can be read but not written");
}

/* Both connections are the last to close, when SQLite would otherwise checkpoint and delete the -wal. */
static void test_never_checkpoints(void **state)
{
        const char *path = fixture_path("app.db"), *wal_path = fixture_path("app.db-wal");
        _cleanup_free_ char *main_before = NULL, *wal_before = NULL, *main_after = NULL, *wal_after = NULL;
        size_t main_size, wal_size, main_size_after, wal_size_after;
        Connection *connection;

        fixture_create_with_wal(path, ROWS_SQL);
        main_before = fixture_read(path, &main_size);
        wal_before = fixture_read(wal_path, &wal_size);
        assert_true(wal_size > 0);

        connection = fixture_connect(path, CONNECTION_READ);
        assert_int_equal(query_integer(connection, "SELECT count(*) FROM t"), 3);
        connection = connection_close(connection);
        wal_after = fixture_read(wal_path, &wal_size_after);
        assert_int_equal(wal_size_after, wal_size);
        assert_memory_equal(wal_after, wal_before, wal_size);

        connection = fixture_connect(path, CONNECTION_WRITE);
        for (unsigned i = 0; i < 3; i++) /* far past the 1000 pages of SQLite's automatic checkpoint */
                assert_int_equal(connection_execute(
                                                 connection, "INSERT INTO t SELECT zeroblob(8000000)", NULL),
                                0);
        connection = connection_close(connection);
        main_after = fixture_read(path, &main_size_after);
        assert_int_equal(main_size_after, main_size);
        assert_memory_equal(main_after, main_before, main_size);
        assert_true(fixture_file_size(wal_path) > 24000000);

        connection = fixture_connect(path, CONNECTION_READ);
        assert_int_equal(query_integer(connection, "SELECT count(*) FROM t"), 6);
        connection = connection_close(connection);
}

static void test_private_copy_in_wal_mode_leaves_nothing_beside_it(void **state)
{
        const char *path = fixture_path("copy.db");
        sqlite3 *application = fixture_open(path);
        Connection *connection;

        fixture_execute(application, "PRAGMA journal_mode=WAL;" ROWS_SQL);
        fixture_close(application);
        connection = fixture_connect(path, CONNECTION_PRIVATE);
        assert_int_equal(query_integer(connection, "SELECT count(*) FROM t"), 3);
        assert_int_equal(fixture_file_size(fixture_path("copy.db-shm")), -1);
        connection = connection_close(connection);
        assert_int_equal(fixture_file_size(fixture_path("copy.db-wal")), -1);
}

static void test_pin_holds_one_state(void **state)
{
        const char *path = fixture_path("app.db");
        Connection *connection;
        sqlite3_stmt *pin = NULL;
        sqlite3 *application;

        fixture_create_with_wal(path, ROWS_SQL);
        application = fixture_open(path);
        connection = fixture_connect(path, CONNECTION_READ);
        assert_int_equal(connection_pin(connection, &pin, NULL), 0);
        fixture_execute(application, "INSERT INTO t VALUES(4)");
        assert_int_equal(query_integer(connection, "SELECT count(*) FROM t"), 3);
        (void) sqlite3_finalize(pin);
        assert_int_equal(query_integer(connection, "SELECT count(*) FROM t"), 4);
        connection = connection_close(connection);
        fixture_close(application);
}

/* SQLite alone forgets an interrupt that comes while no statement is active. */
static void test_pin_remembers_a_cancel(void **state)
{
        const char *path = fixture_path("plain.db");
        Connection *connection = NULL;
        sqlite3_stmt *pin = NULL;
        Progress progress;
        int64_t value;

        create_plain(path);
        progress_init(&progress);
        assert_int_equal(connection_open(path, CONNECTION_READ, &progress, &connection, NULL), 0);
        assert_int_equal(connection_pin(connection, &pin, NULL), 0);
        progress_cancel(&progress);
        assert_int_equal(connection_query_integer(connection, "SELECT 1", &value, NULL), -ECANCELED);
        (void) sqlite3_finalize(pin);
        assert_int_equal(connection_pin(connection, &pin, NULL), -ECANCELED);
        connection = connection_close(connection);
        progress_done(&progress);
}

static void test_ensure_wal(void **state)
{
        const char *path = fixture_path("plain.db");
        Connection *connection;
        Fault fault = {0};
        bool changed = false;
        sqlite3 *application;

        create_plain(path);
        application = fixture_open(path);
        fixture_execute(application, "BEGIN; SELECT * FROM t");
        connection = fixture_connect(path, CONNECTION_WRITE);
        assert_int_equal(connection_ensure_wal(connection, &changed, &fault), -EBUSY);
        fixture_assert_fault(&fault, FAULT_BUSY, "another process");
        fixture_execute(application, "COMMIT");
        assert_int_equal(connection_ensure_wal(connection, &changed, &fault), 0);
        assert_true(changed);
        assert_int_equal(connection_ensure_wal(connection, &changed, &fault), 0);
        assert_false(changed);
        connection = connection_close(connection);
        fixture_close(application);
}

static void test_codes_become_faults(void **state)
{
        static const struct {
                int sqlite_code;
                FaultCode code;
        } expected[] = {
                        {SQLITE_BUSY_SNAPSHOT, FAULT_BUSY},
                        {SQLITE_LOCKED_SHAREDCACHE, FAULT_BUSY},
                        {SQLITE_PROTOCOL, FAULT_BUSY},
                        {SQLITE_CORRUPT_VTAB, FAULT_CORRUPT},
                        {SQLITE_CORRUPT_INDEX, FAULT_CORRUPT},
                        {SQLITE_IOERR_SHORT_READ, FAULT_CORRUPT},
                        {SQLITE_NOTADB, FAULT_NOT_A_DATABASE},
                        {SQLITE_IOERR_READ, FAULT_IO},
                        {SQLITE_IOERR_CORRUPTFS, FAULT_IO},
                        {SQLITE_IOERR_NOMEM, FAULT_FAILED},
                        {SQLITE_CANTOPEN_ISDIR, FAULT_CANNOT_OPEN},
                        {SQLITE_FULL, FAULT_NO_SPACE},
                        {SQLITE_READONLY_DIRECTORY, FAULT_READ_ONLY},
                        {SQLITE_PERM, FAULT_PERMISSION},
                        {SQLITE_INTERRUPT, FAULT_CANCELLED},
                        {SQLITE_ERROR, FAULT_FAILED},
        };
        const char *path = fixture_path("plain.db");
        Connection *connection;

        create_plain(path);
        connection = fixture_connect(path, CONNECTION_READ);
        for (size_t i = 0; i < ELEMENTSOF(expected); i++) {
                Fault fault = {0};

                assert_int_equal(connection_fault(connection, expected[i].sqlite_code, &fault, "Trying"),
                                fault_errno(expected[i].code));
                assert_non_null(strstr(fault.message, path));
                fixture_assert_fault(&fault, expected[i].code, "Trying");
        }
        connection = connection_close(connection);
}

static void test_query_without_a_row_fails(void **state)
{
        const char *path = fixture_path("plain.db");
        Connection *connection;
        Fault fault = {0};
        int64_t value = 7;

        create_plain(path);
        connection = fixture_connect(path, CONNECTION_READ);
        assert_int_equal(connection_query_integer(connection, "SELECT a FROM t WHERE a > 9", &value, &fault),
                        -EBADE);
        fixture_assert_fault(&fault, FAULT_FAILED, "no answer");
        assert_int_equal(value, 7);
        assert_int_equal(connection_query_integer(connection, "SELECT x FROM t", &value, &fault), -EBADE);
        fixture_assert_fault(&fault, FAULT_FAILED, "no such column");
        connection = connection_close(connection);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                        TEST(test_missing_is_cannot_open),
                        TEST(test_other_content_is_not_a_database),
                        TEST(test_truncated_is_corrupt),
                        TEST(test_lock_is_busy_within_the_bound),
                        TEST(test_cancel_ends_the_wait_for_a_lock),
                        TEST(test_cancel_interrupts_a_statement),
                        TEST(test_name_is_never_a_uri),
                        TEST(test_modes_set_what_they_promise),
                        TEST(test_read_only_file_is_told_to_a_writer),
                        TEST(test_unknown_write_version_is_named),
                        TEST(test_never_checkpoints),
                        TEST(test_private_copy_in_wal_mode_leaves_nothing_beside_it),
                        TEST(test_pin_holds_one_state),
                        TEST(test_pin_remembers_a_cancel),
                        TEST(test_ensure_wal),
                        TEST(test_codes_become_faults),
                        TEST(test_query_without_a_row_fails),
        };

        return cmocka_run_group_tests_name("database/connection", tests, NULL, NULL);
}
