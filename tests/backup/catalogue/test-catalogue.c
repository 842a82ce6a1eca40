/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup-fixture.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "backup/catalogue/catalogue.h"

#define OLDER "backup_20260101_000000"
#define NAME "backup_20260124_014621"

static const uint64_t name_usec = UINT64_C(1769219181) * USEC_PER_SEC;

static Catalogue *load(void)
{
        _cleanup_fault_ Fault fault = {0};
        Catalogue *catalogue = NULL;

        if (catalogue_load(backup_fixture_fd(), &catalogue, &fault) < 0)
                fail_msg("%s", fault.message);
        return catalogue;
}

static CatalogueChange refresh(Catalogue *catalogue, const char *file)
{
        _cleanup_fault_ Fault fault = {0};
        CatalogueChange change = 99;

        if (catalogue_refresh(catalogue, backup_fixture_fd(), file, &change, &fault) < 0)
                fail_msg("%s", fault.message);
        return change;
}

static const Manifest *find(const Catalogue *catalogue, const char *name_or_file)
{
        const CatalogueEntry *entry = catalogue_find(catalogue, name_or_file);

        if (!entry)
                fail_msg("%s is not listed", name_or_file);
        return entry->manifest;
}

/* The files in the catalogue's order, a space behind each. */
static void assert_files(const Catalogue *catalogue, const char *wanted)
{
        char files[2048] = "";

        for (size_t i = 0; i < catalogue->n_entries; i++) {
                (void) strcat(files, catalogue->entries[i].manifest->file);
                (void) strcat(files, " ");
        }
        assert_string_equal(files, wanted);
}

static void write_text(const char *file, const char *text)
{
        fixture_write(backup_fixture_path(file), text, strlen(text));
}

static void create(const char *name, Compression compression)
{
        manifest_free(backup_fixture_create(name, compression));
}

static void make_plain_database(const char *file)
{
        sqlite3 *handle = fixture_open(backup_fixture_path(file));

        fixture_execute(handle, "PRAGMA page_size=8192");
        fixture_execute(handle, "CREATE TABLE users(id INTEGER PRIMARY KEY)");
        fixture_close(handle);
}

static void test_empty_directory(void **state)
{
        _cleanup_(catalogue_freep) Catalogue *catalogue = load();

        assert_int_equal(catalogue->n_entries, 0);
        assert_null(catalogue_find(catalogue, NAME));
        assert_null(catalogue_newest_verified(catalogue));
        assert_int_equal(catalogue_newest_label_usec(catalogue), 0);
}

static void test_newest_first(void **state)
{
        _cleanup_(catalogue_freep) Catalogue *catalogue = NULL;

        create(OLDER, COMPRESSION_GZIP);
        /* Made at the fixture's time, in the second of NAME: the initial backup is the first in any second.
         */
        create(INITIAL_BACKUP_NAME, COMPRESSION_GZIP);
        create(NAME, COMPRESSION_NONE);
        catalogue = load();
        assert_files(catalogue, NAME ".db " INITIAL_BACKUP_NAME ".db.gz " OLDER ".db.gz ");
        assert_string_equal(find(catalogue, NAME)->file, NAME ".db");
        assert_string_equal(find(catalogue, OLDER ".db.gz")->name, OLDER);
        assert_string_equal(find(catalogue, INITIAL_BACKUP_NAME)->file, INITIAL_BACKUP_NAME ".db.gz");
        assert_null(catalogue_find(catalogue, NAME ".db.gz"));
        assert_null(catalogue_find(catalogue, "backup_20260124_014622"));
        assert_ptr_equal(catalogue_newest_verified(catalogue), catalogue->entries);
        assert_int_equal(catalogue_newest_label_usec(catalogue), name_usec);
        assert_null(find(catalogue, NAME)->problem);
        assert_false(find(catalogue, NAME)->adopted);
        assert_int_equal(find(catalogue, NAME)->n_tables, 2);
}

static void test_plain_files_are_adopted(void **state)
{
        static const struct timespec times[] = {
                        {.tv_nsec = UTIME_NOW}, {.tv_sec = 1000000000, .tv_nsec = 5000}};
        _cleanup_(catalogue_freep) Catalogue *catalogue = NULL;
        const Manifest *manifest;

        make_plain_database(NAME ".db");
        make_plain_database("backup_before_update.db");
        assert_int_equal(utimensat(backup_fixture_fd(), "backup_before_update.db", times, 0), 0);
        catalogue = load();
        assert_files(catalogue, NAME ".db backup_before_update.db ");

        manifest = find(catalogue, NAME);
        assert_true(manifest->adopted);
        assert_int_equal(manifest->kind, BACKUP_IMPORTED);
        assert_int_equal(manifest->created_usec, name_usec);
        assert_int_equal(manifest->page_size_bytes, 8192);
        assert_int_equal(manifest->pages, 2);
        assert_int_equal(manifest->database_bytes, 16384);
        assert_int_equal(manifest->stored_bytes, 16384);
        assert_int_equal(manifest->verified_usec, 0);
        assert_null(manifest->problem);
        assert_int_equal(find(catalogue, "backup_before_update")->created_usec,
                        UINT64_C(1000000000) * USEC_PER_SEC + 5);
        assert_null(catalogue_newest_verified(catalogue));
}

/* What a verification leaves of one that its disk does not give back: a manifest, and no digest in it. */
static void test_adopted_file_that_was_described_before_is_described_anew(void **state)
{
        _cleanup_(catalogue_freep) Catalogue *catalogue = NULL, *again = NULL;

        make_plain_database(NAME ".db");
        catalogue = load();
        assert_int_equal(manifest_store(backup_fixture_fd(), find(catalogue, NAME), NULL), 0);
        again = load();
        assert_true(find(again, NAME)->adopted);
        assert_int_equal(find(again, NAME)->pages, 2);
}

static void test_what_is_no_database_has_a_problem(void **state)
{
        _cleanup_(catalogue_freep) Catalogue *catalogue = NULL;

        write_text("backup_a.db", "");
        write_text("backup_b.db",
                        "rubbish that is longer than the header of a database, which has one hundred "
                        "bytes and begins with sixteen others");
        catalogue = load();
        assert_non_null(strstr(find(catalogue, "backup_a")->problem, "no SQLite database"));
        assert_non_null(strstr(find(catalogue, "backup_b")->problem, "no SQLite database"));
}

static void test_what_is_not_a_backup_is_not_listed(void **state)
{
        _cleanup_(catalogue_freep) Catalogue *catalogue = NULL;

        make_plain_database("oracxpred.db");
        make_plain_database(".backup_x.db.copy.tmp");
        write_text("backup_y.db-wal", "");
        assert_int_equal(mkdirat(backup_fixture_fd(), "backup_z.db", 0700), 0);
        assert_int_equal(symlinkat("/etc/passwd", backup_fixture_fd(), "backup_l.db"), 0);
        catalogue = load();
        assert_files(catalogue, "");
        assert_int_equal(unlinkat(backup_fixture_fd(), "backup_z.db", AT_REMOVEDIR), 0);
}

/* As they come back from elsewhere. A verification tells a whole one from half a copy. */
static void test_stored_files_without_a_manifest_are_adopted(void **state)
{
        _cleanup_(catalogue_freep) Catalogue *catalogue = NULL;
        const Manifest *manifest;

        create(NAME, COMPRESSION_GZIP);
        assert_int_equal(unlink(backup_fixture_path(NAME ".db.gz.meta")), 0);
        write_text("backup_a.db.gz", "rubbish");
        write_text("backup_b.db.age", "age-encryption.org/v1\n-> X25519");
        write_text("backup_c.db.gz.age", "rubbish");
        catalogue = load();
        assert_int_equal(catalogue->n_entries, 4);
        manifest = find(catalogue, NAME);
        assert_true(manifest->adopted);
        assert_int_equal(manifest->kind, BACKUP_IMPORTED);
        assert_int_equal(manifest->created_usec, name_usec);
        assert_int_equal(manifest->stored_bytes, fixture_file_size(backup_fixture_path(NAME ".db.gz")));
        assert_int_equal(manifest->database_bytes, 0);
        assert_false(manifest_is_verified(manifest));
        assert_null(manifest->problem);
        assert_non_null(strstr(find(catalogue, "backup_a")->problem, "no gzip file"));
        assert_null(find(catalogue, "backup_b")->problem);
        assert_true(find(catalogue, "backup_b")->encrypted);
        assert_non_null(strstr(find(catalogue, "backup_c")->problem, "no age file"));
}

static void test_an_older_tree_says_when_and_what_it_was(void **state)
{
        _cleanup_(catalogue_freep) Catalogue *catalogue = NULL;

        (void) setenv("TZ", "Europe/Paris", true);
        tzset();
        make_plain_database(INITIAL_BACKUP_NAME ".db");
        write_text(INITIAL_BACKUP_NAME ".db.meta", "{\"backup_time\": \"2026-01-24T02:46:21.901422\"}");
        make_plain_database("pre_restore_20260124_031600.db");
        write_text("pre_restore_20260124_031600.db.meta", "{\"backup_time\": \"2026-07-24T03:16:00\"}");
        make_plain_database(OLDER ".db");
        write_text(OLDER ".db.meta", "{\"backup_time\": \"yesterday\"}");
        catalogue = load();
        assert_int_equal(find(catalogue, INITIAL_BACKUP_NAME)->created_usec, name_usec + 901422);
        assert_int_equal(find(catalogue, "pre_restore_20260124_031600")->kind, BACKUP_PRE_RESTORE);
        assert_int_equal(find(catalogue, "pre_restore_20260124_031600")->created_usec,
                        UINT64_C(1784855760) * USEC_PER_SEC);
        assert_int_equal(find(catalogue, OLDER)->created_usec, UINT64_C(1767225600) * USEC_PER_SEC);
        (void) unsetenv("TZ");
        tzset();
}

/* Names must not run ahead of the clock for what others left there. */
static void test_a_stray_file_of_next_year_dates_no_name(void **state)
{
        _cleanup_(catalogue_freep) Catalogue *catalogue = NULL;

        create(NAME, COMPRESSION_GZIP);
        make_plain_database("backup_29990101_000000.db");
        assert_int_equal(symlinkat("/etc/passwd", backup_fixture_fd(), "backup_29990102_000000.db"), 0);
        catalogue = load();
        assert_int_equal(catalogue_newest_label_usec(catalogue), name_usec);
        assert_int_equal(refresh(catalogue, "backup_29990101_000000.db"), CATALOGUE_UNCHANGED);
        assert_int_equal(catalogue_newest_label_usec(catalogue), name_usec);
}

/* Its name is taken, so no new backup may get it. */
static void test_names_of_unlisted_files_are_not_given_again(void **state)
{
        _cleanup_(catalogue_freep) Catalogue *catalogue = NULL;

        write_text(NAME ".db.gz", "half of it");
        write_text("." NAME ".db.gz.meta.unfinished", "{}");
        catalogue = load();
        assert_files(catalogue, "");
        assert_int_equal(catalogue_newest_label_usec(catalogue), name_usec);
}

static void test_unfinished_backups_are_not_listed(void **state)
{
        _cleanup_(catalogue_freep) Catalogue *catalogue = NULL;

        create(NAME, COMPRESSION_NONE);
        assert_int_equal(renameat(backup_fixture_fd(),
                                         NAME ".db.meta",
                                         backup_fixture_fd(),
                                         "." NAME ".db.meta.unfinished"),
                        0);
        catalogue = load();
        assert_files(catalogue, "");
}

static void test_same_stem_twice(void **state)
{
        _cleanup_(catalogue_freep) Catalogue *catalogue = NULL, *again = NULL;

        create(NAME, COMPRESSION_GZIP);
        make_plain_database(NAME ".db");
        make_plain_database(NAME ".db-copy.db"); /* sorts between the two */
        catalogue = load();
        assert_string_equal(find(catalogue, NAME)->file, NAME ".db");
        assert_string_equal(find(catalogue, NAME ".db.gz")->name, NAME ".db.gz");
        assert_int_equal(catalogue->n_entries, 3);

        /* A refresh names them as a scan does. */
        assert_int_equal(catalogue_new(&again), 0);
        assert_int_equal(refresh(again, NAME ".db"), CATALOGUE_ADDED);
        assert_int_equal(refresh(again, NAME ".db.gz"), CATALOGUE_ADDED);
        assert_string_equal(find(again, NAME ".db.gz")->name, NAME ".db.gz");
        assert_int_equal(refresh(again, NAME ".db.gz"), CATALOGUE_UNCHANGED);
        catalogue_drop(again, NAME ".db");
        assert_null(catalogue_find(again, NAME));
        assert_string_equal(find(again, NAME ".db.gz")->name, NAME ".db.gz");
}

static void test_unreadable_manifest_is_a_problem_of_its_entry_alone(void **state)
{
        _cleanup_(catalogue_freep) Catalogue *catalogue = NULL;
        const Manifest *manifest;

        create(OLDER, COMPRESSION_GZIP);
        create(NAME, COMPRESSION_GZIP);
        write_text(NAME ".db.gz.meta", "{\"version\": 1, ");
        catalogue = load();
        assert_int_equal(catalogue->n_entries, 2);
        manifest = find(catalogue, NAME);
        assert_non_null(strstr(manifest->problem, NAME ".db.gz.meta"));
        assert_true(manifest->adopted);
        assert_int_equal(manifest->stored_bytes, fixture_file_size(backup_fixture_path(NAME ".db.gz")));
        assert_string_equal(catalogue_newest_verified(catalogue)->manifest->name, OLDER);
}

static void test_manifest_of_another_file_is_a_problem(void **state)
{
        _cleanup_(catalogue_freep) Catalogue *catalogue = NULL;

        create(NAME, COMPRESSION_GZIP);
        assert_int_equal(renameat(backup_fixture_fd(),
                                         NAME ".db.gz.meta",
                                         backup_fixture_fd(),
                                         OLDER ".db.gz.meta"),
                        0);
        catalogue = load();
        assert_non_null(strstr(find(catalogue, OLDER)->problem, "missing"));
        assert_true(find(catalogue, NAME)->adopted);
}

static void test_truncated_and_missing_files_are_problems(void **state)
{
        _cleanup_(catalogue_freep) Catalogue *catalogue = NULL;

        create(OLDER, COMPRESSION_GZIP);
        create(NAME, COMPRESSION_GZIP);
        assert_int_equal(truncate(backup_fixture_path(NAME ".db.gz"), 100), 0);
        assert_int_equal(unlink(backup_fixture_path(OLDER ".db.gz")), 0);
        catalogue = load();
        assert_non_null(strstr(find(catalogue, NAME)->problem, "cut short"));
        assert_non_null(strstr(find(catalogue, OLDER)->problem, "missing"));
        assert_null(catalogue_newest_verified(catalogue));
}

static void test_foreign_manifest_is_adopted(void **state)
{
        _cleanup_(catalogue_freep) Catalogue *catalogue = NULL;
        const Manifest *manifest;

        make_plain_database(NAME ".db");
        write_text(NAME ".db.meta", "{\"timestamp\": \"20260124_014621\", \"tables\": {\"users\": 3}}");
        catalogue = load();
        manifest = find(catalogue, NAME);
        assert_true(manifest->adopted);
        assert_null(manifest->problem);
        assert_int_equal(manifest->created_usec, name_usec);
        assert_int_equal(manifest->pages, 2);
        assert_non_null(manifest->unknown);
}

static void test_refresh_follows_what_happens(void **state)
{
        _cleanup_(catalogue_freep) Catalogue *catalogue = load();
        _cleanup_(manifest_freep) Manifest *manifest = NULL;
        _cleanup_fault_ Fault fault = {0};

        assert_int_equal(refresh(catalogue, NAME ".db.gz"), CATALOGUE_UNCHANGED);
        assert_int_equal(refresh(catalogue, "notes.txt"), CATALOGUE_UNCHANGED);
        manifest = backup_fixture_create(NAME, COMPRESSION_GZIP);
        assert_int_equal(refresh(catalogue, NAME ".db.gz.meta"), CATALOGUE_ADDED);
        assert_int_equal(refresh(catalogue, NAME ".db.gz"), CATALOGUE_UNCHANGED);
        create(OLDER, COMPRESSION_GZIP);
        assert_int_equal(refresh(catalogue, OLDER ".db.gz"), CATALOGUE_ADDED);
        assert_files(catalogue, NAME ".db.gz " OLDER ".db.gz ");

        catalogue_find(catalogue, NAME)->leases = 2;
        manifest->verified_usec++;
        assert_int_equal(manifest_store(backup_fixture_fd(), manifest, &fault), 0);
        assert_int_equal(refresh(catalogue, "." NAME ".db.gz.meta.unfinished"), CATALOGUE_CHANGED);
        assert_int_equal(catalogue_find(catalogue, NAME)->leases, 2);
        assert_int_equal(find(catalogue, NAME)->verified_usec, manifest->verified_usec);

        assert_int_equal(unlink(backup_fixture_path(NAME ".db.gz")), 0);
        assert_int_equal(refresh(catalogue, NAME ".db.gz"), CATALOGUE_CHANGED);
        assert_non_null(find(catalogue, NAME)->problem);
        assert_int_equal(unlink(backup_fixture_path(NAME ".db.gz.meta")), 0);
        assert_int_equal(refresh(catalogue, NAME ".db.gz"), CATALOGUE_REMOVED);
        assert_files(catalogue, OLDER ".db.gz ");
        /* The label is not given again. */
        assert_int_equal(catalogue_newest_label_usec(catalogue), name_usec);
}

static Manifest *make_manifest(unsigned second)
{
        char label[TIMESTAMP_LABEL_MAX];
        Manifest *manifest;

        assert_int_equal(manifest_new(&manifest), 0);
        manifest->created_usec = name_usec + second * USEC_PER_SEC;
        assert_int_equal(timestamp_format_label(manifest->created_usec, label), 0);
        assert_true(asprintf(&manifest->file, "backup_%s.db.gz", label) > 0);
        return manifest;
}

static void test_many_put_in_any_order_are_found(void **state)
{
        _cleanup_(catalogue_freep) Catalogue *catalogue = NULL;
        const unsigned n = 1009; /* a prime, so that the steps below visit every second once */

        assert_int_equal(catalogue_new(&catalogue), 0);
        for (unsigned i = 0; i < n; i++)
                assert_int_equal(catalogue_put(catalogue, make_manifest(i * 500 % n)), 0);
        assert_int_equal(catalogue_put(catalogue, make_manifest(7)), 0);
        assert_int_equal(catalogue->n_entries, n);
        for (unsigned i = 0; i + 1 < n; i++)
                assert_true(catalogue->entries[i].moment_usec > catalogue->entries[i + 1].moment_usec);
        for (unsigned i = 0; i < n; i++) {
                _cleanup_(manifest_freep) Manifest *wanted = make_manifest(i);

                assert_int_equal(find(catalogue, wanted->file)->created_usec, wanted->created_usec);
        }
        for (unsigned i = 0; i < n; i += 2) {
                _cleanup_(manifest_freep) Manifest *wanted = make_manifest(i);

                catalogue_drop(catalogue, wanted->file);
                assert_null(catalogue_find(catalogue, wanted->file));
        }
        assert_int_equal(catalogue->n_entries, n / 2);
}

static void test_put_refuses_what_is_no_backup(void **state)
{
        _cleanup_(catalogue_freep) Catalogue *catalogue = NULL;
        _cleanup_(manifest_freep) Manifest *manifest = make_manifest(0);

        free(manifest->file);
        manifest->file = strdup("notes.txt");
        assert_int_equal(catalogue_new(&catalogue), 0);
        assert_int_equal(catalogue_put(catalogue, manifest), -EINVAL);
        assert_int_equal(catalogue->n_entries, 0);
}

static void test_newest_verified_passes_over_the_doubtful(void **state)
{
        _cleanup_(catalogue_freep) Catalogue *catalogue = NULL;
        Manifest *manifests[4];

        assert_int_equal(catalogue_new(&catalogue), 0);
        for (unsigned i = 0; i < ELEMENTSOF(manifests); i++) {
                manifests[i] = make_manifest(i);
                manifests[i]->verified_usec = 1;
                assert_int_equal(catalogue_put(catalogue, manifests[i]), 0);
        }
        manifests[3]->verified_usec = 0;
        manifests[2]->problem = strdup("cut short");
        manifests[1]->verification_fault = strdup("damaged");
        assert_ptr_equal(catalogue_newest_verified(catalogue)->manifest, manifests[0]);
        assert_ptr_equal(catalogue_newest_reusable(catalogue)->manifest, manifests[0]);
        manifests[0]->adopted = true;
        assert_null(catalogue_newest_reusable(catalogue));
}

static void test_shared_bytes_are_counted_once(void **state)
{
        _cleanup_(catalogue_freep) Catalogue *catalogue = NULL;
        uint64_t bytes = 0;

        assert_int_equal(catalogue_new(&catalogue), 0);
        for (unsigned i = 0; i < 4; i++) {
                Manifest *manifest = make_manifest(i);

                manifest->stored_bytes = 1000;
                manifest->copied_usec = i < 2 ? i : 2;
                assert_int_equal(catalogue_put(catalogue, manifest), 0);
        }
        for (size_t i = 0; i < catalogue->n_entries; i++)
                bytes += catalogue_own_bytes(catalogue, i);
        assert_int_equal(bytes, 3000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, backup_fixture_setup, backup_fixture_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                        TEST(test_empty_directory),
                        TEST(test_newest_first),
                        TEST(test_plain_files_are_adopted),
                        TEST(test_adopted_file_that_was_described_before_is_described_anew),
                        TEST(test_what_is_no_database_has_a_problem),
                        TEST(test_what_is_not_a_backup_is_not_listed),
                        TEST(test_stored_files_without_a_manifest_are_adopted),
                        TEST(test_an_older_tree_says_when_and_what_it_was),
                        TEST(test_a_stray_file_of_next_year_dates_no_name),
                        TEST(test_names_of_unlisted_files_are_not_given_again),
                        TEST(test_unfinished_backups_are_not_listed),
                        TEST(test_same_stem_twice),
                        TEST(test_unreadable_manifest_is_a_problem_of_its_entry_alone),
                        TEST(test_manifest_of_another_file_is_a_problem),
                        TEST(test_truncated_and_missing_files_are_problems),
                        TEST(test_foreign_manifest_is_adopted),
                        TEST(test_refresh_follows_what_happens),
                        cmocka_unit_test(test_many_put_in_any_order_are_found),
                        cmocka_unit_test(test_put_refuses_what_is_no_backup),
                        cmocka_unit_test(test_newest_verified_passes_over_the_doubtful),
                        cmocka_unit_test(test_shared_bytes_are_counted_once),
        };

        return cmocka_run_group_tests_name("catalogue", tests, NULL, NULL);
}
