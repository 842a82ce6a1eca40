/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fixture.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "database/connection/connection.h"
#include "database/connection/file-guard.h"

#define ROWS_SQL "CREATE TABLE t(a INTEGER); INSERT INTO t VALUES(1),(2),(3)"
#define VICTIM "a file that the application's user may not remove"

static void create(const char *name, bool is_wal)
{
        sqlite3 *application = fixture_open(fixture_path(name));

        if (is_wal)
                fixture_execute(application, "PRAGMA journal_mode=WAL");
        fixture_execute(application, ROWS_SQL);
        fixture_close(application);
}

static int64_t count_rows(const char *name, ConnectionMode mode)
{
        _cleanup_(connection_closep) Connection *connection = fixture_connect(fixture_path(name), mode);
        int64_t n;

        assert_int_equal(connection_query_integer(connection, "SELECT count(*) FROM t", &n, NULL), 0);
        return n;
}

static void assert_refused(const char *name, ConnectionMode mode, const char *words)
{
        _cleanup_(connection_closep) Connection *connection = NULL;
        Fault fault = {0};

        assert_int_equal(connection_open(fixture_path(name), mode, NULL, &connection, &fault),
                        fault_errno(FAULT_CANNOT_OPEN));
        assert_non_null(strstr(fault.message, "must not open"));
        fixture_assert_fault(&fault, FAULT_CANNOT_OPEN, words);
}

static void assert_victim(const char *name)
{
        size_t size;
        _cleanup_free_ char *found = fixture_read(fixture_path(name), &size);

        assert_int_equal(size, strlen(VICTIM));
        assert_memory_equal(found, VICTIM, size);
}

static void write_victim(const char *name)
{
        fixture_write(fixture_path(name), VICTIM, strlen(VICTIM));
}

static void put4(unsigned char *target, uint32_t value)
{
        for (unsigned i = 0; i < 4; i++)
                target[i] = (unsigned char) (value >> (24 - 8 * i));
}

/* A journal that changes no page and ends with the name of a super-journal (file format, section 3). */
static void write_journal_naming(const char *database, const char *super)
{
        static const unsigned char magic[8] = {0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7};
        unsigned char journal[4096] = {0}, *tail = journal + 512;
        size_t length = strlen(super);
        uint32_t sum = 0;

        memcpy(journal, magic, sizeof magic);
        put4(journal + 16, (uint32_t) fixture_file_size(fixture_path(database)) / 4096);
        put4(journal + 20, 512);
        put4(journal + 24, 4096);
        put4(tail, UINT32_C(0x40000000) / 4096 + 1);
        memcpy(tail + 4, super, length);
        for (size_t i = 0; i < length; i++)
                sum += (uint32_t) super[i];
        put4(tail + 4 + length, (uint32_t) length);
        put4(tail + 8 + length, sum);
        memcpy(tail + 12 + length, magic, sizeof magic);
        fixture_write(fixture_path("live.db-journal"), journal, 512 + 20 + length);
}

static void test_what_is_no_regular_file_is_not_opened(void **state)
{
        static const struct {
                const char *command, *words;
        } kinds[] = {{"mkfifo", "is a FIFO"}, {"mkdir", "is a directory"}};
        static const char *const suffixes[] = {"-journal", "-wal", "-shm"};

        create("live.db", true);
        create("rollback.db", false);
        for (size_t i = 0; i < ELEMENTSOF(kinds); i++) {
                for (size_t j = 0; j < ELEMENTSOF(suffixes); j++) {
                        fixture_run("%s %s/live.db%s", kinds[i].command, (char *) *state, suffixes[j]);
                        assert_refused("live.db", CONNECTION_READ, kinds[i].words);
                        assert_refused("live.db", CONNECTION_WRITE, kinds[i].words);
                        fixture_run("rm -r %s/live.db-*", (char *) *state);
                }
                fixture_run("%s %s/rollback.db-journal", kinds[i].command, (char *) *state);
                assert_refused("rollback.db", CONNECTION_PRIVATE, kinds[i].words);
                fixture_run("rm -r %s/rollback.db-journal", (char *) *state);
        }
        assert_int_equal(count_rows("live.db", CONNECTION_WRITE), 3);
        assert_int_equal(count_rows("rollback.db", CONNECTION_PRIVATE), 3);
}

static void test_a_fifo_in_the_place_of_the_database_blocks_nobody(void **state)
{
        fixture_run("mkfifo %s", fixture_path("live.db"));
        for (ConnectionMode mode = CONNECTION_READ; mode <= CONNECTION_PRIVATE; mode++)
                assert_refused("live.db", mode, "is a FIFO");
}

static void test_links_are_not_followed(void **state)
{
        static const char *const suffixes[] = {"-journal", "-wal", "-shm"};

        create("live.db", true);
        for (size_t i = 0; i < ELEMENTSOF(suffixes); i++) {
                write_victim("victim");
                fixture_run("ln -s %s/victim %s/live.db%s", (char *) *state, (char *) *state, suffixes[i]);
                assert_refused("live.db", CONNECTION_WRITE, "symbolic link");
                assert_victim("victim");
                fixture_run("cd %s; rm live.db%s; ln victim live.db%s",
                                (char *) *state,
                                suffixes[i],
                                suffixes[i]);
                assert_refused("live.db", CONNECTION_WRITE, "another name");
                assert_victim("victim");
                fixture_run("cd %s; rm live.db%s victim; ln -s victim live.db%s",
                                (char *) *state,
                                suffixes[i],
                                suffixes[i]);
                /* Such a journal is none, to SQLite. */
                if (i > 0)
                        assert_refused("live.db", CONNECTION_WRITE, "symbolic link");
                else
                        assert_int_equal(count_rows("live.db", CONNECTION_WRITE), 3);
                assert_int_equal(fixture_file_size(fixture_path("victim")), -1);
                fixture_run("rm %s/live.db-*", (char *) *state);
        }
        assert_int_equal(count_rows("live.db", CONNECTION_WRITE), 3);
}

static void test_a_super_journal_that_is_another_file_is_left(void **state)
{
        static const char *const victims[] = {"backup.gz",
                        "other.db-wal",
                        "other.db-journal",
                        "etilqs",
                        "live.db-mj0000009000",
                        "live.db-mj0000008AB",
                        "sub/x-mj0000009AB"};

        create("live.db", false);
        fixture_run("mkdir %s/sub", (char *) *state);
        for (size_t i = 0; i < ELEMENTSOF(victims); i++) {
                _cleanup_free_ char *victim = strdup(fixture_path(victims[i]));

                write_victim(victims[i]);
                write_journal_naming("live.db", victim);
                assert_int_equal(count_rows("live.db", CONNECTION_WRITE), 3);
                assert_victim(victims[i]);
                /* It was taken for hot, and is played back. */
                assert_int_equal(fixture_file_size(fixture_path("live.db-journal")), -1);
        }
}

static void test_the_database_is_not_opened_as_a_journal(void **state)
{
        _cleanup_(connection_closep) Connection *connection = NULL;
        _cleanup_(statement_finalizep) sqlite3_stmt *pin = NULL;
        struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
        const char *super = fixture_path("live.db-mj0123459AB"), *other = fixture_path("other.db");
        int fd;

        create("live.db", false);
        create("other.db", false);
        connection = fixture_connect(other, CONNECTION_READ);
        assert_int_equal(connection_pin(connection, &pin, NULL), 0);
        /* What the super-journal names as a child is opened, read and closed, and its locks with it. */
        fixture_write(super, other, strlen(other) + 1);
        write_journal_naming("live.db", super);
        assert_int_equal(count_rows("live.db", CONNECTION_WRITE), 3);

        fd = open(other, O_RDWR | O_CLOEXEC);
        assert_true(fd >= 0);
        assert_int_equal(fcntl(fd, F_OFD_GETLK, &lock), 0);
        assert_int_not_equal(lock.l_type, F_UNLCK);
        (void) close(fd);
}

/* The application's process ends when it is about to remove the super-journal, or has just done so. */
static bool dies_after_the_commit;

static int die_at_super_journal(sqlite3_vfs *vfs, const char *name, int sync)
{
        if (!strstr(name, "-mj"))
                return sqlite3_vfs_find("unix")->xDelete(sqlite3_vfs_find("unix"), name, sync);
        if (dies_after_the_commit)
                (void) unlink(name);
        _exit(0);
}

static void commit_in_two_databases(const char *directory)
{
        pid_t pid = fork();
        int status;

        assert_true(pid >= 0);
        if (pid == 0) {
                static sqlite3_vfs dying;
                char sql[512];
                sqlite3 *handle;

                dying = *sqlite3_vfs_find("unix");
                dying.zName = "dying";
                dying.pNext = NULL;
                dying.xDelete = die_at_super_journal;
                (void) sqlite3_vfs_register(&dying, 1);
                (void) snprintf(sql,
                                sizeof sql,
                                "ATTACH '%s/other.db' AS other; BEGIN; INSERT INTO t VALUES(4);"
                                "INSERT INTO other.t VALUES(4); COMMIT",
                                directory);
                if (sqlite3_open_v2(fixture_path("live.db"), &handle, SQLITE_OPEN_READWRITE, NULL) == 0)
                        (void) sqlite3_exec(handle, sql, NULL, NULL, NULL);
                _exit(1);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
        assert_true(fixture_file_size(fixture_path("live.db-journal")) > 0);
        assert_true(fixture_file_size(fixture_path("other.db-journal")) > 0);
}

static void test_a_commit_over_two_databases_is_recovered(void **state)
{
        create("live.db", false);
        create("other.db", false);
        for (int committed = 0; committed <= 1; committed++) {
                dies_after_the_commit = committed;
                commit_in_two_databases(*state);
                assert_int_equal(count_rows("live.db", CONNECTION_WRITE), 3 + committed);
                assert_int_equal(count_rows("other.db", CONNECTION_READ), 3 + committed);
                assert_int_equal(fixture_file_size(fixture_path("live.db-journal")), -1);
                fixture_run("! ls %s | grep mj", (char *) *state);
        }
}

static void test_a_stranger_s_descriptor_is_found(void **state)
{
        _cleanup_(connection_closep) Connection *connection = NULL;
        static const char *const files[] = {"live.db", "live.db-shm"};

        create("live.db", true);
        assert_false(file_guard_finds_stranger(64));
        connection = fixture_connect(fixture_path("live.db"), CONNECTION_READ);
        assert_false(file_guard_finds_stranger(64));
        for (size_t i = 0; i < ELEMENTSOF(files); i++) {
                int fd = open(fixture_path(files[i]), O_RDWR | O_CLOEXEC);

                assert_true(fd >= 0);
                assert_true(file_guard_finds_stranger(64));
                assert_false(file_guard_finds_stranger(fd));
                (void) close(fd);
        }
        connection = connection_close(connection);
        assert_false(file_guard_finds_stranger(64));
}

/* Asked from a child, since a process is never refused its own locks. */
static bool is_locked(const char *path)
{
        int status;
        pid_t child = fork();

        assert_true(child >= 0);
        if (child == 0) {
                struct flock lock = {
                                .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0x40000001, .l_len = 1};
                int fd = open(path, O_RDWR | O_CLOEXEC);

                _exit(fd >= 0 && fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        return WIFEXITED(status) && WEXITSTATUS(status) == 1;
}

static void test_reading_the_disk_costs_no_lock(void **state)
{
        Connection *connection, *other;
        const char *path;
        int fd;

        create("live.db", false);
        path = fixture_path("live.db");
        assert_int_equal(file_guard_open_reader(path), -ENOENT);
        connection = fixture_connect(path, CONNECTION_WRITE);
        other = fixture_connect(path, CONNECTION_READ);
        fd = file_guard_open_reader(path);
        if (fd == -EINVAL) {
                (void) connection_close(connection);
                (void) connection_close(other);
                skip(); /* this file system has no O_DIRECT */
        }
        assert_true(fd >= 0);
        assert_false(file_guard_finds_stranger(64));
        fixture_execute(connection->handle, "BEGIN IMMEDIATE");
        assert_true(is_locked(path));
        file_guard_close_reader(fd);
        assert_true(is_locked(path));
        (void) connection_close(other);
        assert_true(is_locked(path));
        assert_true(fcntl(fd, F_GETFD) >= 0);
        fixture_execute(connection->handle, "COMMIT");
        assert_false(is_locked(path));
        (void) connection_close(connection);
        assert_int_equal(fcntl(fd, F_GETFD), -1);
}

static void test_another_file_at_the_name_is_not_written(void **state)
{
        static const ConnectionMode modes[] = {CONNECTION_READ, CONNECTION_WRITE, CONNECTION_REPLACE};
        Connection *connection = NULL;
        Fault fault = {0};

        create("real.db", true);
        fixture_run("cd %s; ln -s real.db linked.db; ln -s . here", (char *) *state);
        for (size_t i = 0; i < ELEMENTSOF(modes); i++) {
                assert_int_equal(connection_open(fixture_path("linked.db"),
                                                 modes[i],
                                                 NULL,
                                                 &connection,
                                                 &fault),
                                fault_errno(FAULT_UNSAFE_FILE_SYSTEM));
                fixture_assert_fault(&fault, FAULT_UNSAFE_FILE_SYSTEM, "symbolic link");
        }
        /* A link on the way there is the operator's. */
        assert_int_equal(count_rows("here/real.db", CONNECTION_WRITE), 3);
        fixture_run("cd %s; rm -f real.db-*; ln real.db second.db", (char *) *state);
        assert_int_equal(count_rows("second.db", CONNECTION_READ), 3);
        assert_int_equal(connection_open(fixture_path("second.db"),
                                         CONNECTION_WRITE,
                                         NULL,
                                         &connection,
                                         &fault),
                        fault_errno(FAULT_UNSAFE_FILE_SYSTEM));
        fixture_assert_fault(&fault, FAULT_UNSAFE_FILE_SYSTEM, "2 hard links");
}

static void test_sqlite_works_on_its_own_files(void **state)
{
        const char *path = fixture_path("live.db");
        Connection *connection;

        create("live.db", false);
        connection = fixture_connect(path, CONNECTION_WRITE);
        assert_int_equal(connection_execute(connection, "INSERT INTO t VALUES(4)", NULL), 0);
        assert_int_equal(fixture_file_size(fixture_path("live.db-journal")), -1);
        /* A temporary file. */
        assert_int_equal(connection_execute(connection,
                                         "PRAGMA temp_store=FILE; CREATE TEMP TABLE big(b);"
                                         "PRAGMA temp.cache_size=1;"
                                         "INSERT INTO big SELECT zeroblob(100000) FROM t, t AS u",
                                         NULL),
                        0);
        (void) connection_close(connection);
        assert_null(file_guard_refusal());
        fixture_run("test \"$(ls %s)\" = live.db", (char *) *state);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                        TEST(test_what_is_no_regular_file_is_not_opened),
                        TEST(test_a_fifo_in_the_place_of_the_database_blocks_nobody),
                        TEST(test_links_are_not_followed),
                        TEST(test_a_super_journal_that_is_another_file_is_left),
                        TEST(test_the_database_is_not_opened_as_a_journal),
                        TEST(test_a_commit_over_two_databases_is_recovered),
                        TEST(test_a_stranger_s_descriptor_is_found),
                        TEST(test_reading_the_disk_costs_no_lock),
                        TEST(test_another_file_at_the_name_is_not_written),
                        TEST(test_sqlite_works_on_its_own_files),
        };

        return cmocka_run_group_tests_name("database/file-guard", tests, NULL, NULL);
}
