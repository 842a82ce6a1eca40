/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A backup whose file differs from the live one in more than its rows: what connected processes can follow
 * is restored in place, and the rest replaces the file. */

#include "restore-fixture.h"

#define COUNT "SELECT count(*) FROM users"

/* A process that has read it in UTF-8 could do nothing with it any more. */
static void another_encoding(bool connected)
{
        _cleanup_(restore_outcome_done) RestoreOutcome outcome = {0};
        _cleanup_(manifest_freep) Manifest *wide = NULL;
        RestoreRequest request;
        Application *application = NULL;

        restore_fixture_set_users(5);
        fixture_run("mv '%s' '%s'", backup_fixture_database(), fixture_path("narrow.db"));
        (void) unlink(fixture_path("live.db-wal"));
        restore_fixture_execute(backup_fixture_database(),
                        "PRAGMA encoding='UTF-16le'; CREATE TABLE users(id INTEGER PRIMARY KEY, name TEXT); "
                        "INSERT INTO users(name) VALUES('a'), ('b'), ('c')");
        wide = backup_fixture_create("backup_20260102_000000", COMPRESSION_GZIP);
        fixture_run("mv '%s' '%s'", fixture_path("narrow.db"), backup_fixture_database());
        request = restore_fixture_request(wide);
        if (connected) {
                application = application_start(backup_fixture_database());
                assert_int_equal(application_integer(application, COUNT), 5);
                restore_fixture_refuse(&request, FAULT_DATABASE_IN_USE, "application (pid");
                assert_int_equal(application_integer(application, COUNT), 5);
                application_stop(application);
                return;
        }
        restore_fixture_restore(&request, &outcome);
        assert_int_equal(outcome.method, RESTORE_REPLACE);
        assert_int_equal(restore_fixture_query(backup_fixture_database(), COUNT), 3);
        assert_non_null(outcome.pre_restore);
}

static void test_another_encoding(void **state)
{
        another_encoding(false);
}

static void test_another_encoding_under_an_application_is_refused(void **state)
{
        another_encoding(true);
}

static void test_another_auto_vacuum(void **state)
{
        _cleanup_(manifest_freep) Manifest *manifest = NULL;
        _cleanup_(restore_outcome_done) RestoreOutcome outcome = {0};
        RestoreRequest request;
        Application *application;

        restore_fixture_execute(backup_fixture_database(), "PRAGMA journal_mode=DELETE");
        restore_fixture_execute(backup_fixture_database(),
                        "PRAGMA auto_vacuum=FULL; VACUUM; PRAGMA journal_mode=WAL");
        manifest = backup_fixture_create("backup_20260101_000000", COMPRESSION_GZIP);
        restore_fixture_set_users(5);
        restore_fixture_execute(backup_fixture_database(), "PRAGMA journal_mode=DELETE");
        restore_fixture_execute(backup_fixture_database(),
                        "PRAGMA auto_vacuum=NONE; VACUUM; PRAGMA journal_mode=WAL");
        application = application_start(backup_fixture_database());
        assert_int_equal(application_integer(application, COUNT), 5);
        request = restore_fixture_request(manifest);
        restore_fixture_restore(&request, &outcome);
        assert_int_equal(application_integer(application, COUNT), 3);
        assert_int_equal(application_execute(application,
                                         "CREATE TABLE large(body); INSERT INTO large SELECT "
                                         "randomblob(900) FROM users, users AS a, users AS b, users AS c"),
                        SQLITE_OK);
        assert_int_equal(application_execute(application, "DROP TABLE large"), SQLITE_OK);
        assert_int_equal(application_integer(application, "PRAGMA auto_vacuum"), 1);
        assert_int_equal(application_integer(application,
                                         "SELECT count(*) FROM pragma_integrity_check WHERE "
                                         "integrity_check = 'ok'"),
                        1);
        application_stop(application);
        assert_int_equal(outcome.method, RESTORE_IN_PLACE);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, restore_fixture_setup, restore_fixture_teardown)
        const struct CMUnitTest tests[] = {
                        TEST(test_another_encoding),
                        TEST(test_another_encoding_under_an_application_is_refused),
                        TEST(test_another_auto_vacuum),
        };

        return cmocka_run_group_tests_name("restore-shape", tests, NULL, NULL);
}
