/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A database that is mounted by itself, as containers do it: its content is replaced, and not the file. */

#include "restore-fixture.h"

#include <string.h>
#include <sys/stat.h>

#include "backup/quarantine/contents.h"
#include "backup/restore/restore-record.h"
#include "backup/restore/restore-recover.h"

#define COUNT "SELECT count(*) FROM users"
#define OLDER "backup_20260101_000000"
#define QUARANTINED "quarantine/20260124_020000/live.db"

static Manifest *source;
static bool mounted;

static int no_stop(void *userdata, Fault *fault)
{
        return 0;
}

static const ApplicationControl control = {.has_units = true, .stop = no_stop, .start = no_stop};

static void create_old(void)
{
        fixture_create_with_wal(backup_fixture_database(),
                        "CREATE TABLE users(id INTEGER PRIMARY KEY, name TEXT); INSERT INTO users(name) "
                        "VALUES('a'), ('b'), ('c'), ('d'), ('e')");
}

static void unmount(void)
{
        if (mounted)
                fixture_run("umount '%s'", backup_fixture_database());
        mounted = false;
}

/* A backup with 3 users; a database with 5, whose last commits lie in the -wal, and which is a mount. */
static void prepare(void)
{
        unmount();
        fixture_run("rm -rf '%s'/* '%s'* '%s'/*",
                        restore_fixture_quarantine(),
                        backup_fixture_database(),
                        restore_fixture_state_directory());
        create_old();
        restore_fixture_execute(backup_fixture_database(), "DELETE FROM users WHERE id > 3");
        source = manifest_free(source);
        source = backup_fixture_create(OLDER, COMPRESSION_GZIP);
        fixture_run("rm -f '%s'*", backup_fixture_database());
        create_old();
        fixture_run("mount --bind '%s' '%s'", backup_fixture_database(), backup_fixture_database());
        mounted = true;
}

static RestoreRequest replacing(void)
{
        RestoreRequest request = restore_fixture_request(source);

        request.replaced = true;
        request.control = &control;
        return request;
}

static void replace(void)
{
        RestoreRequest request = replacing();
        RestoreOutcome outcome = {0};

        if (restore_backup(&request, &backup_fixture_progress, &outcome, NULL) < 0)
                _exit(2);
}

/* The mounts of a test are its own. */
static void begin(void)
{
        assert_int_equal(mkdir(restore_fixture_quarantine(), 0750), 0);
        fixture_bind(restore_fixture_quarantine(), restore_fixture_quarantine());
}

static void test_the_content_is_replaced(void **state)
{
        _cleanup_(restore_outcome_done) RestoreOutcome outcome = {0};
        struct stat before, after;
        RestoreRequest request;

        begin();
        prepare();
        assert_true(contents_are_fixed(backup_fixture_database()));
        assert_int_equal(chmod(backup_fixture_database(), 0664), 0);
        assert_int_equal(stat(backup_fixture_database(), &before), 0);
        request = replacing();
        restore_fixture_restore(&request, &outcome);
        assert_int_equal(outcome.method, RESTORE_REPLACE);
        assert_int_equal(restore_fixture_query(backup_fixture_database(), COUNT), 3);
        assert_int_equal(restore_fixture_query(fixture_path(QUARANTINED), COUNT), 5);
        assert_int_equal(stat(backup_fixture_database(), &after), 0);
        assert_int_equal(after.st_ino, before.st_ino);
        assert_int_equal(after.st_mode, before.st_mode);
        assert_int_equal(fixture_file_size(fixture_path(".live.db.restore.tmp")), -1);
        assert_int_equal(fixture_file_size(fixture_path("state/restore.json")), -1);
        unmount();
}

/* After the next start: the old one whole, or the new one with the old one whole in the quarantine. */
static void check_recovered(const char *point)
{
        _cleanup_(restore_recovered_done) RestoreRecovered recovered = {0};
        _cleanup_fault_ Fault fault = {0};
        int64_t n;

        if (restore_recover(restore_fixture_state_directory(),
                            backup_fixture_database(),
                            restore_fixture_quarantine(),
                            RESTORE_NOW_USEC,
                            &recovered,
                            &fault) < 0)
                fail_msg("%s: %s", point, fault.message);
        n = restore_fixture_query(backup_fixture_database(), COUNT);
        if (n == 3)
                assert_int_equal(restore_fixture_query(fixture_path(QUARANTINED), COUNT), 5);
        else if (n == 5)
                assert_int_equal(restore_fixture_n_quarantined(), 0);
        else
                fail_msg("%s: %lld users", point, (long long) n);
        assert_int_equal(restore_recover_done(restore_fixture_state_directory(), &fault), 0);
        assert_int_equal(fixture_file_size(fixture_path(".live.db.restore.tmp")), -1);
}

static void test_killed_anywhere_it_is_old_or_new(void **state)
{
        begin();
        backup_fixture_kill_everywhere(prepare, replace, check_recovered);
        unmount();
}

/* The disk is full when the content is half written, or the prepared file is gone. */
static int lose_the_new_content(void *userdata, Fault *fault)
{
        assert_int_equal(unlink(fixture_path(".live.db.restore.tmp")), 0);
        return 0;
}

static void test_a_failure_brings_the_old_content_back(void **state)
{
        ApplicationControl losing = control;
        RestoreRequest request;

        begin();
        prepare();
        losing.stop = lose_the_new_content;
        request = replacing();
        request.control = &losing;
        restore_fixture_refuse(&request, FAULT_CANNOT_OPEN, ".live.db.restore.tmp");
        assert_int_equal(restore_fixture_query(backup_fixture_database(), COUNT), 5);
        assert_int_equal(restore_fixture_n_quarantined(), 0);
        assert_int_equal(fixture_file_size(fixture_path("state/restore.json")), -1);
        unmount();
}

static void test_what_was_overwritten_is_written_back(void **state)
{
        _cleanup_fault_ Fault fault = {0};

        begin();
        prepare();
        assert_int_equal(mkdir(fixture_path("quarantine/saved"), 0700), 0);
        assert_int_equal(contents_save(backup_fixture_database(), fixture_path("quarantine/saved"), &fault),
                        0);
        fixture_write(fixture_path("other"), "other", 5);
        assert_int_equal(contents_replace(fixture_path("other"), backup_fixture_database(), &fault), 0);
        assert_int_equal(fixture_file_size(backup_fixture_database()), 5);
        assert_int_equal(fixture_file_size(fixture_path("live.db-wal")), -1);
        assert_int_equal(
                        contents_take_back(
                                        fixture_path("quarantine/saved"), backup_fixture_database(), &fault),
                        0);
        assert_int_equal(restore_fixture_query(backup_fixture_database(), COUNT), 5);
        assert_int_equal(restore_fixture_n_quarantined(), 0);
        unmount();
}

static int teardown(void **state)
{
        if (mounted)
                unmount();
        source = manifest_free(source);
        return restore_fixture_teardown(state);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, restore_fixture_setup, teardown)
        const struct CMUnitTest tests[] = {
                        TEST(test_the_content_is_replaced),
                        TEST(test_killed_anywhere_it_is_old_or_new),
                        TEST(test_a_failure_brings_the_old_content_back),
                        TEST(test_what_was_overwritten_is_written_back),
        };

        return cmocka_run_group_tests_name("contents", tests, NULL, NULL);
}
