/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup-fixture.h"

#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "backup/create/unchanged.h"

#define FIRST "backup_20260124_014621"
#define SECOND "backup_20260124_074621"

/* Ahead of the clock that the files have their times from: they were not written just now. */
static uint64_t later_usec(void)
{
        return (uint64_t) time(NULL) * USEC_PER_SEC + USEC_PER_HOUR;
}

static Manifest *create(const char *name, const Manifest *older, uint64_t now_usec)
{
        CreateRequest request = backup_fixture_request(name, COMPRESSION_GZIP);
        _cleanup_fault_ Fault fault = {0};
        Manifest *manifest = NULL;

        request.older = older;
        request.now_usec = now_usec;
        if (create_backup(&request, &backup_fixture_progress, &manifest, &fault) < 0)
                fail_msg("%s", fault.message);
        return manifest;
}

static ino_t inode(const char *file)
{
        struct stat status;

        assert_int_equal(stat(backup_fixture_path(file), &status), 0);
        return status.st_ino;
}

static void change_database(void)
{
        sqlite3 *handle = fixture_open(backup_fixture_database());

        fixture_execute(handle, "INSERT INTO alerts VALUES(1, 1)");
        fixture_close(handle);
}

static void assert_read(const Manifest *manifest, uint64_t now_usec)
{
        assert_int_equal(manifest->copied_usec, now_usec);
        assert_int_equal(manifest->verified_usec, now_usec);
}

static void test_an_unchanged_database_is_not_read_again(void **state)
{
        uint64_t now_usec = later_usec();
        _cleanup_(manifest_freep) Manifest *first = create(FIRST, NULL, now_usec), *second = NULL,
                                           *loaded = NULL;

        assert_read(first, now_usec);
        second = create(SECOND, first, now_usec + USEC_PER_HOUR);
        assert_string_equal(second->name, SECOND);
        assert_int_equal(second->created_usec, now_usec + USEC_PER_HOUR);
        assert_int_equal(second->copied_usec, now_usec);
        /* It claims no more than was done. */
        assert_int_equal(second->verified_usec, now_usec);
        assert_string_equal(second->stored_sha256, first->stored_sha256);
        assert_string_equal(second->blocks_sha256, first->blocks_sha256);
        assert_int_not_equal(first->index_sha256[0], '\0');
        assert_string_equal(second->index_sha256, first->index_sha256);
        assert_int_equal(second->n_tables, first->n_tables);
        assert_int_equal(second->pages, first->pages);
        assert_true(manifest_shares_bytes(first, second));
        assert_int_equal(manifest_load(backup_fixture_fd(), second->file, &loaded, NULL), 0);
        assert_string_equal(loaded->fingerprint, first->fingerprint);
        assert_int_equal(inode(SECOND ".db.gz"), inode(FIRST ".db.gz"));
}

static void test_a_commit_is_never_missed(void **state)
{
        uint64_t now_usec = later_usec();
        _cleanup_(manifest_freep) Manifest *first = create(FIRST, NULL, now_usec), *second = NULL;

        change_database();
        second = create(SECOND, first, now_usec + USEC_PER_HOUR);
        assert_read(second, now_usec + USEC_PER_HOUR);
        assert_int_equal(second->tables[0].rows, 1);
        assert_int_not_equal(inode(SECOND ".db.gz"), inode(FIRST ".db.gz"));
}

/* In both kinds of journal, however close to the last backup, and though the quiet time has passed by the
 * clock that is given. */
static void test_no_commit_of_many_is_missed(void **state)
{
        static const char *const modes[] = {"PRAGMA journal_mode=WAL", "PRAGMA journal_mode=DELETE"};

        for (size_t i = 0; i < ELEMENTSOF(modes); i++) {
                _cleanup_(manifest_freep) Manifest *last = NULL;
                sqlite3 *handle = fixture_open(backup_fixture_database());
                uint64_t now_usec = later_usec();

                fixture_execute(handle, modes[i]);
                fixture_execute(handle, "DELETE FROM alerts");
                for (unsigned commits = 1; commits <= 20; commits++) {
                        char name[BACKUP_NAME_MAX];
                        Manifest *next;

                        fixture_execute(handle, "INSERT INTO alerts VALUES(NULL, 1)");
                        (void) snprintf(name, sizeof name, "backup_2026012%zu_0000%02u", i, commits);
                        next = create(name, last, now_usec + commits);
                        assert_int_equal(next->tables[0].rows, commits);
                        (void) manifest_free(last);
                        last = next;
                }
                fixture_close(handle);
        }
}

/* Every way in which the older one may not do. */
static void test_in_doubt_the_database_is_read(void **state)
{
        uint64_t now_usec = later_usec(), next_usec = now_usec + USEC_PER_HOUR;

        for (unsigned i = 0; i < 9; i++) {
                _cleanup_(manifest_freep) Manifest *first = create(FIRST, NULL, now_usec), *second = NULL;
                uint64_t then_usec = next_usec;

                switch (i) {
                case 0:
                        first->verified_usec = 0;
                        break;
                case 1:
                        first->verification_fault = strdup("row 1 missing from index");
                        break;
                case 2:
                        first->adopted = true;
                        break;
                case 3:
                        first->quick_check = true;
                        break;
                case 4: /* copied again once a day */
                        then_usec = now_usec + UNCHANGED_BOUND_USEC + 1;
                        break;
                case 5: /* the clock went back */
                        first->copied_usec = next_usec + 1;
                        break;
                case 6:
                        free(first->fingerprint);
                        first->fingerprint = NULL;
                        break;
                case 7: /* cut short */
                        assert_int_equal(truncate(backup_fixture_path(FIRST ".db.gz"), 100), 0);
                        break;
                case 8: /* made by a version that noted no such digest */
                        first->blocks_sha256[0] = '\0';
                        break;
                }
                second = create(SECOND, first, then_usec);
                assert_read(second, then_usec);
                assert_int_not_equal(second->blocks_sha256[0], '\0');
                assert_int_not_equal(inode(SECOND ".db.gz"), inode(FIRST ".db.gz"));
                backup_fixture_clear();
        }
}

static void test_an_older_one_that_is_gone_is_no_reason_to_fail(void **state)
{
        uint64_t now_usec = later_usec();
        _cleanup_(manifest_freep) Manifest *first = create(FIRST, NULL, now_usec), *second = NULL;

        backup_fixture_clear();
        second = create(SECOND, first, now_usec + USEC_PER_HOUR);
        assert_read(second, now_usec + USEC_PER_HOUR);
}

static Manifest *killed_first;

static void prepare(void)
{
        (void) manifest_free(killed_first);
        killed_first = create(FIRST, NULL, later_usec());
}

static void work(void)
{
        (void) manifest_free(create(SECOND, killed_first, killed_first->created_usec + USEC_PER_HOUR));
}

static void check(const char *point)
{
        _cleanup_free_ char *names = NULL;
        unsigned removed;

        assert_int_equal(create_clean_up_leftovers(backup_fixture_fd(), &removed, NULL), 0);
        names = backup_fixture_names();
        if (strcmp(names, FIRST ".db.gz " FIRST ".db.gz.meta ") != 0)
                assert_string_equal(names,
                                FIRST ".db.gz " FIRST ".db.gz.meta " SECOND ".db.gz " SECOND ".db.gz.meta ");
        assert_string_equal(backup_fixture_digest(FIRST ".db.gz"), killed_first->stored_sha256);
}

static void test_killed_at_every_step(void **state)
{
        backup_fixture_kill_everywhere(prepare, work, check);
        killed_first = manifest_free(killed_first);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, backup_fixture_setup, backup_fixture_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                        TEST(test_an_unchanged_database_is_not_read_again),
                        TEST(test_a_commit_is_never_missed),
                        TEST(test_no_commit_of_many_is_missed),
                        TEST(test_in_doubt_the_database_is_read),
                        TEST(test_an_older_one_that_is_gone_is_no_reason_to_fail),
                        TEST(test_killed_at_every_step),
        };

        return cmocka_run_group_tests_name("unchanged", tests, NULL, NULL);
}
