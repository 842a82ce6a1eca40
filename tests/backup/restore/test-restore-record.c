/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "restore-fixture.h"

#include <string.h>
#include <sys/stat.h>

#include "backup/restore/restore-record.h"

#define FILE_PATH "state/last-restore.json"

static void assert_undo_fault(FaultCode code, const char *words)
{
        _cleanup_free_ char *name = NULL, *folder = NULL;
        Fault fault = {0};

        assert_int_equal(restore_undo_source(restore_fixture_state_directory(),
                                         NULL,
                                         backup_fixture_fd(),
                                         &name,
                                         &folder,
                                         &fault),
                        fault_errno(code));
        fixture_assert_fault(&fault, code, words);
}

static void test_what_is_stored_is_read(void **state)
{
        RestoreRecord record = {
                        .source = (char *) "backup_20260101_000000",
                        .database = (char *) "/a \"quoted\" / path",
                        .pre_restore = (char *) PRE_RESTORE_NAME,
                        .quarantine = (char *) "/var/q\xc3\xa9",
                        .method = RESTORE_REPLACE,
                        .automatic = true,
                        .damaged = true,
                        .finished = true,
                        .restored_usec = RESTORE_NOW_USEC,
        };
        _cleanup_(restore_record_done) RestoreRecord read = {0};
        _cleanup_fault_ Fault fault = {0};

        assert_int_equal(restore_record_store(restore_fixture_state_directory(), &record, &fault), 0);
        assert_int_equal(restore_record_load(restore_fixture_state_directory(), &read, &fault), 0);
        assert_string_equal(read.source, record.source);
        assert_string_equal(read.database, record.database);
        assert_string_equal(read.pre_restore, record.pre_restore);
        assert_string_equal(read.quarantine, record.quarantine);
        assert_int_equal(read.method, RESTORE_REPLACE);
        assert_true(read.automatic);
        assert_true(read.damaged);
        assert_true(read.finished);
        assert_int_equal(read.restored_usec, RESTORE_NOW_USEC);
        assert_int_equal(restore_record_remove(restore_fixture_state_directory(), &fault), 0);
        assert_int_equal(restore_record_load(restore_fixture_state_directory(), &read, &fault),
                        fault_errno(FAULT_NOT_FOUND));
}

static void test_what_can_be_undone(void **state)
{
        _cleanup_(manifest_freep) Manifest *manifest =
                        backup_fixture_create(PRE_RESTORE_NAME, COMPRESSION_GZIP);
        _cleanup_free_ char *name = NULL, *folder = NULL, *quarantine = strdup(fixture_path("quarantine"));
        RestoreRecord record = {
                        .source = (char *) "backup_20260101_000000",
                        .database = (char *) "/live.db",
                        .pre_restore = (char *) PRE_RESTORE_NAME,
                        .quarantine = quarantine,
        };
        _cleanup_fault_ Fault fault = {0};
        const char *directory = restore_fixture_state_directory();

        assert_undo_fault(FAULT_NOT_FOUND, "Nothing was restored yet");
        assert_int_equal(restore_record_store(directory, &record, &fault), 0);
        assert_int_equal(restore_undo_source(directory, NULL, backup_fixture_fd(), &name, &folder, &fault),
                        0);
        assert_string_equal(name, manifest->name);
        assert_null(folder);

        backup_fixture_clear();
        assert_undo_fault(FAULT_NOT_FOUND, "no longer there; `oracxpredctl list`");
        free(TAKE_PTR(name));
        assert_int_equal(mkdir(quarantine, 0750), 0);
        assert_int_equal(restore_undo_source(directory, NULL, backup_fixture_fd(), &name, &folder, &fault),
                        0);
        assert_null(name);
        assert_string_equal(folder, quarantine);

        record.pre_restore = record.quarantine = NULL;
        assert_int_equal(restore_record_store(directory, &record, &fault), 0);
        assert_undo_fault(FAULT_NOT_FOUND, "replaced nothing");
}

static void test_bad_records(void **state)
{
        static const char *const texts[] = {
                        "",
                        "[]",
                        "{\"source\": \"a\"",
                        "{\"source\": \"a\", \"database\": \"b\"}",
                        "{\"source\": \"a\", \"database\": \"b\", \"method\": \"magic\"}",
                        "{\"source\": 1, \"database\": \"b\", \"method\": \"replace\"}",
                        "{\"source\": \"a\", \"database\": \"b\", \"method\": \"replace\", \"finished\": "
                        "\"yes\"}",
                        "{\"source\": \"a\", \"database\": \"b\", \"method\": \"replace\", \"pre_restore\": "
                        "\"../../etc/passwd\"}",
        };

        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                fixture_write(fixture_path(FILE_PATH), texts[i], strlen(texts[i]));
                assert_undo_fault(FAULT_CORRUPT, "last-restore.json");
        }
}

static void test_methods_have_names(void **state)
{
        for (RestoreMethod method = 0; method < _RESTORE_METHOD_MAX; method++)
                assert_int_equal(restore_method_from_string(restore_method_to_string(method)), method);
        assert_int_equal(restore_method_from_string("magic"), _RESTORE_METHOD_INVALID);
        assert_null(restore_method_to_string(_RESTORE_METHOD_INVALID));
}

static void test_an_undo_is_of_its_own_database(void **state)
{
        const char *directory = restore_fixture_state_directory();
        const DatabaseIdentity here = {.path = (char *) "/srv/here.db"},
                               there = {.path = (char *) "/srv/there.db"};
        const RestoreRecord record = {.source = (char *) "initial_backup",
                        .database = (char *) "/srv/here.db",
                        .quarantine = (char *) directory};
        _cleanup_fault_ Fault fault = {0};
        char *name = NULL, *folder = NULL;

        assert_int_equal(restore_record_store(directory, &record, NULL), 0);
        assert_true(restore_undo_source(directory, &there, backup_fixture_fd(), &name, &folder, &fault) < 0);
        assert_int_equal(fault.code, FAULT_NOT_FOUND);
        fault_done(&fault);
        assert_int_equal(restore_undo_source(directory, &here, backup_fixture_fd(), &name, &folder, &fault),
                        0);
        assert_string_equal(folder, directory);
        free(folder);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, restore_fixture_setup, restore_fixture_teardown)
        const struct CMUnitTest tests[] = {
                        TEST(test_what_is_stored_is_read),
                        TEST(test_what_can_be_undone),
                        TEST(test_an_undo_is_of_its_own_database),
                        TEST(test_bad_records),
                        TEST(test_methods_have_names),
        };

        return cmocka_run_group_tests_name("restore-record", tests, NULL, NULL);
}
