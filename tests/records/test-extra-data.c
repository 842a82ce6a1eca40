/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "../database/fixture.h"

#include "records/extra-data.h"

/* One statement serves them all, whatever came before. */
static void test_an_object_and_nothing_else(void **state)
{
        static const struct {
                const char *text;
                int answer;
        } texts[] = {
                        {"{\"a\": [1, 2.5]}", 1},
                        {"{", 0},
                        {"{}", 1},
                        {"[1]", 0},
                        {"\"x\"", 0},
                        {" {\"\\u00e9\": null}\n", 1},
                        {"null", 0},
                        {"NaN", 0},
                        {"{'a': 1}", 0},
                        {"{a: 1}", 0},
                        {"{\"a\": 1,}", 0},
                        {"", 0},
        };
        _cleanup_(connection_closep) Connection *connection = NULL;
        _cleanup_(statement_finalizep) sqlite3_stmt *statement = NULL;

        fixture_write(fixture_path("live.db"), "", 0);
        connection = fixture_connect(fixture_path("live.db"), CONNECTION_WRITE);
        for (size_t i = 0; i < ELEMENTSOF(texts); i++)
                assert_int_equal(extra_data_is_object(connection, &statement, texts[i].text, NULL),
                                texts[i].answer);
}

static void test_what_can_not_be_looked_at_is_a_fault(void **state)
{
        _cleanup_(connection_closep) Connection *connection = NULL;
        _cleanup_(statement_finalizep) sqlite3_stmt *statement = NULL;
        Fault fault = {0};

        fixture_write(fixture_path("live.db"), "", 0);
        connection = fixture_connect(fixture_path("live.db"), CONNECTION_WRITE);
        (void) sqlite3_limit(connection->handle, SQLITE_LIMIT_LENGTH, 1000);
        assert_true(extra_data_is_object(connection, &statement, "{}", &fault) == 1);
        (void) sqlite3_limit(connection->handle, SQLITE_LIMIT_LENGTH, 1);
        assert_true(extra_data_is_object(connection, &statement, "{}", &fault) < 0);
        fixture_assert_fault(&fault, FAULT_FAILED, "extra_data");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
        const struct CMUnitTest tests[] = {
                        TEST(test_an_object_and_nothing_else),
                        TEST(test_what_can_not_be_looked_at_is_a_fault),
        };

        return cmocka_run_group_tests_name("extra-data", tests, NULL, NULL);
}
