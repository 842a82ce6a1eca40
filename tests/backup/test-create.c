/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup-fixture.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "backup/stored-image.h"

#define EARLIER "backup_20260101_000000"
#define NAME "backup_20260124_014621"
#define EARLIER_FILES EARLIER ".db.gz " EARLIER ".db.gz.meta "
#define BOTH_FILES EARLIER_FILES NAME ".db.gz " NAME ".db.gz.meta "

static void assert_names(const char *wanted)
{
        _cleanup_free_ char *names = backup_fixture_names();

        assert_string_equal(names, wanted);
}

static int create(const CreateRequest *request, Fault *fault)
{
        _cleanup_(manifest_freep) Manifest *manifest = NULL;

        return create_backup(request, &backup_fixture_progress, &manifest, fault);
}

/* Opens the backup's image with plain SQLite. */
static void assert_restorable(const Manifest *manifest)
{
        _cleanup_close_ int stored_fd = open(backup_fixture_path(manifest->file), O_RDONLY | O_CLOEXEC);
        _cleanup_close_ int image_fd =
                        open(fixture_path("image.db"), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        _cleanup_fault_ Fault fault = {0};
        StoredImage image;
        sqlite3 *handle;

        assert_int_equal(stored_image_read(stored_fd,
                                         manifest->compression,
                                         NULL,
                                         image_fd,
                                         (Effort){.threads = 3},
                                         &backup_fixture_progress,
                                         &image,
                                         &fault),
                        0);
        assert_string_equal(image.blocks_sha256, manifest->blocks_sha256);
        assert_string_equal(image.stored_sha256, manifest->stored_sha256);
        assert_int_equal(image.database_bytes, manifest->database_bytes);
        assert_int_equal(image.stored_bytes, manifest->stored_bytes);
        handle = fixture_open(fixture_path("image.db"));
        assert_int_equal(fixture_integer(handle, "SELECT count(*) FROM users"), 3);
        fixture_close(handle);
        assert_int_equal(fixture_file_size(fixture_path("image.db-wal")), -1);
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
        assert_names(NAME ".db.gz " NAME ".db.gz.meta ");
        assert_restorable(manifest);

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
        assert_int_equal(status.st_mode & 07777, 0640);
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

        assert_names(NAME ".db " NAME ".db.meta ");
        assert_restorable(manifest);
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
        assert_restorable(manifest);
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
        assert_names("");
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
        assert_names("");
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
        assert_names(NAME ".db.gz ");
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
        assert_names(EARLIER_FILES);
        assert_restorable(earlier);
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
        assert_names("");
}

static void test_cancelled(void **state)
{
        CreateRequest request = backup_fixture_request(NAME, COMPRESSION_GZIP);
        Fault fault = {0};

        progress_cancel(&backup_fixture_progress);
        assert_int_equal(create(&request, &fault), fault_errno(FAULT_CANCELLED));
        fault_done(&fault);
        assert_names("");
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
                assert_names(EARLIER_FILES);
                assert_string_equal(backup_fixture_digest(EARLIER ".db.gz"), digest);
                refused++;
        }
        assert_true(refused > 20);
        assert_names(BOTH_FILES);
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
        assert_restorable(earlier);
        if (strcmp(names, BOTH_FILES) == 0) {
                assert_int_equal(manifest_load(backup_fixture_fd(), NAME ".db.gz", &manifest, &fault), 0);
                assert_restorable(manifest);
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

static void damage(const char *file)
{
        char rubbish[64];

        memset(rubbish, 0x5a, sizeof rubbish);
        fixture_overwrite(backup_fixture_path(file), 100, rubbish, sizeof rubbish);
}

static void damage_stored(void)
{
        damage("." NAME ".db.gz.tmp");
}

/* In the time of a gzip header, which no reader looks at. */
static void damage_stored_a_little(void)
{
        fixture_overwrite(backup_fixture_path("." NAME ".db.gz.tmp"), 4, "T", 1);
}

static void damage_copy(void)
{
        damage("." NAME ".db.gz.copy.tmp");
}

/* The disk gives back something else than was written to it; that says nothing about the database. */
static void test_what_reads_back_otherwise_is_not_published(void **state)
{
        prepare_earlier();
        assert_int_equal(backup_fixture_stop_at("create-stored", create_and_tell, damage_stored),
                        fault_exit_code(FAULT_IO));
        assert_int_equal(backup_fixture_stop_at("create-stored", create_and_tell, damage_stored_a_little),
                        fault_exit_code(FAULT_IO));
        assert_names(EARLIER_FILES);
}

static void assert_made_from(const Manifest *earlier, bool wanted_damaged)
{
        CreateRequest request = backup_fixture_request(NAME, COMPRESSION_GZIP);
        _cleanup_(manifest_freep) Manifest *manifest = NULL;
        _cleanup_fault_ Fault fault = {0};
        bool damaged = false;

        request.older = earlier;
        request.ret_older_damaged = &damaged;
        if (create_backup(&request, &backup_fixture_progress, &manifest, &fault) < 0)
                fail_msg("%s", fault.message);
        assert_int_equal(damaged, wanted_damaged);
        assert_restorable(manifest);
}

/* Neither rot of the older one nor its absence costs the new one anything. */
static void test_an_older_backup_that_rots_is_not_built_upon(void **state)
{
        _cleanup_(manifest_freep) Manifest *earlier = backup_fixture_create(EARLIER, COMPRESSION_GZIP);
        _cleanup_free_ char *digest = NULL;

        assert_made_from(earlier, false);
        digest = strdup(backup_fixture_digest(NAME ".db.gz"));
        assert_string_equal(digest, backup_fixture_digest(EARLIER ".db.gz"));

        backup_fixture_clear();
        prepare_earlier();
        damage(EARLIER ".db.gz");
        assert_made_from(earlier, true);
        assert_names(BOTH_FILES);

        backup_fixture_clear();
        assert_made_from(earlier, false);
}

/* What is not known to be the index that was proved is not even looked at. */
static void test_an_older_backup_of_another_index_is_not_built_upon(void **state)
{
        _cleanup_(manifest_freep) Manifest *earlier = backup_fixture_create(EARLIER, COMPRESSION_GZIP);

        earlier->index_sha256[0] ^= 1; /* another digit */
        assert_made_from(earlier, true);

        backup_fixture_clear();
        prepare_earlier();
        damage(EARLIER ".db.gz");
        earlier->index_sha256[0] = '\0';
        assert_made_from(earlier, false);
}

static void test_a_copy_that_fails_its_check_is_not_published(void **state)
{
        prepare_earlier();
        assert_int_equal(backup_fixture_stop_at("create-copied", create_and_tell, damage_copy),
                        fault_exit_code(FAULT_CORRUPT));
        assert_names(EARLIER_FILES);
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
        assert_names(EARLIER_FILES NAME ".db.gz ");
        assert_int_equal(fixture_file_size(backup_fixture_path(NAME ".db.gz")), 6);
}

/* An identity that does not open it is told, and is no reason to be without a backup. */
static void test_encrypted_for_somebody_else(void **state)
{
        CreateRequest request = backup_fixture_request("backup_20260124_014621", COMPRESSION_NONE);
        _cleanup_(age_identities_freep) AgeIdentities *identities = NULL;
        _cleanup_(manifest_freep) Manifest *manifest = NULL, *second = NULL;
        _cleanup_fault_ Fault key_fault = {0}, fault = {0};
        AgeRecipients recipients = {.n_items = 1};
        AgeIdentity own, other;
        char text[AGE_IDENTITY_TEXT_MAX];

        assert_int_equal(age_identity_generate(&own, NULL), 0);
        assert_int_equal(age_identity_generate(&other, NULL), 0);
        age_identity_format(&own, text);
        assert_int_equal(age_identities_new(&identities, NULL), 0);
        assert_int_equal(age_identities_parse(identities, text, strlen(text), NULL), 0);
        request.recipients = &recipients;
        request.identities = identities;
        request.ret_key_fault = &key_fault;
        recipients.items[0] = own.recipient;
        assert_int_equal(create_backup(&request, &backup_fixture_progress, &manifest, &fault), 0);
        assert_int_equal(key_fault.code, FAULT_NONE);
        recipients.items[0] = other.recipient;
        request.name = "backup_20260124_014622";
        assert_int_equal(create_backup(&request, &backup_fixture_progress, &second, &fault), 0);
        assert_int_equal(key_fault.code, FAULT_KEY_UNAVAILABLE);
        assert_true(second->encrypted);
        assert_string_equal(second->file, "backup_20260124_014622.db.age");
        assert_true(manifest_is_verified(second));
}

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
                        TEST(test_full_disk_at_every_step),
                        TEST(test_killed_at_every_step),
                        TEST(test_what_reads_back_otherwise_is_not_published),
                        TEST(test_an_older_backup_that_rots_is_not_built_upon),
                        TEST(test_an_older_backup_of_another_index_is_not_built_upon),
                        TEST(test_a_copy_that_fails_its_check_is_not_published),
                        TEST(test_a_name_taken_meanwhile_is_left_alone),
                        TEST(test_encrypted_for_somebody_else),
        };

        return cmocka_run_group_tests_name("create", tests, NULL, NULL);
}
