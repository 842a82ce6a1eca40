/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "restore-fixture.h"

#include <string.h>

#include "backup/restore/restore-loss.h"
#include "backup/restore/restore-record.h"

static Remedies load(void)
{
        Remedies list = {0};

        assert_int_equal(remedies_load(restore_fixture_state_directory(), &list, NULL), 0);
        return list;
}

static void store_record(bool finished, const char *quarantine)
{
        RestoreRecord record = {.source = (char *) "backup_20260101_000000",
                        .database = (char *) "/live.db",
                        .quarantine = (char *) quarantine,
                        .method = RESTORE_REPLACE,
                        .automatic = true,
                        .untold = true,
                        .finished = finished,
                        .restored_usec = RESTORE_NOW_USEC};

        assert_int_equal(restore_record_store(restore_fixture_state_directory(), &record, NULL), 0);
}

static void tell_interrupted(const char *database_path)
{
        _cleanup_(remedies_done) Remedies list = {0};
        _cleanup_fault_ Fault fault = {0};

        assert_int_equal(restore_loss_tell_interrupted(restore_fixture_state_directory(),
                                         database_path,
                                         NULL,
                                         &list,
                                         &fault),
                        0);
}

/* A database of so many rows in a folder that is like one of the quarantine's. */
static char *quarantined(unsigned rows)
{
        char *folder = strdup(fixture_path("q"));
        _cleanup_free_ char *path = NULL;
        sqlite3 *handle;

        fixture_run("mkdir -p %s", folder);
        assert_true(asprintf(&path, "%s/live.db", folder) > 0);
        handle = fixture_open(path);
        fixture_execute(handle, "CREATE TABLE t(x)");
        for (unsigned i = 0; i < rows; i++)
                fixture_execute(handle, "INSERT INTO t VALUES(1)");
        fixture_close(handle);
        return folder;
}

static char *live(unsigned rows)
{
        _cleanup_free_ char *folder = quarantined(rows);
        char *path = strdup(fixture_path("live.db"));

        fixture_run("mv %s/live.db %s", folder, path);
        return path;
}

static void test_only_what_nobody_asked_for_is_told(void **state)
{
        RestoreRequest request = {.state_directory_path = restore_fixture_state_directory(),
                        .database_path = "/live.db"};
        RestoreOutcome outcome = {0};
        _cleanup_(remedies_done) Remedies list = {0}, stored = {0};
        Progress progress;

        progress_init(&progress);
        assert_int_equal(restore_loss_tell(&request, &outcome, NULL, 0, &progress, &list, NULL), 0);
        stored = load();
        assert_int_equal(stored.n_items, 0);
        progress_done(&progress);
}

static void test_rows_of_the_quarantine_are_counted(void **state)
{
        _cleanup_free_ char *folder = quarantined(7);
        TableCount now = {.name = (char *) "t", .rows = 4};
        RestoreRequest request = {.state_directory_path = restore_fixture_state_directory(),
                        .database_path = "/live.db",
                        .automatic = true,
                        .now_usec = RESTORE_NOW_USEC};
        RestoreOutcome outcome = {.quarantine = folder};
        _cleanup_(remedies_done) Remedies list = {0};
        _cleanup_(restore_record_done) RestoreRecord record = {0};
        Progress progress;

        progress_init(&progress);
        store_record(true, folder);
        assert_int_equal(restore_loss_tell(&request, &outcome, &now, 1, &progress, &list, NULL), 0);
        assert_int_equal(list.n_items, 1);
        assert_string_equal(list.items[0].losses.items[0].table, "t");
        assert_int_equal(list.items[0].losses.items[0].lost, 3);
        assert_int_equal(list.items[0].losses.items[0].certainty, LOSS_COUNTED);
        assert_string_equal(list.items[0].quarantine, folder);
        assert_int_equal(restore_record_load(restore_fixture_state_directory(), &record, NULL), 0);
        assert_false(record.untold);
        progress_done(&progress);
}

/* Opening it would roll it back. */
static void test_quarantine_with_a_journal_is_not_opened(void **state)
{
        _cleanup_free_ char *folder = quarantined(7), *journal = NULL;
        TableCount now = {.name = (char *) "t", .rows = 4};
        RestoreRequest request = {.state_directory_path = restore_fixture_state_directory(),
                        .database_path = "/live.db",
                        .automatic = true};
        RestoreOutcome outcome = {.quarantine = folder};
        _cleanup_(remedies_done) Remedies list = {0};
        Progress progress;

        progress_init(&progress);
        assert_true(asprintf(&journal, "%s/live.db-journal", folder) > 0);
        fixture_write(journal, "a journal", strlen("a journal"));
        assert_int_equal(restore_loss_tell(&request, &outcome, &now, 1, &progress, &list, NULL), 0);
        assert_int_equal(list.items[0].losses.items[0].certainty, LOSS_UNKNOWN);
        assert_int_equal(fixture_file_size(journal), strlen("a journal"));
        progress_done(&progress);
}

/* It has the only rows left. */
static void test_wal_beside_an_empty_file_stays(void **state)
{
        _cleanup_free_ char *folder = quarantined(7), *wal = NULL, *database = NULL;
        RestoreRequest request = {.state_directory_path = restore_fixture_state_directory(),
                        .database_path = "/live.db",
                        .automatic = true};
        RestoreOutcome outcome = {.quarantine = folder};
        _cleanup_(remedies_done) Remedies list = {0};
        Progress progress;

        progress_init(&progress);
        assert_true(asprintf(&wal, "%s/live.db-wal", folder) > 0);
        assert_true(asprintf(&database, "%s/live.db", folder) > 0);
        fixture_write(wal, "a log", strlen("a log"));
        fixture_write(database, "", 0);
        assert_int_equal(restore_loss_tell(&request, &outcome, NULL, 0, &progress, &list, NULL), 0);
        assert_int_equal(fixture_file_size(wal), strlen("a log"));
        progress_done(&progress);
}

static void test_killed_before_telling_is_told_once(void **state)
{
        _cleanup_free_ char *database = live(4), *folder = quarantined(7);
        _cleanup_(remedies_done) Remedies list = {0};

        store_record(true, folder);
        tell_interrupted(database);
        store_record(true, folder);
        tell_interrupted(database);
        tell_interrupted(database);
        list = load();
        assert_int_equal(list.n_items, 1);
        assert_int_equal(list.items[0].losses.items[0].lost, 3);
        assert_int_equal(list.items[0].usec, RESTORE_NOW_USEC);
}

static void test_killed_before_the_commit_has_lost_nothing(void **state)
{
        _cleanup_free_ char *database = live(7), *folder = quarantined(7);
        _cleanup_(remedies_done) Remedies list = {0};

        store_record(false, folder);
        tell_interrupted(database);
        list = load();
        assert_int_equal(list.n_items, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, restore_fixture_setup, restore_fixture_teardown)
        const struct CMUnitTest tests[] = {
                        TEST(test_only_what_nobody_asked_for_is_told),
                        TEST(test_rows_of_the_quarantine_are_counted),
                        TEST(test_quarantine_with_a_journal_is_not_opened),
                        TEST(test_wal_beside_an_empty_file_stays),
                        TEST(test_killed_before_telling_is_told_once),
                        TEST(test_killed_before_the_commit_has_lost_nothing),
        };

        return cmocka_run_group_tests_name("restore-loss", tests, NULL, NULL);
}
