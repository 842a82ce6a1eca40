/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup-fixture.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backup/create/check-live.h"
#include "base/test-hook.h"

static bool in_background;

static int check_into(const char *directory_path, CheckResult *result, Fault *fault)
{
        const LiveCheck request = {
                        .database_path = backup_fixture_database(),
                        .directory_fd = backup_fixture_fd(),
                        .directory_path = directory_path,
                        .threads = 2,
                        .background = in_background,
        };

        return check_live(&request, &backup_fixture_progress, result, fault);
}

static void assert_nothing_left(void)
{
        _cleanup_free_ char *names = backup_fixture_names();

        assert_string_equal(names, "");
}

static void execute(const char *sql)
{
        sqlite3 *handle = fixture_open(backup_fixture_database());

        fixture_execute(handle, sql);
        fixture_close(handle);
}

/* Its index lacks a row that SQLite inserted while the index was out of its sight. */
static void spoil_index(void)
{
        execute("CREATE INDEX users_name ON users(name)");
        execute("PRAGMA writable_schema=ON;"
                "CREATE TABLE kept AS SELECT * FROM sqlite_schema WHERE name = 'users_name';"
                "DELETE FROM sqlite_schema WHERE name = 'users_name'");
        execute("INSERT INTO users(name) VALUES('not in the index')");
        execute("PRAGMA writable_schema=ON; INSERT INTO sqlite_schema SELECT * FROM kept; DROP TABLE kept");
}

static void test_sound_with_or_without_room_for_a_copy(void **state)
{
        const char *const directories[] = {backup_fixture_directory(), fixture_path("nowhere")};

        for (size_t i = 0; i < ELEMENTSOF(directories); i++) {
                _cleanup_(check_result_done) CheckResult result = {0};
                _cleanup_fault_ Fault fault = {0};

                assert_int_equal(check_into(directories[i], &result, &fault), 0);
                assert_true(result.healthy);
                assert_nothing_left();
        }
}

static void check_and_tell(void)
{
        _cleanup_(check_result_done) CheckResult result = {0};

        _exit(check_into(backup_fixture_directory(), &result, NULL) == 0 && result.healthy ? 0 : 1);
}

/* A TRUNCATE waits for nobody here: whoever still held a snapshot would make it busy. */
static void checkpoint(void)
{
        sqlite3 *handle = fixture_open(backup_fixture_database());

        fixture_execute(handle, "INSERT INTO users(name) VALUES('meanwhile')");
        assert_int_equal(fixture_integer(handle, "PRAGMA wal_checkpoint(TRUNCATE)"), 0);
        assert_int_equal(fixture_file_size(fixture_path("live.db-wal")), 0);
        fixture_close(handle);
}

static void test_no_checkpoint_is_held_back_by_the_check(void **state)
{
        assert_int_equal(backup_fixture_stop_at("check-copied", check_and_tell, checkpoint), 0);
        assert_nothing_left();
}

/* In the words of SQLite's own check of the database, wherever it was found first. */
static void test_an_index_that_lacks_a_row_is_found(void **state)
{
        const char *const directories[] = {backup_fixture_directory(), fixture_path("nowhere")};

        spoil_index();
        for (size_t i = 0; i < ELEMENTSOF(directories); i++) {
                _cleanup_(check_result_done) CheckResult result = {0};
                _cleanup_fault_ Fault fault = {0};

                assert_int_equal(check_into(directories[i], &result, &fault), 0);
                assert_false(result.healthy);
                assert_non_null(strstr(result.first_finding, "users_name"));
                assert_nothing_left();
        }
}

static void damage_copy(void)
{
        fixture_run("dd if=/dev/zero of='%s'/.backup_check.db.copy.tmp bs=4096 seek=1 count=1 conv=notrunc "
                    "status=none",
                        backup_fixture_directory());
}

static void test_a_copy_that_went_wrong_is_no_verdict(void **state)
{
        assert_int_equal(backup_fixture_stop_at("check-copied", check_and_tell, damage_copy), 0);
        assert_nothing_left();
}

#if TEST_HOOKS
/* What the disk holds from now on: the database as it is, without a -wal, and then something else. */
static void set_disk(const char *path)
{
        execute("PRAGMA wal_checkpoint(TRUNCATE)");
        fixture_run("cp %s %s", backup_fixture_database(), path);
        assert_int_equal(setenv("ORACXPRED_TEST_DISK", path, 1), 0);
}

static void check_disk(const char *words)
{
        for (int background = 0; background <= 1; background++) {
                _cleanup_(check_result_done) CheckResult result = {0};
                Fault fault = {0};

                in_background = background;
                assert_int_equal(check_into(backup_fixture_directory(), &result, &fault), -EIO);
                fixture_assert_fault(&fault, FAULT_IO, words);
                assert_nothing_left();
        }
        in_background = false;
}

static void check_is_over(void)
{
        _cleanup_(check_result_done) CheckResult result = {0};

        assert_int_equal(unsetenv("ORACXPRED_TEST_DISK"), 0);
        assert_int_equal(check_into(backup_fixture_directory(), &result, NULL), 0);
        assert_true(result.healthy);
}

/* A page of the table, the words at the file's beginning, and the size in its header. */
static void test_damage_that_memory_hides_is_found(void **state)
{
        static const struct {
                uint64_t offset;
                const char *words;
        } cases[] = {{4096, "memory still has it whole"},
                        {0, "memory still has it whole"},
                        {28, "another header"}};

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                const char *path = fixture_path("disk");

                set_disk(path);
                fixture_overwrite(path, cases[i].offset, "\x7f\x7f\x7f\x7f", 4);
                check_disk(cases[i].words);
                check_is_over();
        }
}

static void test_what_the_disk_can_not_read_is_no_damage(void **state)
{
        const char *path = fixture_path("disk");

        assert_int_equal(mkdir(path, 0700), 0);
        assert_int_equal(setenv("ORACXPRED_TEST_DISK", path, 1), 0);
        check_disk("the disk can't read it at byte 0");
        check_is_over();
}
#endif

/* Its read transaction would last as long as the check. */
static void test_in_the_background_nothing_is_checked_without_a_copy(void **state)
{
        _cleanup_(check_result_done) CheckResult result = {0};
        Fault fault = {0};

        in_background = true;
        assert_true(check_into(fixture_path("nowhere"), &result, &fault) < 0);
        in_background = false;
        fixture_assert_fault(&fault, FAULT_CANNOT_OPEN, "nowhere");
}

static void nothing(void)
{
}

static void check_after_kill(const char *point)
{
        unsigned removed;

        assert_int_equal(create_clean_up_leftovers(backup_fixture_fd(), &removed, NULL), 0);
        assert_nothing_left();
}

static void test_a_killed_check_leaves_nothing_for_long(void **state)
{
        backup_fixture_kill_everywhere(nothing, check_and_tell, check_after_kill);
}

static void test_cancelled(void **state)
{
        CheckResult result = {0};
        Fault fault = {0};

        progress_cancel(&backup_fixture_progress);
        assert_true(check_into(backup_fixture_directory(), &result, &fault) < 0);
        fixture_assert_fault(&fault, FAULT_CANCELLED, "");
        assert_nothing_left();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, backup_fixture_setup, backup_fixture_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_sound_with_or_without_room_for_a_copy),
                TEST(test_no_checkpoint_is_held_back_by_the_check),
                TEST(test_an_index_that_lacks_a_row_is_found),
                TEST(test_a_copy_that_went_wrong_is_no_verdict),
#if TEST_HOOKS
                TEST(test_damage_that_memory_hides_is_found),
                TEST(test_what_the_disk_can_not_read_is_no_damage),
#endif
                TEST(test_in_the_background_nothing_is_checked_without_a_copy),
                TEST(test_a_killed_check_leaves_nothing_for_long),
                TEST(test_cancelled),
        };

        return cmocka_run_group_tests_name("check-live", tests, NULL, NULL);
}
