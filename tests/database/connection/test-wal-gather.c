/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fixture.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "database/connection/wal-gather.h"

/* Far more than the cache holds, so that pages are spilled into the WAL, read again from there and written
 * again in the midst of the transaction. */
static const char fill_sql[] =
                "PRAGMA cache_size=20; BEGIN; "
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) "
                "INSERT INTO t SELECT i, i, randomblob(900) FROM n; "
                "UPDATE t SET y = y + 1 WHERE x % 3 = 0; UPDATE t SET y = y + 1 WHERE x % 2 = 0;";
#define FILLED_SUM (3000LL * 3001 / 2 + 1001 + 1501)

static sqlite3 *open_application(const char *name)
{
        sqlite3 *application = fixture_open(fixture_path(name));

        fixture_execute(application,
                        "PRAGMA journal_mode=WAL; CREATE TABLE t(x INTEGER PRIMARY KEY, y, z); "
                        "CREATE INDEX i ON t(y); INSERT INTO t VALUES(0, 0, '')");
        return application;
}

static void execute(Connection *connection, const char *sql)
{
        _cleanup_fault_ Fault fault = {0};
        int r = connection_execute(connection, sql, &fault);

        if (r < 0)
                print_error("%s\n", fault.message);
        assert_int_equal(r, 0);
}

static void assert_sum(sqlite3 *handle, int64_t sum)
{
        assert_int_equal(fixture_integer(handle, "SELECT sum(y) FROM t NOT INDEXED"), sum);
        assert_int_equal(fixture_integer(handle, "SELECT sum(y) FROM t INDEXED BY i"), sum);
        assert_int_equal(
                        fixture_integer(handle, "SELECT integrity_check = 'ok' FROM pragma_integrity_check"),
                        1);
}

/* With no room in the cache for the pages that are used in turn: what was spilled a moment ago, and is
 * gathered still, is read again. */
static void test_what_is_gathered_is_read_again(void **state)
{
        sqlite3 *application = open_application("live.db");
        Connection *connection = fixture_connect(fixture_path("live.db"), CONNECTION_REPLACE);
        char sql[128];

        execute(connection, fill_sql);
        execute(connection, "PRAGMA cache_size=1");
        for (int i = 0; i < 200; i++) {
                (void) snprintf(sql, sizeof sql, "UPDATE t SET z = zeroblob(900) WHERE x = %d", i * 37 % 61);
                execute(connection, sql);
        }
        execute(connection, "COMMIT");
        assert_sum(application, FILLED_SUM);
        assert_int_equal(fixture_integer(application, "SELECT count(*) FROM t WHERE z = zeroblob(900)"), 61);
        (void) connection_close(connection);
        fixture_close(application);
}

static void test_a_commit_is_there_for_others_at_once(void **state)
{
        sqlite3 *application = open_application("live.db");
        _cleanup_(connection_closep) Connection *connection =
                        fixture_connect(fixture_path("live.db"), CONNECTION_REPLACE);

        execute(connection, fill_sql);
        assert_sum(application, 0);
        execute(connection, "COMMIT");
        assert_sum(application, FILLED_SUM);
        fixture_execute(application, "UPDATE t SET y = y + 1 WHERE x = 0");
        execute(connection, "UPDATE t SET y = y + 1 WHERE x = 0");
        assert_sum(application, FILLED_SUM + 2);
        /* Into the file, the log begun anew, and a commit into that. */
        fixture_execute(application, "PRAGMA wal_checkpoint(RESTART)");
        execute(connection, "UPDATE t SET y = y + 1 WHERE x = 0");
        assert_sum(application, FILLED_SUM + 3);
        fixture_close(application);
}

static void test_what_is_rolled_back_is_gone(void **state)
{
        sqlite3 *application = open_application("live.db");
        Connection *connection = fixture_connect(fixture_path("live.db"), CONNECTION_REPLACE);

        execute(connection, fill_sql);
        execute(connection, "ROLLBACK");
        (void) connection_close(connection);
        assert_sum(application, 0);
        fixture_execute(application, "UPDATE t SET y = 5");
        connection = fixture_connect(fixture_path("live.db"), CONNECTION_REPLACE);
        execute(connection, fill_sql);
        /* With half a transaction gathered. */
        (void) connection_close(connection);
        assert_sum(application, 5);
        fixture_execute(application, "UPDATE t SET y = 6");
        assert_sum(application, 6);
        fixture_close(application);
}

static void test_killed_before_the_commit(void **state)
{
        sqlite3 *application;
        int status;
        pid_t child;

        fixture_close(open_application("live.db"));
        child = fork();
        assert_true(child >= 0);
        if (child == 0) {
                execute(fixture_connect(fixture_path("live.db"), CONNECTION_REPLACE), fill_sql);
                _exit(0);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
        application = fixture_open(fixture_path("live.db"));
        assert_sum(application, 0);
        fixture_execute(application, "UPDATE t SET y = 5");
        assert_sum(application, 5);
        fixture_close(application);
}

static void test_a_full_disk_is_told_and_changes_nothing(void **state)
{
        const char *small = fixture_mount_small(512 * KIB);
        char path[256];
        sqlite3 *application;
        Connection *connection;
        Fault fault = {0};

        (void) snprintf(path, sizeof path, "%s/live.db", small);
        application = fixture_open(path);
        fixture_execute(application,
                        "PRAGMA journal_mode=WAL; CREATE TABLE t(x INTEGER PRIMARY KEY, y, z); "
                        "CREATE INDEX i ON t(y)");
        connection = fixture_connect(path, CONNECTION_REPLACE);
        assert_int_equal(connection_execute(connection, fill_sql, &fault), -ENOSPC);
        fixture_assert_fault(&fault, FAULT_NO_SPACE, "make room");
        (void) connection_close(connection);
        assert_int_equal(fixture_integer(application, "SELECT count(*) FROM t"), 0);
        fixture_close(application);
}

/* What SQLite does with a log, in an order in which it goes on after the failure. */
static void test_a_failure_that_a_read_met_stops_the_commit(void **state)
{
        static unsigned char data[60 * KIB];
        const char *small = fixture_mount_small(64 * KIB), *name;
        int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_WAL;
        char path[256];
        sqlite3_vfs *vfs;
        sqlite3_file *file;

        assert_int_equal(wal_gather_vfs(&name, NULL), 0);
        vfs = sqlite3_vfs_find(name);
        (void) snprintf(path, sizeof path, "%s/live.db", small);
        fixture_close(fixture_open(path));
        (void) snprintf(path, sizeof path, "%s/live.db-wal", small);
        file = calloc(1, (size_t) vfs->szOsFile);
        assert_int_equal(vfs->xOpen(vfs, path, file, flags, NULL), SQLITE_OK);
        assert_int_equal(file->pMethods->xWrite(file, data, sizeof data, 0), SQLITE_OK);
        assert_int_equal(file->pMethods->xWrite(file, data, sizeof data, sizeof data), SQLITE_OK);
        assert_int_equal(file->pMethods->xRead(file, data, 1, 0), SQLITE_FULL);
        assert_int_equal(truncate(path, 0), 0);
        assert_int_equal(file->pMethods->xRead(file, data, 1, 0), SQLITE_FULL);
        assert_int_equal(file->pMethods->xWrite(file, data, 1, 0), SQLITE_FULL);
        assert_int_equal(file->pMethods->xSync(file, SQLITE_SYNC_NORMAL), SQLITE_FULL);
        assert_int_equal(file->pMethods->xClose(file), SQLITE_OK);
        free(file);
}

static uint64_t write_calls(void)
{
        FILE *file = fopen("/proc/self/io", "re");
        unsigned long long calls = 0;
        char line[128];

        assert_non_null(file);
        while (fgets(line, sizeof line, file))
                (void) sscanf(line, "syscw: %llu", &calls);
        (void) fclose(file);
        assert_true(calls > 0);
        return calls;
}

/* As a restore does it: every page once. */
static uint64_t write_calls_of(const char *name, ConnectionMode mode)
{
        sqlite3 *source = fixture_open(fixture_path("source.db"));
        Connection *target;
        sqlite3_backup *backup;
        uint64_t before;

        fixture_close(open_application(name));
        target = fixture_connect(fixture_path(name), mode);
        before = write_calls();
        backup = sqlite3_backup_init(target->handle, "main", source, "main");
        assert_int_equal(sqlite3_backup_step(backup, -1), SQLITE_DONE);
        assert_int_equal(sqlite3_backup_finish(backup), SQLITE_OK);
        before = write_calls() - before;
        assert_int_equal(fixture_integer(target->handle, "SELECT count(*) FROM filler"),
                        fixture_integer(source, "SELECT count(*) FROM filler"));
        (void) connection_close(target);
        fixture_close(source);
        return before;
}

static void test_it_writes_in_large_pieces(void **state)
{
        uint64_t gathered;

        fixture_create_large(fixture_path("source.db"), 4 * MIB);
        gathered = write_calls_of("gathered.db", CONNECTION_REPLACE);
        assert_true(gathered * 10 < write_calls_of("plain.db", CONNECTION_WRITE));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
        const struct CMUnitTest tests[] = {
                        TEST(test_a_commit_is_there_for_others_at_once),
                        TEST(test_what_is_gathered_is_read_again),
                        TEST(test_what_is_rolled_back_is_gone),
                        TEST(test_killed_before_the_commit),
                        TEST(test_a_full_disk_is_told_and_changes_nothing),
                        TEST(test_a_failure_that_a_read_met_stops_the_commit),
                        TEST(test_it_writes_in_large_pieces),
        };

        return cmocka_run_group_tests_name("wal-gather", tests, NULL, NULL);
}
