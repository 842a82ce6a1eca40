/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup-fixture.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "backup/create/bring-in.h"

#define NAME "backup_20260124_014621"

typedef int (*Way)(const BringInRequest *request, Progress *progress, Manifest **ret, Fault *fault);

static int go(Way way, int fd, const char *source_name, Manifest **ret, Fault *fault)
{
        BringInRequest request = {
                        .source_fd = fd,
                        .source_name = source_name,
                        .directory_fd = backup_fixture_fd(),
                        .directory_path = backup_fixture_directory(),
                        .name = NAME,
                        .label = "from elsewhere",
                        .compression = COMPRESSION_GZIP,
                        .now_usec = UINT64_C(1769219181123456),
        };

        return way(&request, &backup_fixture_progress, ret, fault);
}

static int bring(int fd, const char *source_name, Manifest **ret, Fault *fault)
{
        return go(bring_in, fd, source_name, ret, fault);
}

/* Sees what comes in, and leaves nothing. */
static void look_at(int fd, const char *path)
{
        _cleanup_(manifest_freep) Manifest *manifest = NULL;
        _cleanup_free_ char *names = NULL;
        _cleanup_fault_ Fault fault = {0};

        if (go(bring_in_look, fd, path, &manifest, &fault) < 0)
                fail_msg("%s: %s", path, fault.message);
        assert_string_equal(manifest->name, path);
        assert_int_equal(manifest->n_tables, 2);
        assert_int_equal(manifest->tables[1].rows, 3);
        assert_true(manifest->database_bytes > 0 && manifest->created_usec > 0);
        names = backup_fixture_names();
        assert_string_equal(names, "");
}

static void accept_file(const char *path)
{
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
        _cleanup_(manifest_freep) Manifest *manifest = NULL, *stored = NULL;
        _cleanup_free_ char *names = NULL;
        _cleanup_fault_ Fault fault = {0};

        look_at(fd, path);
        if (bring(fd, path, &manifest, &fault) < 0)
                fail_msg("%s: %s", path, fault.message);
        names = backup_fixture_names();
        assert_string_equal(names, NAME ".db.gz " NAME ".db.gz.meta ");
        assert_int_equal(manifest_load(backup_fixture_fd(), manifest->file, &stored, &fault), 0);
        assert_int_equal(stored->kind, BACKUP_IMPORTED);
        assert_string_equal(stored->source, path);
        assert_string_equal(stored->label, "from elsewhere");
        assert_true(stored->verified_usec > 0);
        assert_int_equal(stored->n_tables, 2);
        assert_int_equal(stored->tables[1].rows, 3);
        backup_fixture_clear();
}

static void refuse_fd(int fd, FaultCode code, const char *words)
{
        _cleanup_(manifest_freep) Manifest *manifest = NULL;
        _cleanup_free_ char *names = NULL;
        Fault fault = {0};

        assert_true(go(bring_in_look, fd, "the file", &manifest, &fault) < 0);
        assert_non_null(strstr(fault.message, "the file"));
        assert_int_equal(fault.code, code);
        fault_done(&fault);
        assert_true(bring(fd, "the file", &manifest, &fault) < 0);
        assert_non_null(strstr(fault.message, "the file"));
        fixture_assert_fault(&fault, code, words);
        names = backup_fixture_names();
        assert_string_equal(names, "");
}

static void refuse_content(const void *content, size_t size, FaultCode code, const char *words)
{
        _cleanup_close_ int fd = -EBADF;

        fixture_write(fixture_path("given"), content, size);
        fd = open(fixture_path("given"), O_RDONLY | O_CLOEXEC);
        refuse_fd(fd, code, words);
}

static void pack(const char *plain, const char *packed)
{
        fixture_run("gzip -c '%s' > '%s'", plain, packed);
}

static void test_what_is_accepted(void **state)
{
        const char *plain = fixture_path("given.db"), *packed = fixture_path("whatever name");
        size_t size;
        _cleanup_free_ char *image = fixture_read(backup_fixture_database(), &size);

        /* Flagged WAL, with nothing in a -wal, since the fixture closed it. */
        fixture_write(plain, image, size);
        accept_file(plain);
        pack(plain, packed);
        accept_file(packed);
        fixture_run("cd '%s' && mkdir -p z/backups && cp '%s' z/oracxpred.db && cp '%s' z/backups/x.db && "
                    "rm -f '%s' && cd z && python3 -m zipfile -c '%s' oracxpred.db backups",
                        fixture_path(""),
                        plain,
                        plain,
                        packed,
                        packed);
        accept_file(packed);
        fixture_run("rm -r '%s/z'", fixture_path(""));
}

static void test_what_is_no_regular_file(void **state)
{
        _cleanup_close_ int directory_fd = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_close_ int device_fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
        int pipe_fds[2], socket_fds[2];

        assert_int_equal(pipe(pipe_fds), 0);
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, socket_fds), 0);
        refuse_fd(directory_fd, FAULT_INVALID_ARGUMENT, "regular");
        refuse_fd(device_fd, FAULT_INVALID_ARGUMENT, "regular");
        refuse_fd(pipe_fds[0], FAULT_INVALID_ARGUMENT, "regular");
        refuse_fd(socket_fds[0], FAULT_INVALID_ARGUMENT, "regular");
        for (unsigned i = 0; i < 2; i++) {
                (void) close(pipe_fds[i]);
                (void) close(socket_fds[i]);
        }
}

static void test_what_is_not_open_for_reading(void **state)
{
        _cleanup_close_ int fd = open(fixture_path("given"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

        refuse_fd(fd, FAULT_INVALID_ARGUMENT, "reading");
}

static void test_what_is_no_database(void **state)
{
        static const char age[] = "age-encryption.org/v1\n-> X25519 abc";

        refuse_content("", 0, FAULT_NOT_A_DATABASE, "neither");
        refuse_content("hello, this is not a database", 29, FAULT_NOT_A_DATABASE, "neither");
        refuse_content(age, sizeof age, FAULT_CORRUPT, "age header");
        refuse_content("\x1f\x8b\x08 rubbish after the magic", 28, FAULT_CORRUPT, "");
        refuse_content("SQLite format 3\0 and then nothing of it", 39, FAULT_NOT_A_DATABASE, "");
}

static void test_a_corrupt_database(void **state)
{
        size_t size;
        _cleanup_free_ char *image = fixture_read(backup_fixture_database(), &size);

        memset(image + 4096, 0xa5, 512);
        refuse_content(image, size, FAULT_CORRUPT, "corrupt");
        refuse_content(image, size / 2, FAULT_CORRUPT, "");
}

/* A few kilobytes that hold a gigabyte of zeros: refused by their size before anything is written. */
static void test_a_bomb_does_not_fill_the_disk(void **state)
{
        _cleanup_free_ char *small = strdup(fixture_mount_small(8 * MIB));
        _cleanup_close_ int fd = -EBADF;
        _cleanup_(manifest_freep) Manifest *manifest = NULL;
        _cleanup_free_ char *names = NULL;
        Fault fault = {0};

        fixture_run("head -c 200000000 /dev/zero | gzip -c > '%s'", fixture_path("bomb.gz"));
        backup_fixture_move(small);
        fd = open(fixture_path("bomb.gz"), O_RDONLY | O_CLOEXEC);
        assert_true(bring(fd, "the file", &manifest, &fault) < 0);
        fixture_assert_fault(&fault, FAULT_NO_SPACE, "");
        names = backup_fixture_names();
        assert_string_equal(names, "");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, backup_fixture_setup, backup_fixture_teardown)
        const struct CMUnitTest tests[] = {
                        TEST(test_what_is_accepted),
                        TEST(test_what_is_no_regular_file),
                        TEST(test_what_is_not_open_for_reading),
                        TEST(test_what_is_no_database),
                        TEST(test_a_corrupt_database),
                        TEST(test_a_bomb_does_not_fill_the_disk),
        };

        return cmocka_run_group_tests_name("bring-in", tests, NULL, NULL);
}
