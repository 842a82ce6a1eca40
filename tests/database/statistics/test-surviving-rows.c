/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fixture.h"

#include <string.h>

#include "database/statistics/surviving-rows.h"

#define PAGE_BYTES 4096

static const SurvivingTable *find(const SurvivingRows *survivors, const char *table)
{
        for (size_t i = 0; i < survivors->n_tables; i++)
                if (strcmp(survivors->tables[i].name, table) == 0)
                        return survivors->tables + i;
        fail_msg("%s is not in the list", table);
        return NULL;
}

/* Two tables of many pages, in rollback mode, one with an index. */
static void create(const char *path)
{
        sqlite3 *handle = fixture_open(path);

        fixture_execute(handle,
                        "CREATE TABLE indexed(id INTEGER PRIMARY KEY, word TEXT, filler BLOB);"
                        "CREATE TABLE plain(id INTEGER PRIMARY KEY, filler BLOB);"
                        "CREATE INDEX by_word ON indexed(word);"
                        "CREATE INDEX by_part ON indexed(word) WHERE id > 90;"
                        "CREATE VIEW v AS SELECT * FROM plain;"
                        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100)"
                        " INSERT INTO indexed SELECT i, 'word' || i, zeroblob(1000) FROM n;"
                        "INSERT INTO plain SELECT id, filler FROM indexed");
        fixture_close(handle);
}

/* Overwrites a leaf of the table, its fourth page in key order. */
static void damage(const char *path, const char *table)
{
        static const char rubbish[PAGE_BYTES] = "rubbish";
        sqlite3 *handle = fixture_open(path);
        char *sql = sqlite3_mprintf("SELECT pageno FROM dbstat WHERE name = %Q AND pagetype = 'leaf' "
                                    "ORDER BY path LIMIT 1 OFFSET 3",
                        table);
        uint64_t page = (uint64_t) fixture_integer(handle, sql);

        sqlite3_free(sql);
        fixture_close(handle);
        fixture_overwrite(path, (page - 1) * PAGE_BYTES, rubbish, sizeof rubbish);
}

static SurvivingRows count(const char *path)
{
        SurvivingRows survivors = {0};
        _cleanup_fault_ Fault fault = {0};

        assert_int_equal(surviving_rows_count(path, NULL, &survivors, &fault), 0);
        return survivors;
}

static void test_sound_database_is_counted(void **state)
{
        const char *path = fixture_path("live.db");
        _cleanup_(surviving_rows_done) SurvivingRows survivors = {0};

        create(path);
        survivors = count(path);
        assert_true(survivors.is_whole);
        assert_int_equal(survivors.n_tables, 2);
        assert_int_equal(find(&survivors, "plain")->rows, 100);
        assert_true(find(&survivors, "plain")->is_whole);
}

static void test_damaged_table_is_counted_by_its_index(void **state)
{
        const char *path = fixture_path("live.db");
        _cleanup_(surviving_rows_done) SurvivingRows survivors = {0};

        create(path);
        damage(path, "indexed");
        damage(path, "plain");
        survivors = count(path);
        assert_true(survivors.is_whole);
        assert_int_equal(find(&survivors, "indexed")->rows, 100);
        assert_true(find(&survivors, "indexed")->is_whole);
        assert_in_range(find(&survivors, "plain")->rows, 1, 99);
        assert_false(find(&survivors, "plain")->is_whole);
}

static void test_without_a_schema_nothing_is_counted(void **state)
{
        const char *path = fixture_path("live.db");
        _cleanup_(surviving_rows_done) SurvivingRows survivors = {0};
        _cleanup_fault_ Fault fault = {0};
        static const char rubbish[PAGE_BYTES - 100] = "rubbish";

        create(path);
        fixture_overwrite(path, 100, rubbish, sizeof rubbish);
        if (surviving_rows_count(path, NULL, &survivors, &fault) >= 0)
                assert_false(survivors.is_whole);
        assert_int_equal(survivors.n_tables, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
        const struct CMUnitTest tests[] = {
                        TEST(test_sound_database_is_counted),
                        TEST(test_damaged_table_is_counted_by_its_index),
                        TEST(test_without_a_schema_nothing_is_counted),
        };

        return cmocka_run_group_tests_name("surviving-rows", tests, NULL, NULL);
}
