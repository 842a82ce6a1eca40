/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fixture.h"

#include <string.h>

#include "database/check/check-pragma.h"

/* What the answer of any query means, as if integrity_check had given it. */
static int read_answer(const char *sql, CheckResult *result, uint64_t *ret_rows, Fault *fault)
{
        const char *path = fixture_path("answer.db");
        _cleanup_(connection_closep) Connection *connection = NULL;
        sqlite3 *application = fixture_open(path);

        fixture_execute(application, "CREATE TABLE IF NOT EXISTS t(a)");
        fixture_close(application);
        connection = fixture_connect(path, CONNECTION_READ);
        return check_pragma_run(connection, sql, result, ret_rows, fault);
}

static void assert_answer(const char *sql, unsigned n_findings, unsigned n_violations, const char *first)
{
        CheckResult result = {0};
        uint64_t rows = 0;

        assert_int_equal(read_answer(sql, &result, &rows, NULL), 0);
        assert_int_equal(rows, 1);
        assert_int_equal(result.n_findings, n_findings);
        assert_int_equal(result.constraint_violations, n_violations);
        assert_int_equal(result.n_lines, n_findings);
        if (first)
                assert_string_equal(result.lines[0].text, first);
        check_result_done(&result);
}

static void test_what_an_answer_means(void **state)
{
        assert_answer("SELECT 'ok'", 0, 0, NULL);
        assert_answer("SELECT 'row 3 missing from index i'", 1, 0, "row 3 missing from index i");
        assert_answer("SELECT 'NULL value in t.a'", 0, 1, NULL);
        assert_answer("SELECT 'non-INT value in t.a'", 0, 1, NULL);
        assert_answer("SELECT 'non-unique entry in index i'", 0, 1, NULL);
        assert_answer("SELECT '*** in database main ***' || char(10) || 'Page 3 is never used' || char(10) "
                      "||"
                      " 'Page 4 is never used'",
                        2,
                        0,
                        "Page 3 is never used");
}

static void test_page_that_could_not_be_read_is_a_fault(void **state)
{
        CheckResult result = {0};
        uint64_t rows = 0;
        Fault fault = {0};

        assert_true(read_answer("SELECT 'Page 3: unable to get the page. error code=266'",
                                    &result,
                                    &rows,
                                    &fault) < 0);
        fixture_assert_fault(&fault, FAULT_IO, "disk");
        assert_true(read_answer("SELECT 'failed to get page 9'", &result, &rows, &fault) < 0);
        fixture_assert_fault(&fault, FAULT_IO, "disk");
        assert_int_equal(result.n_findings, 0);
}

static void test_findings_end_somewhere(void **state)
{
        CheckResult result = {0};
        uint64_t rows = 0;

        assert_int_equal(read_answer("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
                                     " SELECT 'Page ' || i || ' is never used' FROM n",
                                         &result,
                                         &rows,
                                         NULL),
                        0);
        assert_int_equal(result.n_findings, CHECK_FINDINGS_MAX);
        check_result_done(&result);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                        TEST(test_what_an_answer_means),
                        TEST(test_page_that_could_not_be_read_is_a_fault),
                        TEST(test_findings_end_somewhere),
        };

        return cmocka_run_group_tests_name("database/check-pragma", tests, NULL, NULL);
}
