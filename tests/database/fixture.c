/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fixture.h"

#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "database/connection/file-guard.h"
#include "event-vfs.h"

static char directory[64];
static char paths[16][192];
static unsigned n_paths;
static char mounts[4][192];
static unsigned n_mounts;
static uint64_t noise;

int fixture_setup(void **state)
{
        (void) snprintf(directory, sizeof directory, "/tmp/oracxpred-database-XXXXXX");
        assert_non_null(mkdtemp(directory));
        n_paths = 0;
        noise = UINT64_C(88172645463325252);
        *state = directory;
        return 0;
}

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *level)
{
        return remove(path);
}

int fixture_teardown(void **state)
{
        event_vfs_set_hook(NULL, NULL); /* a failed test leaves one that points into its stack */
        while (n_mounts > 0)
                (void) umount2(mounts[--n_mounts], MNT_DETACH);
        return nftw(directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

const char *fixture_path(const char *name)
{
        char *path = paths[n_paths++ % ELEMENTSOF(paths)];

        assert_true(snprintf(path, sizeof paths[0], "%s/%s", directory, name) < (int) sizeof paths[0]);
        return path;
}

/* Noise that is the same at each run, in the place of SQLite's: else an index of it, and what is compressed
 * of it, would have another layout and another size each time. */
static void put_noise(sqlite3_context *context, int n_arguments, sqlite3_value **arguments)
{
        size_t size = (size_t) sqlite3_value_int64(arguments[0]);
        unsigned char *bytes = sqlite3_malloc64(size);

        assert_non_null(bytes);
        for (size_t i = 0; i < size; i++) {
                if (i % sizeof noise == 0) {
                        noise ^= noise << 13;
                        noise ^= noise >> 7;
                        noise ^= noise << 17;
                }
                bytes[i] = (unsigned char) (noise >> 8 * (i % sizeof noise));
        }
        sqlite3_result_blob64(context, bytes, size, sqlite3_free);
}

sqlite3 *fixture_open(const char *path)
{
        sqlite3 *handle = NULL;

        /* The guard removes side files only of databases whose opening it saw. */
        assert_int_equal(file_guard_install(), SQLITE_OK);
        assert_int_equal(sqlite3_open_v2(path, &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL),
                        SQLITE_OK);
        assert_int_equal(sqlite3_busy_timeout(handle, 30000), SQLITE_OK);
        assert_int_equal(sqlite3_create_function(
                                         handle, "randomblob", 1, SQLITE_UTF8, NULL, put_noise, NULL, NULL),
                        SQLITE_OK);
        return handle;
}

void fixture_close(sqlite3 *handle)
{
        assert_int_equal(sqlite3_close(handle), SQLITE_OK);
}

void fixture_execute(sqlite3 *handle, const char *sql)
{
        if (sqlite3_exec(handle, sql, NULL, NULL, NULL) != SQLITE_OK)
                fail_msg("%s: %s", sql, sqlite3_errmsg(handle));
}

int64_t fixture_integer(sqlite3 *handle, const char *sql)
{
        sqlite3_stmt *statement = NULL;
        int64_t value;

        if (sqlite3_prepare_v2(handle, sql, -1, &statement, NULL) != SQLITE_OK ||
                        sqlite3_step(statement) != SQLITE_ROW)
                fail_msg("%s: %s", sql, sqlite3_errmsg(handle));
        value = sqlite3_column_int64(statement, 0);
        (void) sqlite3_finalize(statement);
        return value;
}

void fixture_blur_type(sqlite3 *handle, const char *table)
{
        char *sql = sqlite3_mprintf("PRAGMA writable_schema=ON; UPDATE sqlite_schema SET"
                                    " type = CAST(type AS BLOB) WHERE name = %Q; PRAGMA writable_schema=OFF",
                        table);

        fixture_execute(handle, sql);
        assert_int_equal(sqlite3_changes(handle), 1);
        sqlite3_free(sql);
}

Connection *fixture_connect(const char *path, ConnectionMode mode)
{
        Connection *connection = NULL;
        _cleanup_fault_ Fault fault = {0};

        if (connection_open(path, mode, NULL, &connection, &fault) < 0)
                fail_msg("%s", fault.message);
        return connection;
}

void fixture_create_with_wal(const char *path, const char *sql)
{
        sqlite3 *handle = fixture_open(path);

        fixture_execute(handle, "PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0");
        assert_int_equal(sqlite3_db_config(handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL), SQLITE_OK);
        fixture_execute(handle, sql);
        fixture_close(handle);
}

void fixture_create_large(const char *path, uint64_t n_bytes)
{
        sqlite3 *handle = fixture_open(path);
        char *sql = sqlite3_mprintf("PRAGMA synchronous=OFF;"
                                    "CREATE TABLE filler(id INTEGER PRIMARY KEY, body BLOB);"
                                    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
                                    " WHERE i < %lld) INSERT INTO filler SELECT i, randomblob(900) FROM n",
                        (long long) (n_bytes / 1000));

        assert_non_null(sql);
        fixture_execute(handle, sql);
        sqlite3_free(sql);
        fixture_close(handle);
}

char *fixture_read(const char *path, size_t *ret_size)
{
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
        struct stat status;
        char *data;

        assert_true(fd >= 0);
        assert_int_equal(fstat(fd, &status), 0);
        data = malloc((size_t) status.st_size + 1);
        assert_non_null(data);
        assert_int_equal(read(fd, data, (size_t) status.st_size), status.st_size);
        data[status.st_size] = '\0';
        *ret_size = (size_t) status.st_size;
        return data;
}

void fixture_write(const char *path, const void *data, size_t size)
{
        _cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

        assert_true(fd >= 0);
        assert_int_equal(write(fd, data, size), size);
}

void fixture_overwrite(const char *path, uint64_t offset_bytes, const void *data, size_t size)
{
        _cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);

        assert_true(fd >= 0);
        assert_int_equal(pwrite(fd, data, size, (off_t) offset_bytes), size);
}

int64_t fixture_file_size(const char *path)
{
        struct stat status;

        return stat(path, &status) < 0 ? -1 : status.st_size;
}

void fixture_run(const char *format, ...)
{
        char command[1024];
        va_list arguments;

        va_start(arguments, format);
        assert_true(vsnprintf(command, sizeof command, format, arguments) < (int) sizeof command);
        va_end(arguments);
        if (system(command) != 0)
                fail_msg("failed: %s", command);
}

static void mount_here(
                const char *source, const char *path, const char *kind, unsigned flags, const char *options)
{
        if (geteuid() != 0)
                skip();
        if (n_mounts == 0) {
                assert_int_equal(unshare(CLONE_NEWNS), 0);
                assert_int_equal(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
        }
        assert_true(n_mounts < ELEMENTSOF(mounts));
        assert_int_equal(mount(source, path, kind, flags, options), 0);
        (void) snprintf(mounts[n_mounts++], sizeof mounts[0], "%s", path);
}

const char *fixture_mount_small(size_t size_bytes)
{
        const char *path = fixture_path("small");
        char options[32];

        if (geteuid() == 0)
                assert_int_equal(mkdir(path, 0700), 0);
        (void) snprintf(options, sizeof options, "size=%zu", size_bytes);
        mount_here("tmpfs", path, "tmpfs", 0, options);
        return path;
}

void fixture_bind(const char *source, const char *path)
{
        mount_here(source, path, NULL, MS_BIND, NULL);
}

void fixture_assert_fault(Fault *fault, FaultCode code, const char *words)
{
        assert_string_equal(fault_name(fault->code), fault_name(code));
        assert_non_null(fault->message);
        if (!strstr(fault->message, words))
                fail_msg("\"%s\" lacks \"%s\"", fault->message, words);
        fault_done(fault);
}

FixtureChild fixture_start_connection(const char *path)
{
        int ready[2], stop[2];
        char byte;
        FixtureChild child;

        assert_int_equal(pipe(ready), 0);
        assert_int_equal(pipe(stop), 0);
        child.pid = fork();
        assert_true(child.pid >= 0);
        if (child.pid == 0) {
                sqlite3 *handle;

                (void) prctl(PR_SET_NAME, "holder");
                (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
                (void) close(ready[0]);
                (void) close(stop[1]);
                handle = fixture_open(path);
                fixture_execute(handle, "SELECT count(*) FROM sqlite_schema");
                (void) !write(ready[1], "r", 1);
                (void) !read(stop[0], &byte, 1);
                (void) sqlite3_close(handle);
                _exit(0);
        }
        (void) close(ready[1]);
        (void) close(stop[0]);
        assert_int_equal(read(ready[0], &byte, 1), 1);
        (void) close(ready[0]);
        child.stop_fd = stop[1];
        return child;
}

void fixture_stop_connection(FixtureChild child)
{
        (void) close(child.stop_fd);
        assert_int_equal(waitpid(child.pid, NULL, 0), child.pid);
}
