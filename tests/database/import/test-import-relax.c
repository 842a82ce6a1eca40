/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fixture.h"

#include "database/import/import-relax.h"

static void test_every_declaration(void **state)
{
        static const char *const cases[][2] = {
                        {"CREATE TABLE t(a, b)", "CREATE TABLE t(a, b)"},
                        {"CREATE TABLE t(a NOT NULL)", "CREATE TABLE t(a     NULL)"},
                        {"CREATE TABLE t(a not /* so */ null ON CONFLICT REPLACE)",
                                        "CREATE TABLE t(a     /* so */ null ON CONFLICT REPLACE)"},
                        {"CREATE TABLE t(a CHECK(a IS NOT NULL), b AS (a NOT NULL))",
                                        "CREATE TABLE t(a CHECK(a IS NOT NULL), b AS (a NOT NULL))"},
                        {"CREATE TABLE t(\"NOT NULL\", [NOT NULL], `NOT NULL`, a DEFAULT 'it''s NOT NULL' "
                         "NOT NULL)",
                                        "CREATE TABLE t(\"NOT NULL\", [NOT NULL], `NOT NULL`, a DEFAULT "
                                        "'it''s NOT NULL'     "
                                        "NULL)"},
                        {"CREATE TABLE t(a -- NOT NULL (\n NOT NULL)",
                                        "CREATE TABLE t(a -- NOT NULL (\n     NULL)"},
                        {"CREATE TABLE t(a NOT NULLS)", "CREATE TABLE t(a NOT NULLS)"},
                        {"CREATE TABLE strict(strict TEXT) STRICT",
                                        "CREATE TABLE strict(strict TEXT)       "},
                        {"CREATE TABLE t(a TEXT PRIMARY KEY) STRICT, WITHOUT ROWID",
                                        "CREATE TABLE t(a TEXT PRIMARY KEY)         WITHOUT ROWID"},
                        {"CREATE TABLE t(a TEXT PRIMARY KEY) WITHOUT ROWID , STRICT",
                                        "CREATE TABLE t(a TEXT PRIMARY KEY) WITHOUT ROWID         "},
                        {"CREATE TABLE t(a 'NOT NULL", "CREATE TABLE t(a 'NOT NULL"},
                        {"CREATE TABLE t(a /* NOT NULL", "CREATE TABLE t(a /* NOT NULL"},
                        {"", ""},
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_free_ char *relaxed = import_relaxed_sql(cases[i][0]);

                assert_string_equal(relaxed, cases[i][1]);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_every_declaration),
        };

        return cmocka_run_group_tests_name("import-relax", tests, NULL, NULL);
}
