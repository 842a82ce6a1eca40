/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup-fixture.h"

#include "base/test-hook.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "backup/store/stored-image.h"

#define EARLIER "backup_20260101_000000"
#define NAME "backup_20260124_014621"
#define EARLIER_FILES EARLIER ".db.gz " EARLIER ".db.gz.meta "
#define BOTH_FILES EARLIER_FILES NAME ".db.gz " NAME ".db.gz.meta "

static int create(const CreateRequest *request, Fault *fault)
{
        _cleanup_(manifest_freep) Manifest *manifest = NULL;

        return create_backup(request, &backup_fixture_progress, &manifest, fault);
}

static void test_a_backup_is_whole(void **state)
{
        CreateRequest request = backup_fixture_request(NAME, COMPRESSION_GZIP);
        _cleanup_(manifest_freep) Manifest *manifest = NULL, *stored = NULL;
        _cleanup_free_ char *a = NULL, *b = NULL;
        _cleanup_fault_ Fault fault = {0};
        struct stat status;

        request.label = "avant la mise \xc3\xa0 jour";
        request.kind = BACKUP_AUTOMATIC;
        assert_int_equal(create_backup(&request, &backup_fixture_progress, &manifest, &fault), 0);
        backup_fixture_assert_names(NAME ".db.gz " NAME ".db.gz.meta ");
        backup_fixture_assert_restorable(manifest);

        assert_string_equal(manifest->name, NAME);
        assert_string_equal(manifest->file, NAME ".db.gz");
        assert_int_equal(manifest->kind, BACKUP_AUTOMATIC);
        assert_string_equal(manifest->label, request.label);
        assert_string_equal(manifest->source, request.database_path);
        assert_int_equal(manifest->created_usec, request.now_usec);
        assert_int_equal(manifest->verified_usec, request.now_usec);
        assert_int_equal(manifest->pages * manifest->page_size_bytes, manifest->database_bytes);
        assert_int_equal(manifest->n_tables, 2);
        assert_string_equal(manifest->tables[0].name, "alerts");
        assert_string_equal(manifest->tables[1].name, "users");
        assert_int_equal(manifest->tables[1].rows, 3);
        assert_false(manifest->adopted);

        assert_int_equal(stat(backup_fixture_path(NAME ".db.gz"), &status), 0);
        assert_int_equal(status.st_mode & 07777, 0600);
        assert_int_equal(status.st_size, manifest->stored_bytes);

        assert_int_equal(manifest_load(backup_fixture_fd(), manifest->file, &stored, &fault), 0);
        assert_int_equal(manifest_format(manifest, &a, &fault), 0);
        assert_int_equal(manifest_format(stored, &b, &fault), 0);
        assert_string_equal(a, b);
}

static void test_plain_backup_needs_only_sqlite(void **state)
{
        _cleanup_(manifest_freep) Manifest *manifest = backup_fixture_create(NAME, COMPRESSION_NONE);
        sqlite3 *handle;

        backup_fixture_assert_names(NAME ".db " NAME ".db.meta ");
        backup_fixture_assert_restorable(manifest);
        handle = fixture_open(backup_fixture_path(NAME ".db"));
        assert_int_equal(fixture_integer(handle, "SELECT count(*) FROM users"), 3);
        fixture_close(handle);
}

static void test_copies_what_is_still_in_the_wal(void **state)
{
        sqlite3 *handle = fixture_open(backup_fixture_database());
        _cleanup_(manifest_freep) Manifest *manifest = NULL;

        fixture_execute(handle, "PRAGMA wal_autocheckpoint=0");
        fixture_execute(handle, "INSERT INTO alerts VALUES(1, 1), (2, 77)");
        manifest = backup_fixture_create(NAME, COMPRESSION_GZIP);
        fixture_close(handle);
        backup_fixture_assert_restorable(manifest);
        assert_int_equal(manifest->tables[0].rows, 2);
        assert_int_equal(manifest->foreign_key_violations, 1); /* counted, and no reason to refuse */
}

static void test_bad_labels_are_refused(void **state)
{
        char longest[BACKUP_LABEL_MAX_BYTES + 2];
        const char *const labels[] = {longest, "two\nlines", "\xff", "\x1b[2J"};

        memset(longest, 'x', sizeof longest - 1);
        longest[sizeof longest - 1] = '\0';
        for (size_t i = 0; i < ELEMENTSOF(labels); i++) {
                CreateRequest request = backup_fixture_request(NAME, COMPRESSION_GZIP);
                Fault fault = {0};

                request.label = labels[i];
                assert_int_equal(create(&request, &fault), fault_errno(FAULT_INVALID_ARGUMENT));
                fixture_assert_fault(&fault, FAULT_INVALID_ARGUMENT, "label");
        }
        backup_fixture_assert_names("");
}

static void test_bad_names_are_refused(void **state)
{
        static const char *const names[] = {"", "../x", ".x", "a/b"};

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                CreateRequest request = backup_fixture_request(names[i], COMPRESSION_GZIP);
                Fault fault = {0};

                assert_int_equal(create(&request, &fault), fault_errno(FAULT_INVALID_ARGUMENT));
                fixture_assert_fault(&fault, FAULT_INVALID_ARGUMENT, "name");
        }
        backup_fixture_assert_names("");
}

static void test_a_taken_name_is_left_alone(void **state)
{
        CreateRequest request = backup_fixture_request(NAME, COMPRESSION_GZIP);
        Fault fault = {0};
        unsigned removed;

        fixture_write(backup_fixture_path(NAME ".db.gz"), "theirs", 6);
        assert_int_equal(create(&request, &fault), fault_errno(FAULT_INVALID_ARGUMENT));
        fixture_assert_fault(&fault, FAULT_INVALID_ARGUMENT, NAME ".db.gz");
        /* Refused before anything was done: a marker would have declared it unfinished for a moment. */
        assert_null(atomic_load(&backup_fixture_progress.step));
        assert_int_equal(create_clean_up_leftovers(backup_fixture_fd(), &removed, &fault), 0);
        backup_fixture_assert_names(NAME ".db.gz ");
        assert_int_equal(fixture_file_size(backup_fixture_path(NAME ".db.gz")), 6);
}

/* Never over the good ones, and never beside them either. */
static void test_a_corrupt_database_is_not_backed_up(void **state)
{
        CreateRequest request = backup_fixture_request(NAME, COMPRESSION_GZIP);
        _cleanup_(manifest_freep) Manifest *earlier = backup_fixture_create(EARLIER, COMPRESSION_GZIP);
        sqlite3 *handle = fixture_open(backup_fixture_database());
        char rubbish[300];
        Fault fault = {0};

        fixture_execute(handle, "CREATE TABLE big(body TEXT)");
        fixture_execute(handle,
                        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100) "
                        "INSERT "
                        "INTO big SELECT hex(randomblob(400)) FROM n");
        fixture_execute(handle, "PRAGMA wal_checkpoint(TRUNCATE)");
        fixture_close(handle);
        memset(rubbish, 0x5a, sizeof rubbish);
        fixture_overwrite(backup_fixture_database(), UINT64_C(5) * 4096, rubbish, sizeof rubbish);

        assert_int_equal(create(&request, &fault), fault_errno(FAULT_CORRUPT));
        fixture_assert_fault(&fault, FAULT_CORRUPT, "live.db");
        backup_fixture_assert_names(EARLIER_FILES);
        backup_fixture_assert_restorable(earlier);
}

static void test_what_is_no_database_is_not_backed_up(void **state)
{
        CreateRequest request = backup_fixture_request(NAME, COMPRESSION_GZIP);
        Fault fault = {0};

        fixture_write(fixture_path("rubbish.db"),
                        "This is no database, but it is long enough to be one.",
                        53);
        request.database_path = fixture_path("rubbish.db");
        assert_int_equal(create(&request, &fault), fault_errno(FAULT_NOT_A_DATABASE));
        fault_done(&fault);
        request.database_path = fixture_path("missing.db");
        assert_int_equal(create(&request, &fault), fault_errno(FAULT_CANNOT_OPEN));
        fault_done(&fault);
        for (size_t bytes = 0; bytes <= 1; bytes++) {
                fixture_write(fixture_path("emptied.db"), "", bytes);
                request.database_path = fixture_path("emptied.db");
                assert_int_equal(create(&request, &fault), fault_errno(FAULT_CORRUPT));
                fault_done(&fault);
        }
        backup_fixture_assert_names("");
}

static void test_cancelled(void **state)
{
        CreateRequest request = backup_fixture_request(NAME, COMPRESSION_GZIP);
        Fault fault = {0};

        progress_cancel(&backup_fixture_progress);
        assert_int_equal(create(&request, &fault), fault_errno(FAULT_CANCELLED));
        fault_done(&fault);
        backup_fixture_assert_names("");
}

/* Leaves `free_bytes` on the small file system. */
static void fill_up(const char *ballast, uint64_t total_bytes, uint64_t free_bytes)
{
        _cleanup_close_ int fd = open(ballast, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

        assert_int_equal(posix_fallocate(fd, 0, (off_t) (total_bytes - free_bytes)), 0);
}

/* With every amount of room from none to enough, so that each step in turn is the one that runs out. */
static void test_full_disk_at_every_step(void **state)
{
        const uint64_t total_bytes = 2 * MIB, page_bytes = 4096;
        _cleanup_free_ char *small = strdup(fixture_mount_small(total_bytes)), *ballast = NULL;
        _cleanup_free_ char *digest = NULL, *directory = NULL;
        CreateRequest request;
        sqlite3 *handle = fixture_open(backup_fixture_database());
        uint64_t room_bytes, refused = 0;

        /* gzip can't make this smaller, so that storing takes room, too. */
        fixture_execute(handle,
                        "CREATE TABLE noise(body BLOB); INSERT INTO noise VALUES(randomblob(150000))");
        fixture_execute(handle, "PRAGMA wal_checkpoint(TRUNCATE)");
        fixture_close(handle);
        assert_true(asprintf(&directory, "%s/backups", small) > 0 &&
                        asprintf(&ballast, "%s/ballast", small) > 0);
        assert_int_equal(mkdir(directory, 0750), 0);
        backup_fixture_move(directory);
        manifest_free(backup_fixture_create(EARLIER, COMPRESSION_GZIP));
        digest = strdup(backup_fixture_digest(EARLIER ".db.gz"));
        request = backup_fixture_request(NAME, COMPRESSION_GZIP);

        for (room_bytes = 0;; room_bytes += page_bytes) {
                _cleanup_fault_ Fault fault = {0};

                assert_true(room_bytes < MIB);
                fill_up(ballast, total_bytes - 256 * KIB, room_bytes);
                if (create(&request, &fault) >= 0)
                        break;
                assert_int_equal(fault.code, FAULT_NO_SPACE);
                backup_fixture_assert_names(EARLIER_FILES);
                assert_string_equal(backup_fixture_digest(EARLIER ".db.gz"), digest);
                refused++;
        }
        assert_true(refused > 20);
        backup_fixture_assert_names(BOTH_FILES);
}

static void prepare_earlier(void)
{
        manifest_free(backup_fixture_create(EARLIER, COMPRESSION_GZIP));
}

static void create_in_child(void)
{
        CreateRequest request = backup_fixture_request(NAME, COMPRESSION_GZIP);

        if (create(&request, NULL) < 0)
                _exit(1);
}

static void check_after_kill(const char *point)
{
        _cleanup_(manifest_freep) Manifest *earlier = NULL, *manifest = NULL;
        _cleanup_free_ char *names = NULL, *names_again = NULL;
        _cleanup_fault_ Fault fault = {0};
        unsigned removed;

        assert_int_equal(create_clean_up_leftovers(backup_fixture_fd(), &removed, &fault), 0);
        names = backup_fixture_names();
        if (strcmp(names, EARLIER_FILES) != 0 && strcmp(names, BOTH_FILES) != 0)
                fail_msg("killed at %s, cleaned up to: %s", point, names);
        assert_int_equal(manifest_load(backup_fixture_fd(), EARLIER ".db.gz", &earlier, &fault), 0);
        backup_fixture_assert_restorable(earlier);
        if (strcmp(names, BOTH_FILES) == 0) {
                assert_int_equal(manifest_load(backup_fixture_fd(), NAME ".db.gz", &manifest, &fault), 0);
                backup_fixture_assert_restorable(manifest);
        } else /* the name is free for the next one */
                manifest_free(backup_fixture_create(NAME, COMPRESSION_GZIP));

        assert_int_equal(create_clean_up_leftovers(backup_fixture_fd(), &removed, &fault), 0);
        assert_int_equal(removed, 0);
        names_again = backup_fixture_names();
        assert_string_equal(names_again, BOTH_FILES);
}

static void test_killed_at_every_step(void **state)
{
        backup_fixture_kill_everywhere(prepare_earlier, create_in_child, check_after_kill);
}

/* Exits with the fault's exit code. */
static void create_and_tell(void)
{
        CreateRequest request = backup_fixture_request(NAME, COMPRESSION_GZIP);
        Fault fault = {0};

        (void) create(&request, &fault);
        _exit(fault_exit_code(fault.code));
}

static void damage_copy(void)
{
        backup_fixture_damage("." NAME ".db.gz.copy.tmp");
}

static void test_a_copy_that_fails_its_check_is_not_published(void **state)
{
        prepare_earlier();
        assert_int_equal(backup_fixture_stop_at("create-copied", create_and_tell, damage_copy),
                        fault_exit_code(FAULT_CORRUPT));
        backup_fixture_assert_names(EARLIER_FILES);
}

static void put_another_there(void)
{
        fixture_write(backup_fixture_path(NAME ".db.gz"), "theirs", 6);
}

static void test_a_name_taken_meanwhile_is_left_alone(void **state)
{
        prepare_earlier();
        assert_int_equal(backup_fixture_stop_at("create-marked", create_and_tell, put_another_there),
                        fault_exit_code(FAULT_INVALID_ARGUMENT));
        backup_fixture_assert_names(EARLIER_FILES NAME ".db.gz ");
        assert_int_equal(fixture_file_size(backup_fixture_path(NAME ".db.gz")), 6);
}

#if TEST_HOOKS
/* Made all the same, of what the kernel has in memory, and the caller hears of it. */
static void test_what_the_disk_has_lost_is_in_the_backup(void **state)
{
        static const struct {
                const char *name;
                uint64_t offset;
                bool failed;
        } cases[] = {{"sound", 0, false}, {"page", 4096, true}, {"unreadable", 0, true}};
        sqlite3 *handle = fixture_open(backup_fixture_database());
        const char *path = fixture_path("disk");

        fixture_execute(handle, "PRAGMA wal_checkpoint(TRUNCATE)");
        fixture_close(handle);
        assert_int_equal(setenv("ORACXPRED_TEST_DISK", path, 1), 0);
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                DiskRead disk = {0};
                CreateRequest request = backup_fixture_request(cases[i].name, COMPRESSION_NONE);
                Manifest *manifest = NULL;

                request.from_disk = true;
                request.ret_disk = &disk;
                fixture_run("rm -rf %s; cp %s %s", path, backup_fixture_database(), path);
                if (cases[i].offset > 0)
                        fixture_overwrite(path, cases[i].offset, "\x7f\x7f\x7f\x7f", 4);
                else if (cases[i].failed)
                        fixture_run("rm %s; mkdir %s", path, path);
                assert_int_equal(create_backup(&request, &backup_fixture_progress, &manifest, NULL), 0);
                assert_int_equal(disk.failed, cases[i].failed);
                assert_int_equal(disk.done, !cases[i].failed);
                backup_fixture_assert_restorable(manifest);
                (void) manifest_free(manifest);
        }
        assert_int_equal(unsetenv("ORACXPRED_TEST_DISK"), 0);
}
#endif

#define TEST(name) cmocka_unit_test_setup_teardown(name, backup_fixture_setup, backup_fixture_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_a_backup_is_whole),
                TEST(test_plain_backup_needs_only_sqlite),
                TEST(test_copies_what_is_still_in_the_wal),
                TEST(test_bad_labels_are_refused),
                TEST(test_bad_names_are_refused),
                TEST(test_a_taken_name_is_left_alone),
                TEST(test_a_corrupt_database_is_not_backed_up),
                TEST(test_what_is_no_database_is_not_backed_up),
                TEST(test_cancelled),
#if TEST_HOOKS
                TEST(test_what_the_disk_has_lost_is_in_the_backup),
#endif
                TEST(test_full_disk_at_every_step),
                TEST(test_killed_at_every_step),
                TEST(test_a_copy_that_fails_its_check_is_not_published),
                TEST(test_a_name_taken_meanwhile_is_left_alone),
        };

        return cmocka_run_group_tests_name("create", tests, NULL, NULL);
}
