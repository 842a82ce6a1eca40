/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup-fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "backup/store/stored-image.h"
#include "base/directory.h"
#include "base/io.h"
#include "config.h"

#define POINTS_MAX 128

Progress backup_fixture_progress;
static char *directory;
static int directory_fd = -EBADF;

int backup_fixture_setup(void **state)
{
        sqlite3 *handle;

        if (fixture_setup(state) != 0)
                return -1;
        progress_init(&backup_fixture_progress);
        assert_int_equal(mkdir(fixture_path("backups"), 0700), 0);
        backup_fixture_move(fixture_path("backups"));

        handle = fixture_open(backup_fixture_database());
        fixture_execute(handle, "PRAGMA journal_mode=WAL");
        fixture_execute(handle, "CREATE TABLE users(id INTEGER PRIMARY KEY, name TEXT)");
        fixture_execute(handle,
                        "CREATE TABLE alerts(id INTEGER PRIMARY KEY, user INTEGER REFERENCES users)");
        fixture_execute(handle, "INSERT INTO users(name) VALUES('a'), ('b'), ('c')");
        fixture_close(handle);
        return 0;
}

int backup_fixture_teardown(void **state)
{
        if (directory_fd >= 0)
                (void) close(TAKE_FD(directory_fd));
        free(TAKE_PTR(directory));
        progress_done(&backup_fixture_progress);
        return fixture_teardown(state);
}

void backup_fixture_make_image(const char *path, size_t size)
{
        _cleanup_free_ char *data = malloc(size + 1);
        uint32_t noise = 99;

        assert_non_null(data);
        for (size_t i = 0; i < size; i++) {
                noise = noise * UINT32_C(1664525) + UINT32_C(1013904223);
                data[i] = (char) (i % 3 == 0 ? 'x' : noise >> 24);
        }
        fixture_write(path, data, size);
}

const char *backup_fixture_database(void)
{
        return fixture_path("live.db");
}

int backup_fixture_fd(void)
{
        return directory_fd;
}

const char *backup_fixture_directory(void)
{
        return directory;
}

void backup_fixture_move(const char *path)
{
        if (directory_fd >= 0)
                (void) close(TAKE_FD(directory_fd));
        free(directory);
        directory = strdup(path);
        assert_non_null(directory);
        directory_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(directory_fd >= 0);
}

const char *backup_fixture_path(const char *file)
{
        static char paths[8][512];
        static unsigned n;
        char *path = paths[n++ % ELEMENTSOF(paths)];

        assert_true(snprintf(path, sizeof paths[0], "%s/%s", directory, file) < (int) sizeof paths[0]);
        return path;
}

CreateRequest backup_fixture_request(const char *name, Compression compression)
{
        return (CreateRequest){
                        .database_path = backup_fixture_database(),
                        .directory_fd = directory_fd,
                        .directory_path = directory,
                        .name = name,
                        .kind = BACKUP_MANUAL,
                        .compression = compression,
                        .now_usec = UINT64_C(1769219181123456),
        };
}

Manifest *backup_fixture_create(const char *name, Compression compression)
{
        CreateRequest request = backup_fixture_request(name, compression);
        _cleanup_fault_ Fault fault = {0};
        Manifest *manifest = NULL;

        if (create_backup(&request, &backup_fixture_progress, &manifest, &fault) < 0)
                fail_msg("%s: %s", name, fault.message);
        return manifest;
}

static int compare_names(const void *a, const void *b)
{
        return strcmp(*(char *const *) a, *(char *const *) b);
}

char *backup_fixture_names(void)
{
        _cleanup_(directory_list_done) DirectoryList list = {0};
        char *text = strdup("");

        assert_int_equal(directory_list(directory_fd, &list), 0);
        if (list.n_names > 0)
                qsort(list.names, list.n_names, sizeof *list.names, compare_names);
        for (size_t i = 0; i < list.n_names; i++) {
                char *longer;

                assert_true(asprintf(&longer, "%s%s ", text, list.names[i]) >= 0);
                free(text);
                text = longer;
        }
        return text;
}

const char *backup_fixture_digest(const char *file)
{
        static char hex[DIGEST_HEX_MAX];
        _cleanup_(digest_freep) Digest *digest = NULL;
        _cleanup_free_ char *data = NULL;
        Fault fault = {0};
        size_t size;

        data = fixture_read(backup_fixture_path(file), &size);
        assert_int_equal(digest_new(&digest, &fault), 0);
        assert_int_equal(digest_update(digest, data, size, &fault), 0);
        assert_int_equal(digest_finish(digest, hex, &fault), 0);
        return hex;
}

void backup_fixture_clear(void)
{
        _cleanup_(directory_list_done) DirectoryList list = {0};

        assert_int_equal(directory_list(directory_fd, &list), 0);
        for (size_t i = 0; i < list.n_names; i++)
                assert_int_equal(unlinkat(directory_fd, list.names[i], 0), 0);
}

static int run_in_child(void (*work)(void), const char *variable, const char *value)
{
        int status;
        pid_t child = fork();

        assert_true(child >= 0);
        if (child == 0) {
                (void) setenv(variable, value, 1);
                work();
                _exit(0);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        return status;
}

/* Reads the trace into NAME:N, one for each passing. */
static size_t read_points(const char *trace, char points[POINTS_MAX][80])
{
        size_t n = 0, size;
        _cleanup_free_ char *text = fixture_read(trace, &size);
        const char *names[POINTS_MAX];

        for (char *state = NULL, *name = strtok_r(text, "\n", &state); name;
                        name = strtok_r(NULL, "\n", &state)) {
                unsigned nth = 1;

                assert_true(n < POINTS_MAX);
                names[n] = name;
                for (size_t i = 0; i < n; i++)
                        nth += strcmp(names[i], name) == 0;
                assert_true(snprintf(points[n], sizeof points[n], "%s:%u", name, nth) <
                                (int) sizeof points[n]);
                n++;
        }
        return n;
}

void backup_fixture_kill_everywhere(
                void (*prepare)(void), void (*work)(void), void (*check)(const char *point))
{
        char points[POINTS_MAX][80];
        size_t n;

        backup_fixture_clear();
        prepare();
        assert_int_equal(run_in_child(work, "ORACXPRED_TEST_TRACE", fixture_path("trace")), 0);
        n = read_points(fixture_path("trace"), points);
        assert_true(n > 0);
        for (size_t i = 0; i < n; i++) {
                int status;

                backup_fixture_clear();
                prepare();
                status = run_in_child(work, "ORACXPRED_TEST_POINT", points[i]);
                if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
                        fail_msg("not killed at %s", points[i]);
                check(points[i]);
        }
}

int backup_fixture_stop_at(const char *point, void (*work)(void), void (*meddle)(void))
{
        int status;
        pid_t child;

        child = fork();
        assert_true(child >= 0);
        if (child == 0) {
                (void) setenv("ORACXPRED_TEST_POINT", point, 1);
                (void) setenv("ORACXPRED_TEST_ACTION", "stop", 1);
                work();
                _exit(0);
        }
        assert_int_equal(waitpid(child, &status, WUNTRACED), child);
        assert_true(WIFSTOPPED(status));
        meddle();
        assert_int_equal(kill(child, SIGCONT), 0);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status));
        return WEXITSTATUS(status);
}

void backup_fixture_assert_names(const char *wanted)
{
        _cleanup_free_ char *names = backup_fixture_names();

        assert_string_equal(names, wanted);
}

void backup_fixture_assert_restorable(const Manifest *manifest)
{
        _cleanup_close_ int stored_fd = open(backup_fixture_path(manifest->file), O_RDONLY | O_CLOEXEC);
        _cleanup_close_ int image_fd =
                        open(fixture_path("image.db"), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        _cleanup_fault_ Fault fault = {0};
        StoredImage image;
        sqlite3 *handle;

        assert_int_equal(stored_image_read(stored_fd,
                                         manifest->compression,
                                         NULL,
                                         image_fd,
                                         (Effort){.threads = 3},
                                         &backup_fixture_progress,
                                         &image,
                                         &fault),
                        0);
        assert_string_equal(image.blocks_sha256, manifest->blocks_sha256);
        assert_string_equal(image.stored_sha256, manifest->stored_sha256);
        assert_int_equal(image.database_bytes, manifest->database_bytes);
        assert_int_equal(image.stored_bytes, manifest->stored_bytes);
        handle = fixture_open(fixture_path("image.db"));
        assert_int_equal(fixture_integer(handle, "SELECT count(*) FROM users"), 3);
        fixture_close(handle);
        assert_int_equal(fixture_file_size(fixture_path("image.db-wal")), -1);
}

void backup_fixture_damage(const char *file)
{
        char rubbish[64];

        memset(rubbish, 0x5a, sizeof rubbish);
        fixture_overwrite(backup_fixture_path(file), 100, rubbish, sizeof rubbish);
}
