/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Sound databases of every strange kind: in words of SQLite versions to come, and with what only their
 * application has. None is damaged, each can be copied, and the copy is proved in the same way. */

#include "fixture.h"

#include <string.h>

#include "database/check/check.h"
#include "database/copy/snapshot.h"
#include "database/statistics/statistics.h"

typedef struct Strange {
        const char *sql;          /* as the application runs it, with its own collations and functions */
        const char *name, *words; /* an object, and its SQL in words that this SQLite need not know */
} Strange;

#define TABLE "CREATE TABLE p(id INTEGER PRIMARY KEY, name TEXT, n); "
#define VIEW TABLE "CREATE VIEW v AS SELECT 1"
#define TRIGGER TABLE "CREATE TRIGGER g AFTER INSERT ON p BEGIN SELECT 1; END"
#define INDEX TABLE "CREATE INDEX i ON p(name)"

static const Strange cases[] = {
                /* words of newer versions */
                {VIEW, "v", "CREATE VIEW v AS SELECT 1_000"},
                {VIEW, "v", "CREATE VIEW v AS SELECT 0x1_F"},
                {VIEW, "v", "CREATE VIEW v AS SELECT 1.5_0e1_0"},
                {VIEW, "v", "CREATE VIEW v AS SELECT iif(n, 1) FROM p"},
                {VIEW, "v", "CREATE VIEW v AS SELECT if(n, 1, 2) FROM p"},
                {VIEW, "v", "CREATE VIEW v AS SELECT group_concat(name, ',' ORDER BY name) FROM p"},
                {VIEW, "v", "CREATE VIEW v AS SELECT string_agg(name, ',') FROM p"},
                {VIEW, "v", "CREATE VIEW v AS SELECT median(n) WITHIN GROUP (ORDER BY n) FROM p"},
                {VIEW, "v", "CREATE VIEW v AS SELECT percentile(n, 5) FROM p"},
                {VIEW, "v", "CREATE VIEW v AS SELECT unistr('\\0041')"},
                {VIEW, "v", "CREATE VIEW v AS SELECT jsonb(name) FROM p"},
                {VIEW, "v", "CREATE VIEW v AS SELECT name ->> '$[#-1]' FROM p WHERE octet_length(name) > 2"},
                {VIEW, "v", "CREATE VIEW v AS SELECT concat_ws('-', name, n), timediff('now', n) FROM p"},
                {VIEW, "v", "CREATE VIEW v AS SELECT n FROM p WHERE n IS NOT DISTINCT FROM 3"},
                {VIEW, "v", "CREATE VIEW v AS SELECT * FROM other.t"},
                {VIEW, "v", "CREATE VIEW v AS SELECT * FROM nowhere"},
                {VIEW, "v", "CREATE VIEW v AS SELECT nothing FROM p"},
                {VIEW, "v", "CREATE VIEW v AS SELECT app_fold(name) FROM p"},
                {VIEW, "v", "CREATE VIEW v AS SELECT name FROM p ORDER BY name COLLATE APPSORT"},
                {VIEW, "v", "CREATE VIEW v AS FROM p SELECT name"},
                {VIEW, "v", "create view v as select 1 |> where 2"},
                {VIEW, "v", "CREATE VIEW v AS SELECT * EXCLUDE (n) FROM p"},
                {TRIGGER,
                                "g",
                                "CREATE TRIGGER g BEFORE INSERT ON p BEGIN SELECT RAISE(ABORT, 'no ' || "
                                "new.name); END"},
                {TRIGGER, "g", "CREATE TRIGGER g AFTER INSERT ON p BEGIN UPDATE p SET n = 1_0; END"},
                {TRIGGER,
                                "g",
                                "CREATE TRIGGER g AFTER INSERT ON p BEGIN INSERT INTO other.t VALUES(1); "
                                "END"},
                {TRIGGER, "g", "CREATE TRIGGER g AFTER INSERT ON p BEGIN SELECT app_fold(new.name); END"},
                {TRIGGER, "g", "CREATE TRIGGER g AFTER TRUNCATE ON p BEGIN SELECT 1; END"},
                {INDEX, "i", "CREATE INDEX i ON p(iif(n, name))"},
                {INDEX, "i", "CREATE INDEX i ON p(name) WHERE n > 1_000"},
                {INDEX, "i", "CREATE INDEX i ON p(jsonb(name))"},
                {INDEX, "i", "CREATE INDEX i ON p(name) INCLUDE (n)"},
                {INDEX, "i", "CREATE INDEX i ON p(name COLLATE UNICODE)"},
                {TABLE, "p", "CREATE TABLE p(id INTEGER PRIMARY KEY, name TEXT DEFAULT 1_0, n)"},
                {TABLE, "p", "CREATE TABLE p(id INTEGER PRIMARY KEY, name TEXT, n CHECK(n < 9_000))"},
                {TABLE, "p", "CREATE TABLE p(id INTEGER PRIMARY KEY, name TEXT, n) ORDERED"},
                {TABLE, "p", "CREATE TABLE p(id INTEGER PRIMARY KEY, name TEXT, n) STRICT, WITH TIME"},
                {TABLE, "p", "CREATE TABLE p(id INTEGER PRIMARY KEY, name TEXT, n, CHECK(if(n, 1)))"},
                {TABLE, "p", "CREATE TABLE p(id INTEGER PRIMARY KEY, name TEXT, n CHECK(app_fold(n)))"},
                {TABLE, "p", "CREATE TABLE p(id INTEGER PRIMARY KEY, name TEXT COLLATE UNICODE, n)"},
                {TABLE "CREATE TABLE m(a)", "m", "CREATE TABLE m(a UNIQUE ON CONFLICT WAIT)"},
                {TABLE "CREATE VIRTUAL TABLE f USING fts5(a)", "f", "CREATE VIRTUAL TABLE f USING fts6(a)"},
                {TABLE "CREATE VIRTUAL TABLE f USING fts5(a)",
                                "f",
                                "CREATE VIRTUAL TABLE f USING fts5(a, newoption=1)"},
                {TABLE "CREATE VIRTUAL TABLE f USING fts5(a)",
                                "f",
                                "CREATE VIRTUAL TABLE f USING fts5(a, tokenize='icu')"},
                {TABLE "CREATE VIRTUAL TABLE f USING fts4(a)",
                                "f",
                                "CREATE VIRTUAL TABLE f USING fts4(a, tokenize=icu fr)"},
                {TABLE "CREATE VIRTUAL TABLE r USING rtree(id, a, b)",
                                "r",
                                "CREATE VIRTUAL TABLE r USING geotree(id, a, b)"},
                {TABLE "CREATE VIRTUAL TABLE r USING rtree(id, a, b)",
                                "r",
                                "CREATE VIRTUAL TABLE r USING vec0(id, a, b)"},
                /* what the application has */
                {"CREATE TABLE q(name TEXT COLLATE NOCASE UNIQUE); " TABLE, NULL, NULL},
                {"CREATE TABLE q(name TEXT COLLATE NOCASE PRIMARY KEY) WITHOUT ROWID; " TABLE, NULL, NULL},
                {"CREATE TABLE q(name TEXT COLLATE APPSORT PRIMARY KEY); " TABLE, NULL, NULL},
                {"CREATE TABLE q(name TEXT COLLATE APPSORT PRIMARY KEY, x) WITHOUT ROWID; " TABLE,
                                NULL,
                                NULL},
                {TABLE "CREATE INDEX i ON p(name COLLATE APPSORT DESC, n)", NULL, NULL},
                {TABLE "CREATE INDEX i ON p(name COLLATE NOCASE)", NULL, NULL},
                {TABLE "CREATE UNIQUE INDEX i ON p(name COLLATE NOCASE, n)", NULL, NULL},
                {TABLE "CREATE INDEX i ON p(lower(name))", NULL, NULL},
                {TABLE "CREATE INDEX i ON p(app_fold(name), n)", NULL, NULL},
                {TABLE "CREATE INDEX i ON p(n) WHERE app_fold(name) > 2", NULL, NULL},
                {TABLE "CREATE INDEX i ON p(n) WHERE lower(name) > 2", NULL, NULL},
                {TABLE "ALTER TABLE p ADD COLUMN l AS (lower(name)); CREATE INDEX i ON p(l)", NULL, NULL},
                {TABLE "ALTER TABLE p ADD COLUMN l AS (app_fold(name))", NULL, NULL},
                /* unusual, and known */
                {"PRAGMA encoding='UTF-16le'; " TABLE "CREATE INDEX i ON p(name COLLATE NOCASE)",
                                NULL,
                                NULL},
                {"PRAGMA encoding='UTF-16be'; " VIEW, "v", "CREATE VIEW v AS SELECT 1_000"},
                {"PRAGMA auto_vacuum=FULL; " VIEW, "v", "CREATE VIEW v AS SELECT 1_000"},
                {"PRAGMA page_size=512; " INDEX, "i", "CREATE INDEX i ON p(iif(n, name))"},
                {"PRAGMA page_size=65536; " INDEX, "i", "CREATE INDEX i ON p(iif(n, name))"},
                {TABLE "CREATE TABLE [a b](\"select\" UNIQUE); ANALYZE", NULL, NULL},
                {TABLE "CREATE TABLE s(a TEXT, b ANY) STRICT; CREATE TABLE c(x CHECK(json_valid(x)))",
                                NULL,
                                NULL},
};

/* Other words sort first than in SQLite's own. */
static int compare_backwards(void *userdata, int n, const void *a, int m, const void *b)
{
        int r = memcmp(b, a, (size_t) MIN_OF(n, m));

        return r != 0 ? r : m - n;
}

static void count_letters(sqlite3_context *context, int n, sqlite3_value **values)
{
        sqlite3_result_int(context, sqlite3_value_bytes(values[0]) % 7);
}

static sqlite3 *open_application(const char *path)
{
        static const char *const collations[] = {"NOCASE", "APPSORT"}, *const functions[] = {
                                                                                       "lower", "app_fold"};
        sqlite3 *application = fixture_open(path);

        for (size_t i = 0; i < 2; i++) {
                assert_int_equal(sqlite3_create_collation(application,
                                                 collations[i],
                                                 SQLITE_UTF8,
                                                 NULL,
                                                 compare_backwards),
                                SQLITE_OK);
                assert_int_equal(sqlite3_create_function(application,
                                                 functions[i],
                                                 1,
                                                 SQLITE_UTF8 | SQLITE_DETERMINISTIC,
                                                 NULL,
                                                 count_letters,
                                                 NULL,
                                                 NULL),
                                SQLITE_OK);
        }
        return application;
}

static const char *create(const Strange *strange, size_t number)
{
        _cleanup_free_ char *file = NULL;
        const char *path;
        sqlite3 *application;

        assert_true(asprintf(&file, "strange-%zu.db", number) > 0);
        path = fixture_path(file);
        application = open_application(path);
        fixture_execute(application, strange->sql);
        fixture_execute(application,
                        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400)"
                        " INSERT INTO p(name, n) SELECT char(64 + i % 60) || i, i FROM n");
        if (strstr(strange->sql, "TABLE q("))
                fixture_execute(application, "INSERT INTO q(name) SELECT name FROM p");
        if (strange->name) {
                char *sql = sqlite3_mprintf("PRAGMA writable_schema=ON;"
                                            "UPDATE sqlite_schema SET sql=%Q WHERE name=%Q",
                                strange->words,
                                strange->name);

                fixture_execute(application, sql);
                sqlite3_free(sql);
        }
        fixture_close(application);
        return path;
}

static void assert_no_damage(const Strange *strange, const char *path, ConnectionMode mode)
{
        _cleanup_(check_result_done) CheckResult result = {0};
        _cleanup_fault_ Fault fault = {0};

        if (check_run(path, mode, CHECK_FULL, 1, NULL, &result, &fault) < 0)
                fail_msg("%s, %s: %s", strange->sql, strange->words, fault.message);
        if (result.damage != 0 || !result.healthy)
                fail_msg("%s, %s: %s", strange->sql, strange->words, result.first_finding);
}

static uint64_t count_rows(const Strange *strange, const char *path)
{
        _cleanup_(connection_closep) Connection *connection = fixture_connect(path, CONNECTION_PRIVATE);
        _cleanup_(statistics_done) Statistics statistics = {0};
        _cleanup_fault_ Fault fault = {0};
        uint64_t rows = 0;

        if (statistics_collect(connection, &statistics, &fault) < 0)
                fail_msg("%s, %s: %s", strange->sql, strange->words, fault.message);
        for (size_t i = 0; i < statistics.n_tables; i++)
                if (strcmp(statistics.tables[i].name, "p") == 0)
                        rows = statistics.tables[i].rows;
        return rows;
}

static void test_no_sound_database_is_damaged(void **state)
{
        assert_true(ELEMENTSOF(cases) >= 60);
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                const char *path = create(cases + i, i);
                _cleanup_free_ char *copy = NULL;
                _cleanup_fault_ Fault fault = {0};
                bool is_understood = !cases[i].name || strcmp(cases[i].name, "p") != 0;
                Snapshot snapshot;

                assert_true(asprintf(&copy, "%s.copy", path) > 0);
                assert_no_damage(cases + i, path, CONNECTION_READ);
                if (snapshot_copy(path, copy, NULL, &snapshot, &fault) < 0)
                        fail_msg("%s, %s: %s", cases[i].sql, cases[i].words, fault.message);
                assert_no_damage(cases + i, copy, CONNECTION_PRIVATE);
                if (is_understood)
                        assert_int_equal(count_rows(cases + i, copy), 400);
        }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                        TEST(test_no_sound_database_is_damaged),
        };

        return cmocka_run_group_tests_name("database/check-strange", tests, NULL, NULL);
}
