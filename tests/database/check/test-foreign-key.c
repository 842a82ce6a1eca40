/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fixture.h"

#include <string.h>

#include "database/check/foreign-key.h"

static uint64_t count(const char *path, const char *table)
{
        _cleanup_(connection_closep) Connection *connection = fixture_connect(path, CONNECTION_READ);
        _cleanup_fault_ Fault fault = {0};
        uint64_t violations = 0;

        if (foreign_keys_count(connection, table, &violations, &fault) < 0)
                fail_msg("%s", fault.message);
        return violations;
}

static uint64_t count_by_sqlite(const char *path, const char *table)
{
        sqlite3 *application = fixture_open(path);
        char *sql = sqlite3_mprintf("SELECT count(*) FROM pragma_foreign_key_check(%Q)", table);
        uint64_t n = (uint64_t) fixture_integer(application, sql);

        sqlite3_free(sql);
        fixture_close(application);
        return n;
}

/* Keys that are joined, and each reason for which one is not: the count is SQLite's own. */
static void test_counts_as_sqlite_does(void **state)
{
        static const struct {
                const char *parent, *child;
        } keys[] = {
                        {"id INTEGER PRIMARY KEY, u INTEGER UNIQUE, x", "c INTEGER REFERENCES p(id)"},
                        {"id INTEGER PRIMARY KEY, u INTEGER UNIQUE, x", "c INTEGER REFERENCES p"},
                        {"id INTEGER PRIMARY KEY, u INTEGER UNIQUE, x", "c INTEGER REFERENCES p(u)"},
                        {"id BIGINT PRIMARY KEY, u INT, x", "c BIGINT REFERENCES p(ID)"},
                        {"id INTEGER PRIMARY KEY, u TEXT UNIQUE, x", "c INTEGER REFERENCES p(u)"},
                        {"id INTEGER PRIMARY KEY, u INTEGER UNIQUE, x", "c TEXT REFERENCES p(u)"},
                        {"id INTEGER PRIMARY KEY, u INTEGER COLLATE NOCASE UNIQUE, x",
                                        "c INTEGER REFERENCES p(u)"},
                        {"id INTEGER, u INTEGER, x, PRIMARY KEY(id, u)",
                                        "c INTEGER, d INTEGER, FOREIGN KEY(c, d)"
                                        " REFERENCES p(id, u)"},
                        {"id INTEGER PRIMARY KEY, u INTEGER UNIQUE, x",
                                        "c INTEGER REFERENCES p(id) REFERENCES p(u)"},
                        {"id INTEGER PRIMARY KEY, u INTEGER UNIQUE, x", "c INTEGER REFERENCES nowhere(id)"},
                        {"id INTEGER PRIMARY KEY, u INTEGER UNIQUE, x",
                                        "\"C\" INTEGER REFERENCES \"P\"(\"Id\")"},
        };

        for (size_t i = 0; i < ELEMENTSOF(keys); i++) {
                const char *path = fixture_path("keys.db");
                sqlite3 *application;
                char *sql = sqlite3_mprintf(
                                "CREATE TABLE p(%s); CREATE TABLE k(%s);"
                                "INSERT INTO p VALUES(1, 10, 0),(2, 2, 0),(3, 30, 0),(7, 5, 0);"
                                "INSERT INTO k(c) VALUES(1),(2),(3),(7),(8),(30),('seven'),(2.5),(NULL)",
                                keys[i].parent,
                                keys[i].child);

                (void) unlink(path);
                application = fixture_open(path);
                fixture_execute(application, sql);
                sqlite3_free(sql);
                fixture_close(application);
                if (count(path, "k") != count_by_sqlite(path, "k"))
                        fail_msg("%zu: %ju, SQLite says %ju",
                                        i,
                                        (uintmax_t) count(path, "k"),
                                        (uintmax_t) count_by_sqlite(path, "k"));
        }
}

static void test_tables_without_keys_have_no_violations(void **state)
{
        const char *path = fixture_path("none.db");
        sqlite3 *application = fixture_open(path);

        fixture_execute(application, "CREATE TABLE t(a); INSERT INTO t VALUES(1)");
        fixture_close(application);
        assert_int_equal(count(path, "t"), 0);
}

/* A schema that can't be checked is no damage: it counts as one. */
static void test_parent_that_is_not_unique_counts_once(void **state)
{
        const char *path = fixture_path("mismatch.db");
        sqlite3 *application = fixture_open(path);

        fixture_execute(application,
                        "CREATE TABLE p(id INTEGER PRIMARY KEY, plain INTEGER);"
                        "CREATE TABLE k(c INTEGER REFERENCES p(plain)); INSERT INTO k VALUES(1),(2);"
                        "CREATE TABLE part(c INTEGER REFERENCES p(id)); INSERT INTO part VALUES(5),(6)");
        assert_int_equal(count(path, "k"), 1);
        assert_int_equal(count(path, "part"), 2);
        fixture_execute(application, "CREATE UNIQUE INDEX p_plain ON p(plain) WHERE id > 0");
        assert_int_equal(count(path, "k"), 1);
        fixture_execute(application, "CREATE UNIQUE INDEX p_whole ON p(plain)");
        assert_int_equal(count(path, "k"), 2);
        fixture_close(application);
}

/* One that knows of no key would leave nothing to count. */
static void test_a_table_that_answers_for_a_pragma_hides_nothing(void **state)
{
        const char *path = fixture_path("shadow.db");
        sqlite3 *application = fixture_open(path);

        fixture_execute(application,
                        "CREATE TABLE p(id INTEGER PRIMARY KEY);"
                        "CREATE TABLE k(c INTEGER REFERENCES p(id)); INSERT INTO k VALUES(1),(2);"
                        "CREATE VIRTUAL TABLE Pragma_Foreign_Key_List USING fts4(a)");
        assert_int_equal(count(path, "k"), 2);
        fixture_close(application);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                        TEST(test_counts_as_sqlite_does),
                        TEST(test_tables_without_keys_have_no_violations),
                        TEST(test_parent_that_is_not_unique_counts_once),
                        TEST(test_a_table_that_answers_for_a_pragma_hides_nothing),
        };

        return cmocka_run_group_tests_name("database/foreign-key", tests, NULL, NULL);
}
