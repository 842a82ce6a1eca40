/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "restore-fixture.h"

#include <string.h>

#include "backup/restore/restore-compare.h"

static void create(const char *path)
{
        sqlite3 *application = fixture_open(path);

        fixture_execute(application,
                        "CREATE TABLE t(id INTEGER PRIMARY KEY, body TEXT); CREATE INDEX t_body ON t(body);"
                        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9000)"
                        " INSERT INTO t SELECT i, printf('%060d', i) FROM n");
        fixture_close(application);
}

/* As a restore does it, with all in the main file at the end. */
static void put_into(const char *source, const char *target)
{
        sqlite3 *from = fixture_open(source), *into = fixture_open(target);
        sqlite3_backup *backup;

        fixture_execute(into, "PRAGMA journal_mode=WAL; CREATE TABLE before(x)");
        backup = sqlite3_backup_init(into, "main", from, "main");
        assert_non_null(backup);
        assert_int_equal(sqlite3_backup_step(backup, -1), SQLITE_DONE);
        assert_int_equal(sqlite3_backup_finish(backup), SQLITE_OK);
        fixture_execute(into, "PRAGMA wal_checkpoint(TRUNCATE)");
        fixture_close(from);
        fixture_close(into);
}

static bool is_same(const char *source_path, const char *path)
{
        RestoreSource source = {.path = (char *) source_path};
        Progress progress;
        bool same;

        progress_init(&progress);
        same = restore_is_as_proved(&source, path, &progress);
        progress_done(&progress);
        return same;
}

static void test_what_was_restored_is_as_proved(void **state)
{
        const char *source = fixture_path("source.db"), *live = fixture_path("target.db");

        create(source);
        put_into(source, live);
        assert_true(is_same(source, live));
        /* A commit after it. */
        restore_fixture_execute(live, "PRAGMA journal_mode=DELETE; UPDATE t SET body = 'x' WHERE id = 5000");
        assert_false(is_same(source, live));
}

static void test_any_other_byte_counts(void **state)
{
        const char *source = fixture_path("source.db"), *live = fixture_path("target.db");
        static const size_t changed[] = {18, 19, 24, 27, 40, 43, 92, 99};
        _cleanup_free_ char *image = NULL;
        size_t size;

        create(source);
        image = fixture_read(source, &size);
        assert_true(size > 600 * KIB);
        for (size_t at = 0; at < size; at += at < 4096 ? 1 : 4093) {
                char other = (char) (image[at] ^ 0x10);
                bool is_changed = false;

                fixture_write(live, image, size);
                fixture_overwrite(live, at, &other, 1);
                for (size_t i = 0; i < ELEMENTSOF(changed); i += 2)
                        is_changed = is_changed || (at >= changed[i] && at <= changed[i + 1]);
                assert_int_equal(is_same(source, live), is_changed);
        }
        fixture_write(live, image, size - 1);
        assert_false(is_same(source, live));
        fixture_write(live, image, size);
        assert_true(is_same(source, live));
}

static void test_what_cant_be_read_is_not_the_same(void **state)
{
        const char *source = fixture_path("source.db"), *live = fixture_path("target.db");
        RestoreSource cancelled_source = {.path = (char *) source};
        Progress progress;

        create(source);
        assert_false(is_same(source, live));
        fixture_write(live, "", 0);
        assert_false(is_same(source, live));
        assert_false(is_same(live, live));
        assert_true(is_same(source, source));
        progress_init(&progress);
        progress_cancel(&progress);
        assert_false(restore_is_as_proved(&cancelled_source, source, &progress));
        progress_done(&progress);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, restore_fixture_setup, restore_fixture_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                        TEST(test_what_was_restored_is_as_proved),
                        TEST(test_any_other_byte_counts),
                        TEST(test_what_cant_be_read_is_not_the_same),
        };

        return cmocka_run_group_tests_name("backup/restore-compare", tests, NULL, NULL);
}
