/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "restore-fixture.h"

#include <string.h>
#include <sys/stat.h>

#include "backup/quarantine/quarantine.h"

#define FIRST "quarantine/20260124_020000"
#define SECOND "quarantine/20260124_020001"

/* Spelled here, so that the list of the code can't be short of one. */
static const char *const suffixes[] = {"", "-wal", "-journal", "-shm"};

static void write_four(const char *path)
{
        for (size_t i = 0; i < ELEMENTSOF(suffixes); i++) {
                char name[256];

                (void) snprintf(name, sizeof name, "%s%s", path, suffixes[i]);
                fixture_write(name, name, strlen(name));
                assert_int_equal(chmod(name, 0640), 0);
        }
}

/* All four below `directory`, as written above for `path`. */
static void assert_four(const char *directory, const char *path, mode_t mode)
{
        const char *file_name = strrchr(path, '/') + 1;

        for (size_t i = 0; i < ELEMENTSOF(suffixes); i++) {
                char name[512], wanted[256];
                size_t size;
                _cleanup_free_ char *data = NULL;
                struct stat status;

                (void) snprintf(name, sizeof name, "%s/%s%s", directory, file_name, suffixes[i]);
                (void) snprintf(wanted, sizeof wanted, "%s%s", path, suffixes[i]);
                data = fixture_read(name, &size);
                assert_string_equal(data, wanted);
                assert_int_equal(stat(name, &status), 0);
                assert_int_equal(status.st_mode & 07777, mode);
        }
}

static char *make_folder(void)
{
        _cleanup_fault_ Fault fault = {0};
        char *folder = NULL;

        if (quarantine_make_folder(restore_fixture_quarantine(), RESTORE_NOW_USEC, &folder, &fault) < 0)
                fail_msg("%s", fault.message);
        return folder;
}

static void test_a_folder_for_each_incident(void **state)
{
        _cleanup_free_ char *first = make_folder(), *second = make_folder();

        assert_string_equal(first, fixture_path(FIRST));
        assert_string_equal(second, fixture_path(SECOND));
}

static void move_there_and_back(const char *path)
{
        _cleanup_free_ char *folder = make_folder(), *directory = strdup(path);
        _cleanup_fault_ Fault fault = {0};

        *strrchr(directory, '/') = '\0';
        write_four(path);
        if (quarantine_move(path, folder, &fault) < 0)
                fail_msg("%s", fault.message);
        assert_four(folder, path, 0640);
        assert_int_equal(fixture_file_size(path), -1);
        if (quarantine_move_back(folder, path, &fault) < 0)
                fail_msg("%s", fault.message);
        assert_four(directory, path, 0640);
        assert_int_equal(rmdir(folder), 0);
}

static void test_four_files_move_there_and_back(void **state)
{
        move_there_and_back(fixture_path("four.db"));
}

static void test_from_another_file_system(void **state)
{
        char path[256];

        (void) snprintf(path, sizeof path, "%s/four.db", fixture_mount_small(MIB));
        move_there_and_back(path);
}

static void test_nothing_is_replaced(void **state)
{
        _cleanup_free_ char *folder = make_folder();
        const char *path = fixture_path("four.db");
        Fault fault = {0};

        write_four(path);
        fixture_write(fixture_path(FIRST "/four.db"), "earlier", 7);
        assert_true(quarantine_move(path, folder, &fault) < 0);
        fixture_assert_fault(&fault, FAULT_INVALID_ARGUMENT, "exists already");
        assert_int_equal(fixture_file_size(fixture_path(FIRST "/four.db")), 7);
        assert_true(quarantine_move_back(folder, path, &fault) < 0);
        fixture_assert_fault(&fault, FAULT_INVALID_ARGUMENT, "exists already");
}

static void test_a_copy_appears_whole(void **state)
{
        _cleanup_(quarantine_files_close) QuarantineFiles files = QUARANTINE_FILES_NONE;
        const char *path = fixture_path("four.db");
        _cleanup_free_ char *first = NULL, *second = NULL;
        _cleanup_fault_ Fault fault = {0};
        Progress *progress = &backup_fixture_progress;

        write_four(path);
        assert_int_equal(quarantine_files_open(path, &files, &fault), 0);
        assert_true(quarantine_files_bytes(&files) > 0);
        assert_int_equal(quarantine_copy(&files,
                                         path,
                                         restore_fixture_quarantine(),
                                         RESTORE_NOW_USEC,
                                         progress,
                                         &first,
                                         &fault),
                        0);
        assert_string_equal(first, fixture_path(FIRST));
        assert_four(first, path, 0600); /* whatever the umask is */
        assert_int_equal(quarantine_copy(&files,
                                         path,
                                         restore_fixture_quarantine(),
                                         RESTORE_NOW_USEC,
                                         progress,
                                         &second,
                                         &fault),
                        0);
        assert_string_equal(second, fixture_path(SECOND));

        progress_cancel(progress);
        assert_int_equal(quarantine_copy(&files,
                                         path,
                                         restore_fixture_quarantine(),
                                         RESTORE_NOW_USEC,
                                         progress,
                                         &second,
                                         &fault),
                        fault_errno(FAULT_CANCELLED));
        assert_int_equal(restore_fixture_n_quarantined(), 2);
}

static void test_what_is_not_ours_stays(void **state)
{
        _cleanup_free_ char *folder = make_folder();
        const char *path = fixture_path("four.db");
        _cleanup_fault_ Fault fault = {0};

        write_four(path);
        assert_int_equal(quarantine_move(path, folder, &fault), 0);
        fixture_write(fixture_path(FIRST "/notes"), "mine", 4);
        assert_int_equal(quarantine_remove(folder, path, &fault), 0);
        assert_int_equal(fixture_file_size(fixture_path(FIRST "/four.db")), -1);
        assert_int_equal(fixture_file_size(fixture_path(FIRST "/notes")), 4);
        assert_int_equal(unlink(fixture_path(FIRST "/notes")), 0);
        assert_int_equal(quarantine_remove(folder, path, &fault), 0);
        assert_int_equal(restore_fixture_n_quarantined(), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, restore_fixture_setup, restore_fixture_teardown)
        const struct CMUnitTest tests[] = {
                        TEST(test_a_folder_for_each_incident),
                        TEST(test_four_files_move_there_and_back),
                        TEST(test_from_another_file_system),
                        TEST(test_nothing_is_replaced),
                        TEST(test_a_copy_appears_whole),
                        TEST(test_what_is_not_ours_stays),
        };

        return cmocka_run_group_tests_name("quarantine", tests, NULL, NULL);
}
