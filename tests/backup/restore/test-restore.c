/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "restore-fixture.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "backup/catalogue/catalogue.h"
#include "backup/catalogue/unfinished.h"
#include "backup/restore/restore-record.h"

#define COUNT "SELECT count(*) FROM users"
#define OLDER "backup_20260101_000000"

/* The four files and everything in the backups, before and after. */
static char *photograph(void)
{
        static const char *const names[] = {"live.db", "live.db-wal", "live.db-journal"};
        char *text = NULL;
        size_t size = 0;
        FILE *stream = open_memstream(&text, &size);
        _cleanup_free_ char *backups = backup_fixture_names();

        assert_non_null(stream);
        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                struct stat status;
                _cleanup_free_ char *data = NULL;
                size_t data_size = 0;

                if (stat(fixture_path(names[i]), &status) == 0)
                        data = fixture_read(fixture_path(names[i]), &data_size);
                (void) fprintf(stream, "%s %zu ", names[i], data_size);
                if (data)
                        (void) fwrite(data, 1, data_size, stream);
        }
        (void) fprintf(stream, " %s %zu", backups, restore_fixture_n_quarantined());
        assert_int_equal(fclose(stream), 0);
        /* Compared as a string below. */
        for (size_t i = 0; i < size; i++)
                if (text[i] == '\0')
                        text[i] = '0';
        return text;
}

static void refuse_untouched(const RestoreRequest *request, FaultCode code, const char *words)
{
        _cleanup_free_ char *before = photograph(), *after = NULL;

        restore_fixture_refuse(request, code, words);
        after = photograph();
        assert_true(strcmp(before, after) == 0);
}

static void spoil(const char *file, uint64_t offset_bytes)
{
        fixture_overwrite(backup_fixture_path(file), offset_bytes, "\xff\xff\xff\xff", 4);
}

static void test_a_source_that_is_not_sound_touches_nothing(void **state)
{
        _cleanup_(manifest_freep)
                        Manifest *gzip = backup_fixture_create(OLDER, COMPRESSION_GZIP),
                                 *plain = backup_fixture_create("backup_20260102_000000", COMPRESSION_NONE);
        RestoreRequest request = restore_fixture_request(gzip);

        restore_fixture_set_users(5);
        spoil(gzip->file, gzip->stored_bytes / 2);
        refuse_untouched(&request, FAULT_CORRUPT, OLDER);
        assert_int_equal(truncate(backup_fixture_path(gzip->file), (off_t) gzip->stored_bytes / 2), 0);
        refuse_untouched(&request, FAULT_CORRUPT, OLDER);
        assert_int_equal(unlink(backup_fixture_path(gzip->file)), 0);
        refuse_untouched(&request, FAULT_NOT_FOUND, OLDER);

        /* Sound as a database, but not the one that the manifest is about. */
        request.source = plain;
        restore_fixture_execute(
                        backup_fixture_path(plain->file), "UPDATE users SET name = 'z' WHERE id = 1");
        refuse_untouched(&request, FAULT_CORRUPT, "manifest");
        /* Without a manifest there is only the check. */
        plain->stored_bytes = plain->database_bytes = 0;
        plain->stored_sha256[0] = plain->blocks_sha256[0] = '\0';
        spoil(plain->file, 4096);
        refuse_untouched(&request, FAULT_CORRUPT, "corrupt");
        plain->encrypted = true;
        refuse_untouched(&request, FAULT_CORRUPT, "no age file");
}

static void test_a_backup_without_a_manifest(void **state)
{
        _cleanup_(manifest_freep) Manifest *manifest = backup_fixture_create(OLDER, COMPRESSION_NONE);
        _cleanup_(restore_outcome_done) RestoreOutcome outcome = {0};
        RestoreRequest request = restore_fixture_request(manifest);

        /* As an operator's cp of a database in WAL mode would have made it. */
        restore_fixture_execute(backup_fixture_path(manifest->file), "PRAGMA journal_mode=WAL");
        manifest->stored_bytes = manifest->database_bytes = 0;
        manifest->stored_sha256[0] = manifest->blocks_sha256[0] = '\0';
        restore_fixture_execute(backup_fixture_database(), "PRAGMA journal_mode=DELETE");
        restore_fixture_set_users(5);
        restore_fixture_restore(&request, &outcome);
        assert_int_equal(restore_fixture_query(backup_fixture_database(), COUNT), 3);
        assert_int_equal(restore_fixture_query(backup_fixture_database(),
                                         "SELECT journal_mode = 'delete' FROM pragma_journal_mode"),
                        1);
}

static void test_an_unsafe_place_is_refused(void **state)
{
        _cleanup_(manifest_freep) Manifest *manifest = backup_fixture_create(OLDER, COMPRESSION_GZIP);
        RestoreRequest request = restore_fixture_request(manifest);

        assert_int_equal(link(backup_fixture_database(), fixture_path("second.db")), 0);
        refuse_untouched(&request, FAULT_UNSAFE_FILE_SYSTEM, "live.db");
}

/* Undoes the last restore, as UndoRestore does. */
static void undo(const char *pre_restore_name, bool force, RestoreOutcome *ret)
{
        _cleanup_(catalogue_freep) Catalogue *catalogue = NULL;
        _cleanup_free_ char *name = NULL, *folder = NULL;
        _cleanup_fault_ Fault fault = {0};
        RestoreRequest request = restore_fixture_request(NULL);

        if (restore_undo_source(restore_fixture_state_directory(),
                            NULL,
                            backup_fixture_fd(),
                            &name,
                            &folder,
                            &fault) < 0)
                fail_msg("%s", fault.message);
        assert_int_equal(catalogue_load(backup_fixture_fd(), &catalogue, &fault), 0);
        if (name)
                request.source = catalogue_find(catalogue, name)->manifest;
        request.source_quarantine = folder;
        request.pre_restore_name = pre_restore_name;
        request.force = force;
        restore_fixture_restore(&request, ret);
}

static void test_an_undo_can_be_undone(void **state)
{
        _cleanup_(manifest_freep) Manifest *manifest = backup_fixture_create(OLDER, COMPRESSION_GZIP);
        _cleanup_(restore_record_done) RestoreRecord record = {0};
        RestoreRequest request = restore_fixture_request(manifest);
        _cleanup_fault_ Fault fault = {0};
        char name[] = "backup_20260124_020001";

        restore_fixture_set_users(5);
        for (int i = -1; i < 3; i++) {
                _cleanup_(restore_outcome_done) RestoreOutcome outcome = {0};

                if (i < 0)
                        restore_fixture_restore(&request, &outcome);
                else {
                        name[sizeof name - 2] = (char) ('1' + i);
                        undo(name, false, &outcome);
                }
                assert_int_equal(
                                restore_fixture_query(backup_fixture_database(), COUNT), i % 2 == 0 ? 5 : 3);
        }
        assert_int_equal(restore_record_load(restore_fixture_state_directory(), &record, &fault), 0);
        assert_true(record.finished);
        assert_string_equal(record.pre_restore, name);
        assert_string_equal(record.source, "backup_20260124_020002");
}

static void test_an_undo_from_the_quarantine(void **state)
{
        _cleanup_(manifest_freep) Manifest *manifest = backup_fixture_create(OLDER, COMPRESSION_GZIP);
        _cleanup_(restore_outcome_done) RestoreOutcome first = {0}, second = {0}, third = {0};
        RestoreRequest request = restore_fixture_request(manifest);

        assert_int_equal(unlink(backup_fixture_database()), 0);
        fixture_create_with_wal(backup_fixture_database(),
                        "CREATE TABLE users(id INTEGER PRIMARY KEY, name TEXT); INSERT INTO users(name) "
                        "VALUES('only in the wal')");
        request.replaced = true;
        restore_fixture_restore(&request, &first);
        assert_non_null(first.quarantine);
        undo("backup_20260124_020001", false, &second);
        assert_int_equal(second.method, RESTORE_IN_PLACE);
        assert_int_equal(restore_fixture_query(backup_fixture_database(), COUNT), 1);
        undo("backup_20260124_020002", false, &third);
        assert_int_equal(restore_fixture_query(backup_fixture_database(), COUNT), 3);
        /* The evidence is still whole. */
        assert_int_equal(restore_fixture_query(restore_fixture_quarantined("live.db"), COUNT), 1);
}

static void test_a_corrupt_one_comes_back_by_force_only(void **state)
{
        _cleanup_(manifest_freep) Manifest *manifest = backup_fixture_create(OLDER, COMPRESSION_GZIP);
        _cleanup_(restore_outcome_done) RestoreOutcome outcome = {0}, undone = {0};
        RestoreRequest request = restore_fixture_request(manifest);
        _cleanup_free_ char *before = NULL, *after = NULL;
        size_t before_size, after_size;

        fixture_overwrite(backup_fixture_database(), 0, "no database at all", 18);
        before = fixture_read(backup_fixture_database(), &before_size);
        restore_fixture_restore(&request, &outcome);

        request = restore_fixture_request(NULL);
        request.source_quarantine = outcome.quarantine;
        request.pre_restore_name = "backup_20260124_020001";
        restore_fixture_refuse(&request, FAULT_CORRUPT, "Force it");
        assert_int_equal(restore_fixture_query(backup_fixture_database(), COUNT), 3);
        undo("backup_20260124_020001", true, &undone);
        assert_int_equal(undone.method, RESTORE_REPLACE);
        assert_false(undone.checked);
        after = fixture_read(backup_fixture_database(), &after_size);
        assert_int_equal(before_size, after_size);
        assert_memory_equal(before, after, before_size);
}

static void test_a_bad_request(void **state)
{
        RestoreRequest request = restore_fixture_request(NULL);

        refuse_untouched(&request, FAULT_INVALID_ARGUMENT, "one source");
        request.source_quarantine = restore_fixture_quarantine();
        request.pre_restore_name = "../backup";
        refuse_untouched(&request, FAULT_INVALID_ARGUMENT, "name");
        request.pre_restore_name = PRE_RESTORE_NAME;
        refuse_untouched(&request, FAULT_NOT_FOUND, "bring back");
}

/* A file system on which there is less and less room: whatever step it is that doesn't fit, the database is
 * the old one or the new one, and nothing half stays. */
static void fill_up(bool replace)
{
        /* The fixture's own paths are used again after a while. */
        _cleanup_free_ char *small = strdup(fixture_mount_small(4 * MIB));
        char live[256], state_directory[256], quarantine[256], backups[256], filler[256];
        unsigned n_refused = 0, n_restored = 0;

        (void) snprintf(live, sizeof live, "%s/live.db", small);
        (void) snprintf(state_directory, sizeof state_directory, "%s", small);
        (void) snprintf(quarantine, sizeof quarantine, "%s/quarantine", small);
        (void) snprintf(backups, sizeof backups, "%s/backups", small);
        (void) snprintf(filler, sizeof filler, "%s/filler", small);
        assert_int_equal(mkdir(backups, 0750), 0);
        backup_fixture_move(backups);
        for (unsigned room_kib = 3600; room_kib > 40; room_kib -= 55) {
                _cleanup_(manifest_freep) Manifest *manifest = NULL;
                _cleanup_(restore_outcome_done) RestoreOutcome outcome = {0};
                CreateRequest create = backup_fixture_request(OLDER, COMPRESSION_GZIP);
                RestoreRequest request;
                _cleanup_fault_ Fault fault = {0};
                char command[1024];
                unsigned removed;
                int64_t n;
                int r;

                fixture_run("rm -rf %s* %s/*.json %s %s/backups/* %s",
                                live,
                                small,
                                quarantine,
                                small,
                                filler);
                restore_fixture_execute(live,
                                "PRAGMA journal_mode=WAL; CREATE TABLE users(id INTEGER PRIMARY KEY, name "
                                "TEXT); "
                                "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < "
                                "300) "
                                "INSERT INTO users SELECT i, hex(randomblob(400)) FROM c");
                create.database_path = live;
                if (create_backup(&create, &backup_fixture_progress, &manifest, &fault) < 0)
                        fail_msg("%s", fault.message);
                restore_fixture_execute(live,
                                "UPDATE users SET name = hex(randomblob(390)); DELETE FROM users "
                                "WHERE id > 200");
                (void) snprintf(command,
                                sizeof command,
                                "f=$(df --output=avail -k %s | tail -1); head -c $(( (f - %u) * 1024 )) "
                                "/dev/zero > %s",
                                small,
                                room_kib,
                                filler);
                if (system(command) != 0)
                        continue;

                request = restore_fixture_request(manifest);
                request.state_directory_path = state_directory;
                request.database_path = live;
                request.directory_path = backups;
                request.quarantine_path = quarantine;
                request.replaced = replace;
                r = restore_backup(&request, &backup_fixture_progress, &outcome, &fault);
                assert_int_equal(unlink(filler), 0);
                n = restore_fixture_query(live, COUNT);
                if (r < 0) {
                        n_refused++;
                        if (fault.code != FAULT_NO_SPACE)
                                fail_msg("%u KiB: %s: %s", room_kib, fault_name(fault.code), fault.message);
                        assert_int_equal(n, 200);
                } else {
                        n_restored++;
                        assert_int_equal(n, 300);
                        assert_true(outcome.pre_restore || outcome.quarantine);
                }
                assert_int_equal(create_clean_up_leftovers(backup_fixture_fd(), &removed, &fault), 0);
                assert_int_equal(removed, 0);
        }
        assert_true(n_refused > 3);
        assert_true(n_restored > 3);
}

static void test_a_full_disk_in_place(void **state)
{
        fill_up(false);
}

static void test_a_full_disk_when_replacing(void **state)
{
        fill_up(true);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, restore_fixture_setup, restore_fixture_teardown)
        const struct CMUnitTest tests[] = {
                        TEST(test_a_source_that_is_not_sound_touches_nothing),
                        TEST(test_a_backup_without_a_manifest),
                        TEST(test_an_unsafe_place_is_refused),
                        TEST(test_an_undo_can_be_undone),
                        TEST(test_an_undo_from_the_quarantine),
                        TEST(test_a_corrupt_one_comes_back_by_force_only),
                        TEST(test_a_bad_request),
                        TEST(test_a_full_disk_in_place),
                        TEST(test_a_full_disk_when_replacing),
        };

        return cmocka_run_group_tests_name("restore", tests, NULL, NULL);
}
