/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "import-fixture.h"

#include <string.h>

#define SCHEMA                                                                            \
        ",\"schema\":[" IMPORT_ENTRY("table",                                             \
                        "t",                                                              \
                        "t",                                                              \
                        "CREATE TABLE t(a NOT NULL, b UNIQUE)") "," IMPORT_ENTRY("table", \
                        "u",                                                              \
                        "u",                                                              \
                        "CREATE TABLE u(c)") "]"
#define DOCUMENT(tables) IMPORT_HEADER SCHEMA ",\n\"tables\":{" tables "}}"
#define U "\"u\":{\"columns\":[\"c\"],\"rows\":[]}"
#define ROWS(rows) DOCUMENT("\"t\":{\"columns\":[\"a\",\"b\"],\"rows\":[" rows "]}," U)
#define LINES(lines) IMPORT_HEADER SCHEMA "}\n" lines
#define T_LINE "{\"table\":\"t\",\"columns\":[\"a\",\"b\"]}\n"
#define U_LINE "{\"table\":\"u\",\"columns\":[\"c\"]}\n"

typedef struct Wrong {
        const char *text, *words;
} Wrong;

static void assert_all_refused(const Wrong *wrong, size_t n)
{
        for (size_t i = 0; i < n; i++)
                assert_non_null(strstr(
                                import_assert_refused(wrong[i].text, FAULT_INVALID_ARGUMENT, wrong[i].words),
                                "Line "));
}

static void test_wrong_rows(void **state)
{
        static const Wrong wrong[] = {
                        {ROWS("[1]"), "has 1 values"},
                        {ROWS("[1,2,3]"), "more values"},
                        {ROWS("[]"), "has 0 values"},
                        {ROWS("{}"), "a row is an array"},
                        {ROWS("1"), "a row is an array"},
                        {ROWS("[1,true]"), "a value is null"},
                        {ROWS("[1,[]]"), "a value is null"},
                        {ROWS("[1,{}]"), "expected \"blob\""},
                        {ROWS("[1,{\"blub\":\"\"}]"), "is marked"},
                        {ROWS("[1,{\"blob\":1}]"), "expected a string"},
                        {ROWS("[1,{\"blob\":\"A\"}]"), "base64"},
                        {ROWS("[1,{\"text\":\"Zh==\"}]"), "base64"},
                        {ROWS("[1,{\"real\":\"NaN\"}]"), "marked real"},
                        {ROWS("[1,{\"real\":\"infinity\"}]"), "marked real"},
                        {ROWS("[1,{\"blob\":\"\",\"blob\":\"\"}]"), "nothing else"},
                        {ROWS("[1,9223372036854775808]"), "64 bits"},
                        {ROWS("[1,1e400]"), "too large"},
                        {ROWS("[1,1],[2,1]"), "UNIQUE"},
        };

        assert_all_refused(wrong, ELEMENTSOF(wrong));
        assert_non_null(strstr(import_assert_refused(ROWS("[1,1],\n[2,2],\n[3,\"\\q\"]"),
                                               FAULT_INVALID_ARGUMENT,
                                               "escape"),
                        "Line 4, column 6"));
}

/* The table's own way to solve a conflict must not make rows vanish. */
static void test_conflict_is_never_solved_in_silence(void **state)
{
        static const char *const ways[] = {"REPLACE", "IGNORE", "ROLLBACK"};

        for (size_t i = 0; i < ELEMENTSOF(ways); i++) {
                _cleanup_free_ char *text = NULL;

                assert_true(asprintf(&text,
                                            IMPORT_HEADER ",\"schema\":[" IMPORT_ENTRY("table",
                                                            "t",
                                                            "t",
                                                            "CREATE TABLE t(a UNIQUE ON CONFLICT %s)") "],"
                                                                                                       "\"ta"
                                                                                                       "bles"
                                                                                                       "\":{"
                                                                                                       "\"t"
                                                                                                       "\":{"
                                                                                                       "\"co"
                                                                                                       "lumn"
                                                                                                       "s\":"
                                                                                                       "[\"a"
                                                                                                       "\"],"
                                                                                                       "\"ro"
                                                                                                       "ws\""
                                                                                                       ":[["
                                                                                                       "1],["
                                                                                                       "1]]}"
                                                                                                       "}}",
                                            ways[i]) > 0);
                (void) import_assert_refused(text, FAULT_INVALID_ARGUMENT, "UNIQUE");
        }
}

static void test_wrong_tables(void **state)
{
        static const Wrong wrong[] = {
                        {DOCUMENT(""), "table t are missing"},
                        {DOCUMENT(U), "expected table t"},
                        {DOCUMENT("\"t\":{\"columns\":[\"a\",\"b\"],\"rows\":[]}"), "table u are missing"},
                        {DOCUMENT("\"t\":{\"columns\":[\"a\",\"b\"],\"rows\":[]},\"t\":{}"),
                                        "expected table u"},
                        {DOCUMENT("\"t\":[]"), "a table, an object"},
                        {DOCUMENT("\"t\":{\"rows\":[]}"), "expected \"columns\""},
                        {DOCUMENT("\"t\":{\"columns\":[\"a\"],\"rows\":[]}"), "columns are not those"},
                        {DOCUMENT("\"t\":{\"columns\":[\"b\",\"a\"],\"rows\":[]}"), "columns are not those"},
                        {DOCUMENT("\"t\":{\"columns\":[\"a\",\"b\",\"c\"],\"rows\":[]}"),
                                        "columns are not those"},
                        {DOCUMENT("\"t\":{\"columns\":[\"a\",\"b\"],\"rows\":{}}"), "expected the rows"},
                        {DOCUMENT("\"t\":{\"columns\":[\"a\",\"b\"],\"rows\":[],\"x\":1}"),
                                        "nothing after the rows"},
                        {DOCUMENT("\"t\":{\"columns\":[\"a\",\"b\"],\"rows\":[]}," U ",\"v\":{}"),
                                        "no further table"},
                        {DOCUMENT("\"sqlite_schema\":{\"columns\":[\"type\"],\"rows\":[]}"),
                                        "expected table t"},
        };

        assert_all_refused(wrong, ELEMENTSOF(wrong));
}

static void test_wrong_lines(void **state)
{
        static const Wrong wrong[] = {
                        {LINES(""), "line with the counts is missing"},
                        {LINES(T_LINE "{\"row\":[1,1]}\n"), "line with the counts is missing"},
                        {LINES(T_LINE U_LINE "{\"end\":{\"tables\":2,\"rows\":1}}"), "does not add up"},
                        {LINES(T_LINE "{\"row\":[1,1]}\n" U_LINE "{\"end\":{\"tables\":2,\"rows\":0}}"),
                                        "does not add up"},
                        {LINES(T_LINE U_LINE "{\"end\":{\"tables\":1,\"rows\":0}}"), "does not add up"},
                        {LINES(T_LINE "{\"end\":{\"tables\":1,\"rows\":0}}"), "table u are missing"},
                        {LINES("{\"row\":[1,1]}"), "before the first table"},
                        {LINES(T_LINE T_LINE), "expected table u"},
                        {LINES(T_LINE "{\"row\":[1,1],\"x\":1}"), "end of the line"},
                        {LINES(T_LINE "{\"what\":1}"), "a line is"},
                        {LINES("[]"), "each line is an object"},
                        {LINES(T_LINE U_LINE "{\"end\":{\"tables\":2,\"rows\":0}}\n{}"), "expected the end"},
        };

        assert_all_refused(wrong, ELEMENTSOF(wrong));
}

static void test_values_arrive(void **state)
{
        const char *path = import_assert_taken(ROWS("[1,null],[-0.0,\"a\\u0000b\"],[{\"blob\":\"\"},\"\"],[{"
                                                    "\"text\":\"/w==\"},{\"blob\":\"AAE=\"}],"
                                                    "[{\"real\":\"-Infinity\"},1e3]"));
        sqlite3 *handle = fixture_open(path);

        assert_int_equal(fixture_integer(handle,
                                         "SELECT group_concat(typeof(a) || '-' || typeof(b), ' ') ="
                                         " 'integer-null real-text blob-text text-blob real-real' FROM t"),
                        1);
        assert_int_equal(fixture_integer(handle,
                                         "SELECT hex(CAST(b AS BLOB)) = '610062' FROM t WHERE rowid = 2"),
                        1);
        assert_int_equal(
                        fixture_integer(handle, "SELECT hex(CAST(a AS BLOB)) = 'FF' FROM t WHERE rowid = 4"),
                        1);
        assert_int_equal(
                        fixture_integer(handle, "SELECT a = -9e999 AND b = 1000 FROM t WHERE rowid = 5"), 1);
        fixture_close(handle);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                        TEST(test_wrong_rows),
                        TEST(test_conflict_is_never_solved_in_silence),
                        TEST(test_wrong_tables),
                        TEST(test_wrong_lines),
                        TEST(test_values_arrive),
        };

        return cmocka_run_group_tests_name("database/import-row", tests, NULL, NULL);
}
