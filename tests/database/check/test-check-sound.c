/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Sound databases that a check may take for damaged. */

#include "fixture.h"

#include "database/check/check.h"

static void assert_sound(const char *path)
{
        for (CheckDepth depth = CHECK_QUICK; depth <= CHECK_FULL; depth++)
                for (ConnectionMode mode = CONNECTION_READ; mode <= CONNECTION_PRIVATE; mode += 2)
                        for (unsigned threads = 1; threads <= 2; threads++) {
                                _cleanup_(check_result_done) CheckResult result = {0};
                                _cleanup_fault_ Fault fault = {0};

                                if (check_run(path, mode, depth, threads, NULL, &result, &fault) < 0)
                                        fail_msg("%s", fault.message);
                                if (!result.healthy)
                                        fail_msg("%s", result.first_finding);
                        }
}

/* SQLite 3.40 takes JSON functions for unsafe in a schema that is not trusted. */
static void test_functions_in_the_schema_are_sound(void **state)
{
        static const char *const schemas[] = {
                        "CREATE TABLE t(x TEXT CHECK(json_valid(x)))",
                        "CREATE TABLE t(x TEXT); CREATE INDEX t_x ON t(json_extract(x, '$.a'))",
                        "CREATE TABLE t(x TEXT, a TEXT AS (x ->> '$.a'))",
                        "CREATE TABLE t(x TEXT, a TEXT AS (json_type(x)) STORED); CREATE INDEX t_a ON t(a)",
                        "CREATE TABLE t(x TEXT); CREATE INDEX t_x ON t(x) WHERE json_valid(x)",
                        "CREATE TABLE t(x TEXT); CREATE VIEW v AS SELECT value FROM t, json_each(t.x)",
        };

        for (size_t i = 0; i < ELEMENTSOF(schemas); i++) {
                _cleanup_free_ char *name = NULL;
                sqlite3 *application;
                const char *path;

                assert_true(asprintf(&name, "functions-%zu.db", i) > 0);
                path = fixture_path(name);
                application = fixture_open(path);
                fixture_execute(application, schemas[i]);
                fixture_execute(application, "INSERT INTO t(x) VALUES('{\"a\": 1}')");
                fixture_close(application);
                assert_sound(path);
        }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                        TEST(test_functions_in_the_schema_are_sound),
        };

        return cmocka_run_group_tests_name("database/check-sound", tests, NULL, NULL);
}
