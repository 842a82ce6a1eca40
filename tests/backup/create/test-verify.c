/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup-fixture.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "backup/catalogue/catalogue.h"
#include "backup/create/verify.h"

#define NAME "backup_20260124_014621"
#define LATER_USEC UINT64_C(1769300000000000)

static int verify(const Manifest *manifest, Manifest **ret, Fault *fault)
{
        return verify_backup(backup_fixture_fd(),
                        backup_fixture_directory(),
                        manifest,
                        NULL,
                        (Effort){.threads = 2},
                        LATER_USEC,
                        &backup_fixture_progress,
                        ret,
                        fault);
}

static Manifest *stored_manifest(const char *file)
{
        _cleanup_fault_ Fault fault = {0};
        Manifest *manifest = NULL;

        if (manifest_load(backup_fixture_fd(), file, &manifest, &fault) < 0)
                fail_msg("%s", fault.message);
        return manifest;
}

/* As the daemon has it: a copy of the catalogue's. */
static Manifest *listed(const char *name)
{
        _cleanup_(catalogue_freep) Catalogue *catalogue = NULL;
        _cleanup_fault_ Fault fault = {0};
        const CatalogueEntry *entry;

        assert_int_equal(catalogue_load(backup_fixture_fd(), &catalogue, &fault), 0);
        entry = catalogue_find(catalogue, name);
        assert_non_null(entry);
        return manifest_copy(entry->manifest);
}

static void assert_passes(const char *name)
{
        _cleanup_(manifest_freep) Manifest *manifest = listed(name), *verified = NULL, *stored = NULL;
        _cleanup_free_ char *digest = strdup(backup_fixture_digest(manifest->file));
        _cleanup_fault_ Fault fault = {0};

        if (verify(manifest, &verified, &fault) < 0)
                fail_msg("%s", fault.message);
        assert_string_equal(backup_fixture_digest(manifest->file), digest);
        stored = stored_manifest(manifest->file);
        assert_int_equal(verified->verified_usec, LATER_USEC);
        assert_int_equal(stored->verified_usec, LATER_USEC);
        assert_string_equal(stored->stored_sha256, digest);
        assert_null(stored->verification_fault);
        assert_true(manifest_is_verified(verified));
}

/* The verdict is "bad", it is on disk, and the earlier proof is not forgotten. */
static void assert_fails(const char *name, const char *words)
{
        _cleanup_(manifest_freep) Manifest *manifest = listed(name), *verified = NULL, *stored = NULL;
        _cleanup_free_ char *digest = strdup(backup_fixture_digest(manifest->file));
        Fault fault = {0};

        assert_int_equal(verify(manifest, &verified, &fault), fault_errno(FAULT_CORRUPT));
        fixture_assert_fault(&fault, FAULT_CORRUPT, words);
        assert_string_equal(backup_fixture_digest(manifest->file), digest);
        stored = stored_manifest(manifest->file);
        assert_non_null(verified->verification_fault);
        assert_string_equal(stored->verification_fault, verified->verification_fault);
        assert_int_not_equal(stored->verified_usec, LATER_USEC);
        assert_false(manifest_is_verified(stored));
}

static void test_good_backups_pass(void **state)
{
        manifest_free(backup_fixture_create(NAME, COMPRESSION_GZIP));
        manifest_free(backup_fixture_create(INITIAL_BACKUP_NAME, COMPRESSION_NONE));
        assert_passes(NAME);
        assert_passes(INITIAL_BACKUP_NAME);
        backup_fixture_assert_names(NAME ".db.gz " NAME ".db.gz.meta " INITIAL_BACKUP_NAME
                                         ".db " INITIAL_BACKUP_NAME ".db.meta ");
}

static void flip(const char *file, int64_t offset_bytes)
{
        size_t size;
        _cleanup_free_ char *data = fixture_read(backup_fixture_path(file), &size);

        data[offset_bytes >= 0 ? (size_t) offset_bytes : size - (size_t) -offset_bytes] ^= 16;
        fixture_write(backup_fixture_path(file), data, size);
}

static void test_any_flipped_bit_fails(void **state)
{
        static const int64_t offsets[] = {0, 4, 9, 17, 30, -1, -5, -60};
        _cleanup_(manifest_freep) Manifest *manifest = backup_fixture_create(NAME, COMPRESSION_GZIP);

        for (size_t i = 0; i < ELEMENTSOF(offsets); i++) {
                flip(manifest->file, offsets[i]);
                assert_fails(NAME, NAME);
                flip(manifest->file, offsets[i]);
                assert_passes(NAME);
                /* Back to a time before, for the next turn. */
                manifest_free(TAKE_PTR(manifest));
                manifest = listed(NAME);
                manifest->verified_usec = 1;
                assert_int_equal(manifest_store(backup_fixture_fd(), manifest, NULL), 0);
        }
}

static void test_a_flipped_bit_in_a_plain_backup_fails(void **state)
{
        manifest_free(backup_fixture_create(NAME, COMPRESSION_NONE));
        flip(NAME ".db", -1);
        assert_fails(NAME, "SHA-256");
}

static void test_a_truncated_file_fails(void **state)
{
        manifest_free(backup_fixture_create(NAME, COMPRESSION_GZIP));
        assert_int_equal(truncate(backup_fixture_path(NAME ".db.gz"), 100), 0);
        assert_fails(NAME, "cut short");
}

static void test_a_file_put_in_its_place_fails(void **state)
{
        sqlite3 *handle;

        manifest_free(backup_fixture_create(NAME, COMPRESSION_NONE));
        handle = fixture_open(backup_fixture_path(NAME ".db"));
        fixture_execute(handle, "DELETE FROM users");
        fixture_close(handle);
        assert_fails(NAME, "SHA-256");
}

static void test_a_missing_file_is_no_verdict(void **state)
{
        _cleanup_(manifest_freep) Manifest *manifest = backup_fixture_create(NAME, COMPRESSION_GZIP),
                                           *verified = NULL, *stored = NULL;
        Fault fault = {0};

        assert_int_equal(unlink(backup_fixture_path(NAME ".db.gz")), 0);
        assert_int_equal(verify(manifest, &verified, &fault), fault_errno(FAULT_CANNOT_OPEN));
        fixture_assert_fault(&fault, FAULT_CANNOT_OPEN, NAME ".db.gz");
        assert_null(verified);
        stored = stored_manifest(NAME ".db.gz");
        assert_null(stored->verification_fault);
}

static void make_adopted(const char *file, bool wal)
{
        sqlite3 *handle = fixture_open(backup_fixture_path(file));

        fixture_execute(handle, "CREATE TABLE users(id INTEGER PRIMARY KEY)");
        fixture_execute(handle, "INSERT INTO users VALUES(1), (2)");
        if (wal)
                fixture_execute(handle, "PRAGMA journal_mode=WAL");
        fixture_close(handle);
}

static void test_an_adopted_file_gets_a_manifest(void **state)
{
        _cleanup_(manifest_freep) Manifest *stored = NULL;

        make_adopted(NAME ".db", false);
        assert_passes(NAME);
        stored = stored_manifest(NAME ".db");
        assert_true(stored->adopted);
        assert_int_equal(stored->kind, BACKUP_IMPORTED);
        assert_int_equal(stored->created_usec, UINT64_C(1769219181000000));
        assert_int_equal(stored->n_tables, 1);
        assert_int_equal(stored->tables[0].rows, 2);
        assert_int_equal(stored->pages * stored->page_size_bytes, stored->database_bytes);
        backup_fixture_assert_names(NAME ".db " NAME ".db.meta ");
        assert_passes(NAME);
}

/* SQLite would put a -wal beside a file of this kind, and write to it. */
static void test_a_wal_database_is_not_touched(void **state)
{
        struct stat before, after;

        make_adopted(NAME ".db", true);
        assert_int_equal(stat(backup_fixture_path(NAME ".db"), &before), 0);
        assert_passes(NAME);
        assert_int_equal(stat(backup_fixture_path(NAME ".db"), &after), 0);
        assert_memory_equal(&before.st_mtim, &after.st_mtim, sizeof before.st_mtim);
        backup_fixture_assert_names(NAME ".db " NAME ".db.meta ");
}

static void test_fields_of_a_foreign_manifest_survive(void **state)
{
        static const char foreign[] = "{\"timestamp\": \"20260124_014621\", \"tables\": [\"users\"]}";
        _cleanup_free_ char *text = NULL;
        size_t size;

        make_adopted("backup_x.db", false);
        fixture_write(backup_fixture_path("backup_x.db.meta"), foreign, sizeof foreign - 1);
        assert_passes("backup_x");
        text = fixture_read(backup_fixture_path("backup_x.db.meta"), &size);
        assert_non_null(strstr(text, "\"timestamp\": \"20260124_014621\""));
        assert_non_null(strstr(text, "\"tables\""));
        assert_non_null(strstr(text, "\"adopted\": true"));
        assert_null(strstr(text, "\"created_usec\": 0"));
}

static void test_a_damaged_adopted_file_fails(void **state)
{
        make_adopted(NAME ".db", false);
        assert_int_equal(truncate(backup_fixture_path(NAME ".db"), 5000), 0);
        assert_fails(NAME, "damaged");
        fixture_write(backup_fixture_path("backup_x.db"), "rubbish", 7);
        assert_fails("backup_x", "backup_x.db");
        fixture_write(backup_fixture_path("backup_y.db"), "", 0);
        assert_fails("backup_y", "empty");
}

static void test_an_unreadable_manifest_is_left_as_it_is(void **state)
{
        _cleanup_(manifest_freep) Manifest *manifest = NULL, *verified = NULL;
        _cleanup_free_ char *text = NULL;
        Fault fault = {0};
        size_t size;

        manifest_free(backup_fixture_create(NAME, COMPRESSION_GZIP));
        fixture_write(backup_fixture_path(NAME ".db.gz.meta"), "{", 1);
        manifest = listed(NAME);
        assert_int_equal(verify(manifest, &verified, &fault), fault_errno(FAULT_CORRUPT));
        fixture_assert_fault(&fault, FAULT_CORRUPT, NAME ".db.gz.meta");
        assert_non_null(verified->problem);
        assert_non_null(verified->verification_fault);
        text = fixture_read(backup_fixture_path(NAME ".db.gz.meta"), &size);
        assert_string_equal(text, "{");
}

/* An encrypted backup, made where no identity is, and an identity that opens it. */
static Manifest *create_encrypted(AgeIdentities **ret_identities)
{
        CreateRequest request = backup_fixture_request(NAME, COMPRESSION_GZIP);
        char text[AGE_IDENTITY_TEXT_MAX];
        AgeRecipients recipients = {.n_items = 1};
        AgeIdentity identity;
        Manifest *manifest;

        assert_int_equal(age_identity_generate(&identity, NULL), 0);
        age_identity_format(&identity, text);
        assert_int_equal(age_identities_new(ret_identities, NULL), 0);
        assert_int_equal(age_identities_parse(*ret_identities, text, strlen(text), NULL), 0);
        recipients.items[0] = identity.recipient;
        request.recipients = &recipients;
        assert_int_equal(create_backup(&request, &backup_fixture_progress, &manifest, NULL), 0);
        return manifest;
}

static int verify_with(
                const Manifest *manifest, const AgeIdentities *identities, Manifest **ret, Fault *fault)
{
        return verify_backup(backup_fixture_fd(),
                        backup_fixture_directory(),
                        manifest,
                        identities,
                        (Effort){.threads = 2},
                        LATER_USEC,
                        &backup_fixture_progress,
                        ret,
                        fault);
}

static void test_encrypted_with_its_identity(void **state)
{
        _cleanup_(age_identities_freep) AgeIdentities *identities = NULL;
        _cleanup_(manifest_freep) Manifest *manifest = create_encrypted(&identities), *verified = NULL;
        size_t size;
        _cleanup_free_ char *stored = NULL;

        assert_string_equal(manifest->file, NAME ".db.gz.age");
        assert_true(manifest_is_verified(manifest));
        assert_int_equal(verify_with(manifest, identities, &verified, NULL), 0);
        assert_int_equal(verified->verified_usec, LATER_USEC);
        assert_string_equal(verified->encryption_recipients, manifest->encryption_recipients);
        stored = fixture_read(backup_fixture_path(manifest->file), &size);
        assert_memory_equal(stored, "age-encryption.org/v1\n", 22);
        backup_fixture_assert_names(NAME ".db.gz.age " NAME ".db.gz.age.meta ");
}

static void test_encrypted_without_an_identity(void **state)
{
        _cleanup_(age_identities_freep) AgeIdentities *identities = NULL;
        _cleanup_(manifest_freep) Manifest *manifest = create_encrypted(&identities), *verified = NULL,
                                           *stored = NULL;
        Fault fault = {0};

        assert_int_equal(verify(manifest, &verified, &fault), fault_errno(FAULT_KEY_UNAVAILABLE));
        fixture_assert_fault(&fault, FAULT_KEY_UNAVAILABLE, "not that it can be decrypted");
        assert_null(verified);
        stored = stored_manifest(manifest->file);
        assert_int_equal(stored->verified_usec, manifest->verified_usec);
        assert_null(stored->verification_fault);
        backup_fixture_assert_names(NAME ".db.gz.age " NAME ".db.gz.age.meta ");

        /* Damage is seen all the same. */
        flip(manifest->file, -1);
        assert_int_equal(verify(manifest, &verified, &fault), fault_errno(FAULT_CORRUPT));
        fixture_assert_fault(&fault, FAULT_CORRUPT, "SHA-256");
        assert_non_null(verified->verification_fault);
}

static void test_cancelled(void **state)
{
        _cleanup_(manifest_freep) Manifest *manifest = backup_fixture_create(NAME, COMPRESSION_GZIP),
                                           *verified = NULL, *stored = NULL;
        Fault fault = {0};

        progress_cancel(&backup_fixture_progress);
        assert_int_equal(verify(manifest, &verified, &fault), fault_errno(FAULT_CANCELLED));
        fault_done(&fault);
        stored = stored_manifest(NAME ".db.gz");
        assert_int_equal(stored->verified_usec, manifest->verified_usec);
        backup_fixture_assert_names(NAME ".db.gz " NAME ".db.gz.meta ");
}

/* Unpacking takes room; without it there is no verdict, and nothing is lost. */
static void test_full_disk(void **state)
{
        _cleanup_free_ char *small = strdup(fixture_mount_small(512 * KIB)), *ballast = NULL;
        _cleanup_(manifest_freep) Manifest *manifest = NULL;

        backup_fixture_move(small);
        manifest = backup_fixture_create(NAME, COMPRESSION_GZIP);
        assert_true(asprintf(&ballast, "%s/ballast", small) > 0);
        for (int64_t room_bytes = 0;; room_bytes += 4096) {
                _cleanup_close_ int fd = open(ballast, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
                _cleanup_(manifest_freep) Manifest *verified = NULL, *stored = NULL;
                _cleanup_fault_ Fault fault = {0};

                assert_true(room_bytes < (int64_t) (256 * KIB));
                assert_int_equal(posix_fallocate(fd, 0, (off_t) (496 * KIB) - room_bytes), 0);
                if (verify(manifest, &verified, &fault) >= 0)
                        break;
                assert_int_equal(fault.code, FAULT_NO_SPACE);
                stored = stored_manifest(NAME ".db.gz");
                assert_true(manifest_is_verified(stored));
                backup_fixture_assert_names(NAME ".db.gz " NAME ".db.gz.meta ballast ");
        }
        assert_passes(NAME);
}

static void prepare_one(void)
{
        manifest_free(backup_fixture_create(NAME, COMPRESSION_GZIP));
}

static void verify_in_child(void)
{
        _cleanup_(manifest_freep) Manifest *manifest = stored_manifest(NAME ".db.gz"), *verified = NULL;

        if (verify(manifest, &verified, NULL) < 0)
                _exit(1);
}

static void check_after_kill(const char *point)
{
        unsigned removed;

        assert_int_equal(create_clean_up_leftovers(backup_fixture_fd(), &removed, NULL), 0);
        backup_fixture_assert_names(NAME ".db.gz " NAME ".db.gz.meta ");
        assert_passes(NAME);
}

static void test_killed_at_every_step(void **state)
{
        backup_fixture_kill_everywhere(prepare_one, verify_in_child, check_after_kill);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, backup_fixture_setup, backup_fixture_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                        TEST(test_good_backups_pass),
                        TEST(test_any_flipped_bit_fails),
                        TEST(test_a_flipped_bit_in_a_plain_backup_fails),
                        TEST(test_a_truncated_file_fails),
                        TEST(test_a_file_put_in_its_place_fails),
                        TEST(test_a_missing_file_is_no_verdict),
                        TEST(test_an_adopted_file_gets_a_manifest),
                        TEST(test_a_wal_database_is_not_touched),
                        TEST(test_fields_of_a_foreign_manifest_survive),
                        TEST(test_a_damaged_adopted_file_fails),
                        TEST(test_an_unreadable_manifest_is_left_as_it_is),
                        TEST(test_encrypted_with_its_identity),
                        TEST(test_encrypted_without_an_identity),
                        TEST(test_cancelled),
                        TEST(test_full_disk),
                        TEST(test_killed_at_every_step),
        };

        return cmocka_run_group_tests_name("verify", tests, NULL, NULL);
}
