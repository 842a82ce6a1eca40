/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is damage, to what, and what only looks like it. */

#include "fixture.h"

#include <string.h>

#include "database/check/check.h"

#define PAGE_BYTES 4096

/* Trees of every kind, each of several pages, and free pages. */
static void create(const char *path)
{
        sqlite3 *application = fixture_open(path);

        fixture_execute(application,
                        "PRAGMA page_size=4096; CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT, u UNIQUE);"
                        "CREATE INDEX t_name ON t(name); CREATE INDEX t_nocase ON t(name COLLATE NOCASE);"
                        "CREATE INDEX t_lower ON t(lower(name));"
                        "CREATE TABLE w(k TEXT PRIMARY KEY, v) WITHOUT ROWID; CREATE INDEX w_v ON w(v);"
                        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)"
                        " INSERT INTO t SELECT i, printf('name-%06d', i), i FROM n;"
                        "INSERT INTO w SELECT name, id FROM t;"
                        "CREATE TABLE long(b); INSERT INTO long VALUES(zeroblob(30000));"
                        "CREATE TABLE gone(b); INSERT INTO gone VALUES(zeroblob(600000)); DROP TABLE gone");
        fixture_close(application);
}

static void assert_damage_in(const char *path, ConnectionMode mode, unsigned damage, const char *words)
{
        CheckResult result = {0};
        Fault fault = {0};

        if (check_run(path, mode, CHECK_FULL, 1, NULL, &result, &fault) < 0)
                fail_msg("%s", fault.message);
        if (result.damage != damage)
                fail_msg("%s: %u instead of %u: %s, %s",
                                path,
                                result.damage,
                                damage,
                                result.first_finding,
                                result.unchecked);
        assert_int_equal(result.healthy, damage == 0);
        assert_true(damage == 0 ? result.n_findings == 0 || result.unchecked : result.n_findings > 0);
        words = words ? words : "";
        if (!strstr(damage != 0 ? result.first_finding : result.unchecked ? result.unchecked : "", words))
                fail_msg("%s: \"%s\", \"%s\" lacks \"%s\"",
                                path,
                                result.first_finding,
                                result.unchecked,
                                words);
        check_result_done(&result);
}

/* Found in the same way on a live database, with its pages in the -wal and without, and on a copy. */
static void assert_damage(const char *path, unsigned damage, const char *words)
{
        assert_damage_in(path, CONNECTION_READ, damage, words);
        assert_damage_in(path, CONNECTION_PRIVATE, damage, words);
}

static const char *create_as(const char *name)
{
        const char *path = fixture_path(name);

        create(path);
        return path;
}

/* A page of the tree: the first but its root, as far as it has others. */
static uint32_t page_of(const char *path, const char *tree, bool root)
{
        char *sql = sqlite3_mprintf(
                        root ? "SELECT rootpage FROM sqlite_schema WHERE name=%Q"
                             : "SELECT max(pageno) FROM dbstat WHERE name=%Q AND pagetype='leaf'",
                        tree);
        sqlite3 *application = fixture_open(path);
        int64_t page = fixture_integer(application, sql);

        sqlite3_free(sql);
        fixture_close(application);
        return (uint32_t) page;
}

static void test_what_is_damaged_follows_from_the_tree(void **state)
{
        static const struct {
                const char *tree;
                unsigned damage;
        } cases[] = {
                        {"t", DAMAGE_CONTENT},
                        {"w", DAMAGE_CONTENT},
                        {"t_name", DAMAGE_INDEXES},
                        {"t_nocase", DAMAGE_INDEXES},
                        {"t_lower", DAMAGE_INDEXES},
                        {"sqlite_autoindex_t_1", DAMAGE_INDEXES},
                        {"w_v", DAMAGE_INDEXES},
        };
        unsigned char rubbish[PAGE_BYTES];

        memset(rubbish, 0x5a, sizeof rubbish);
        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                for (int root = 0; root < 2; root++) {
                        _cleanup_free_ char *file = NULL;
                        const char *path;

                        assert_true(asprintf(&file, "tree-%zu-%d.db", i, root) > 0);
                        path = create_as(file);
                        fixture_overwrite(path,
                                        (uint64_t) (page_of(path, cases[i].tree, root) - 1) * PAGE_BYTES,
                                        rubbish,
                                        sizeof rubbish);
                        /* What the pages below a root were for is not told any more. */
                        assert_damage(path,
                                        cases[i].damage | (root ? (unsigned) DAMAGE_FREE_PAGES : 0),
                                        cases[i].tree);
                }
}

static void test_free_pages_are_no_content(void **state)
{
        static const struct {
                uint64_t offset;
                unsigned char value[4];
        } cases[] = {
                        {32, {0, 0, 0x7f, 0}}, /* the list begins beyond the end */
                        {32, {0, 0, 0, 0}},    /* or nowhere */
                        {36, {0, 0, 0, 9}},    /* its length */
                        {32, {0, 0, 0, 2}},    /* it begins with a page of a table */
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_free_ char *file = NULL;
                const char *path;

                assert_true(asprintf(&file, "free-%zu.db", i) > 0);
                path = create_as(file);
                fixture_overwrite(path, cases[i].offset, cases[i].value, 4);
                assert_damage(path, DAMAGE_FREE_PAGES, NULL);
        }
}

/* A page that two trees have would go with the one that is made again. */
static void test_index_with_a_page_of_a_table_is_no_matter_of_indexes(void **state)
{
        const char *path = create_as("foreign.db");
        uint32_t table = page_of(path, "w", true);
        char *sql = sqlite3_mprintf("PRAGMA writable_schema=ON;"
                                    "UPDATE sqlite_schema SET rootpage=%u WHERE name='w_v'",
                        table);
        sqlite3 *application = fixture_open(path);

        fixture_execute(application, sql);
        sqlite3_free(sql);
        fixture_close(application);
        assert_damage_in(path, CONNECTION_READ, DAMAGE_CONTENT | DAMAGE_FREE_PAGES, "w");
}

/* Other words sort first than in SQLite's own NOCASE. */
static int compare_backwards(void *userdata, int n, const void *a, int m, const void *b)
{
        int r = memcmp(b, a, (size_t) MIN_OF(n, m));

        return r != 0 ? r : m - n;
}

static void make_same(sqlite3_context *context, int n, sqlite3_value **values)
{
        sqlite3_result_int(context, sqlite3_value_int(values[0]) % 7);
}

/* An application's connection with things of its own. */
static sqlite3 *open_with_own(const char *path)
{
        sqlite3 *application = fixture_open(path);

        assert_int_equal(sqlite3_create_collation(
                                         application, "NOCASE", SQLITE_UTF8, NULL, compare_backwards),
                        SQLITE_OK);
        assert_int_equal(sqlite3_create_collation(
                                         application, "APPSORT", SQLITE_UTF8, NULL, compare_backwards),
                        SQLITE_OK);
        assert_int_equal(sqlite3_create_function(application,
                                         "lower",
                                         1,
                                         SQLITE_UTF8 | SQLITE_DETERMINISTIC,
                                         NULL,
                                         make_same,
                                         NULL,
                                         NULL),
                        SQLITE_OK);
        assert_int_equal(sqlite3_create_function(application,
                                         "app_fold",
                                         1,
                                         SQLITE_UTF8 | SQLITE_DETERMINISTIC,
                                         NULL,
                                         make_same,
                                         NULL,
                                         NULL),
                        SQLITE_OK);
        return application;
}

#define FILL                                                                                    \
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500) INSERT " \
        "INTO p(name) SELECT printf('%d-%s', i, CASE i % 2 WHEN 0 THEN 'a' ELSE 'B' END) FROM n"

/* Not one byte is damaged, and nothing has to be taken back. */
static void test_what_only_the_application_has_is_no_damage(void **state)
{
        static const struct {
                const char *sql, *words;
        } cases[] = {
                        {"CREATE TABLE p(id INTEGER PRIMARY KEY, name TEXT COLLATE NOCASE UNIQUE)",
                                        "sqlite_autoindex_p_1"},
                        {"CREATE TABLE p(name TEXT COLLATE NOCASE); CREATE INDEX p_name ON p(name)",
                                        "p_name"},
                        {"CREATE TABLE p(name TEXT); CREATE INDEX p_name ON p(name COLLATE NOCASE DESC)",
                                        "p_name"},
                        {"CREATE TABLE p(name TEXT COLLATE NOCASE PRIMARY KEY) WITHOUT ROWID", "p"},
                        {"CREATE TABLE p(name TEXT); CREATE INDEX p_name ON p(lower(name))", "p_name"},
                        {"CREATE TABLE p(name TEXT); CREATE INDEX p_name ON p(name) WHERE lower(name) > 3",
                                        "p_name"},
                        {"CREATE TABLE p(name TEXT, l AS (lower(name))); CREATE INDEX p_l ON p(l)", "p_l"},
                        {"CREATE TABLE p(name TEXT COLLATE APPSORT); CREATE INDEX p_name ON p(name)",
                                        "APPSORT"},
                        {"CREATE TABLE p(name TEXT COLLATE APPSORT PRIMARY KEY) WITHOUT ROWID", "APPSORT"},
                        {"CREATE TABLE p(name TEXT); CREATE INDEX p_name ON p(app_fold(name))", "app_fold"},
                        {"CREATE TABLE p(name TEXT); CREATE INDEX p_name ON p(name) WHERE app_fold(name)",
                                        "app_fold"},
                        {"CREATE TABLE p(name TEXT, l AS (app_fold(name)) STORED); CREATE INDEX p_l ON p(l)",
                                        NULL},
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_free_ char *file = NULL;
                const char *path;
                sqlite3 *application;

                assert_true(asprintf(&file, "own-%zu.db", i) > 0);
                path = create_as(file);
                application = open_with_own(path);
                fixture_execute(application, cases[i].sql);
                fixture_execute(application, FILL);
                fixture_close(application);
                assert_damage(path, 0, cases[i].words);
        }
}

/* In an index of such a collation, too, an entry that is not its row's is damage. */
static void test_entry_of_no_row_is_damage_in_any_collation(void **state)
{
        const char *path = create_as("entry.db");
        sqlite3 *application = fixture_open(path);
        char *copy, *at;
        size_t size;

        fixture_execute(application,
                        "DROP INDEX t_name; UPDATE t SET name = 'QUITE-UNIQUE' WHERE id = 7; VACUUM");
        fixture_close(application);
        copy = fixture_read(path, &size);
        /* The last one of them is that of the index: the table comes first. */
        for (at = NULL; size > 12; size--)
                if (memcmp(copy + size - 12, "QUITE-UNIQUE", 12) == 0) {
                        at = copy + size - 12;
                        break;
                }
        assert_non_null(at);
        fixture_overwrite(path, (uint64_t) (at - copy), "QUITE-UNIQUF", 12);
        free(copy);
        assert_damage(path, DAMAGE_INDEXES, "missing from index");
}

/* The pages that are damaged count, whatever else can't be checked. */
static void test_damage_beside_what_cannot_be_checked_is_damage(void **state)
{
        static const char rubbish[PAGE_BYTES];
        const char *path = create_as("both.db");
        uint32_t page = page_of(path, "t", false);
        sqlite3 *application = open_with_own(path);

        fixture_execute(application,
                        "CREATE TABLE p(name TEXT COLLATE APPSORT); CREATE INDEX p_name ON p(name)");
        fixture_close(application);
        fixture_overwrite(path, (uint64_t) (page - 1) * PAGE_BYTES, rubbish, sizeof rubbish);
        assert_damage(path, DAMAGE_CONTENT, "table t");
}

static void set_sql(const char *path, const char *name, const char *sql)
{
        char *statement = sqlite3_mprintf("PRAGMA writable_schema=ON;"
                                          "UPDATE sqlite_schema SET sql=%Q WHERE name=%Q",
                        sql,
                        name);
        sqlite3 *application = fixture_open(path);

        fixture_execute(application, statement);
        sqlite3_free(statement);
        fixture_close(application);
}

/* Whoever wrote it, and whatever it is, words do not damage a page; what they say is left out. */
static void test_schema_in_unknown_words_is_no_corruption(void **state)
{
        static const struct {
                const char *name, *sql;
        } cases[] = {
                        {"v", "CREATE VIEW v AS SELECT name FROM t WHATEVER COMES"},
                        {"v", "CREATE VIEW v AS SELECT 1_000"},
                        {"t_name", "CREATE INDEX t_name ON t(frobnicate(name) WHATEVER)"},
                        {"t", "CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT) WHATEVER"},
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                for (ConnectionMode mode = CONNECTION_READ; mode <= CONNECTION_PRIVATE;
                                mode += CONNECTION_PRIVATE - CONNECTION_READ) {
                        _cleanup_free_ char *file = NULL;
                        CheckResult result = {0};
                        Fault fault = {0};
                        sqlite3 *application;
                        const char *path;

                        assert_true(asprintf(&file, "words-%zu-%d.db", i, mode) > 0);
                        path = fixture_path(file);
                        create(path);
                        application = fixture_open(path);
                        fixture_execute(application, "CREATE VIEW v AS SELECT name FROM t");
                        fixture_close(application);
                        set_sql(path, cases[i].name, cases[i].sql);
                        if (check_run(path, mode, CHECK_FULL, 1, NULL, &result, &fault) < 0)
                                fail_msg("%s: %s", cases[i].sql, fault.message);
                        if (result.damage != 0)
                                fail_msg("%s: %s", cases[i].sql, result.first_finding);
                        assert_true(result.healthy);
                        assert_non_null(strstr(result.unchecked, cases[i].name));
                        check_result_done(&result);
                }
}

/* What the schema says can't be read, and the page that says it was written by nobody. */
static void test_schema_in_damaged_words_is_corruption(void **state)
{
        static const char *const words[] = {"CRUATE VIEW v AS SELECT 1", "CREATE VIEW v AS \x01 SELECT", ""};

        for (size_t i = 0; i < ELEMENTSOF(words); i++) {
                _cleanup_free_ char *file = NULL;
                const char *path;

                assert_true(asprintf(&file, "damaged-%zu.db", i) > 0);
                path = fixture_path(file);
                create(path);
                set_sql(path, "t_name", words[i]);
                assert_damage(path, DAMAGE_CONTENT, "sqlite_schema");
        }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                        TEST(test_what_is_damaged_follows_from_the_tree),
                        TEST(test_free_pages_are_no_content),
                        TEST(test_index_with_a_page_of_a_table_is_no_matter_of_indexes),
                        TEST(test_what_only_the_application_has_is_no_damage),
                        TEST(test_entry_of_no_row_is_damage_in_any_collation),
                        TEST(test_damage_beside_what_cannot_be_checked_is_damage),
                        TEST(test_schema_in_unknown_words_is_no_corruption),
                        TEST(test_schema_in_damaged_words_is_corruption),
        };

        return cmocka_run_group_tests_name("database/check-judge", tests, NULL, NULL);
}
