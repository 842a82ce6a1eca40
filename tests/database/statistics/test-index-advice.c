/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fixture.h"

#include <string.h>

#include "database/schema/schema.h"
#include "database/statistics/index-advice.h"

static Connection *open_with(const char *sql)
{
        sqlite3 *handle = fixture_open(fixture_path("live.db"));

        fixture_execute(handle, sql);
        fixture_close(handle);
        return fixture_connect(fixture_path("live.db"), CONNECTION_WRITE);
}

/* "table(columns) reason; …", and every statement must run. */
static const char *advice(Connection *connection)
{
        _cleanup_(index_advice_done) IndexAdviceList list = {0};
        static char text[1024];
        Fault fault = {0};
        size_t length = 0;

        text[0] = '\0';
        if (index_advice_collect(connection, &list, &fault) < 0)
                fail_msg("%s", fault.message);
        for (size_t i = 0; i < list.n_items; i++)
                length += (size_t) snprintf(text + length,
                                sizeof text - length,
                                "%s%s(%s) %s",
                                i > 0 ? "; " : "",
                                list.items[i].table,
                                list.items[i].columns,
                                index_reason_to_string(list.items[i].reason));
        for (size_t i = 0; i < list.n_items; i++)
                if (connection_execute(connection, list.items[i].sql, &fault) < 0)
                        fail_msg("%s", fault.message);
        return text;
}

static void test_a_complete_schema_needs_none(void **state)
{
        _cleanup_(connection_closep) Connection *connection = open_with("CREATE TABLE mine(x)");
        _cleanup_fault_ Fault fault = {0};
        SchemaReport report = {0};

        assert_int_equal(schema_migrate(connection, 1, &report, &fault), 0);
        schema_report_done(&report);
        assert_string_equal(advice(connection), "");
        assert_int_equal(connection_execute(connection,
                                         "DROP INDEX ix_predictions_match_id; "
                                         "DROP INDEX ix_alerts_prediction_id",
                                         &fault),
                        0);
        assert_string_equal(advice(connection),
                        "alerts(prediction_id) foreign-key; predictions(match_id) marked");
        assert_string_equal(advice(connection), "");
}

static void test_keys_of_the_application_s_own_tables(void **state)
{
        _cleanup_(connection_closep) Connection *connection = open_with(
                        "CREATE TABLE p(a, b, PRIMARY KEY(a, b), UNIQUE(b));"
                        "CREATE TABLE plain(x REFERENCES p(b));"
                        "CREATE TABLE \"odd \"\"name\"(\"the \"\"key\" REFERENCES p(b));"
                        "CREATE TABLE both(u, v, w, FOREIGN KEY(u, v) REFERENCES p(a, b));"
                        "CREATE TABLE swapped(u, v, w, FOREIGN KEY(u, v) REFERENCES p(a, b));"
                        "CREATE INDEX s ON swapped(v, u, w);"
                        "CREATE TABLE half(u, v, FOREIGN KEY(u, v) REFERENCES p(a, b));"
                        "CREATE INDEX h ON half(u);"
                        "CREATE TABLE partial(x REFERENCES p(b)); CREATE INDEX i ON partial(x) WHERE x > 1;"
                        "CREATE TABLE second(y, x REFERENCES p(b)); CREATE INDEX j ON second(y, x);"
                        "CREATE TABLE rowid(x INTEGER PRIMARY KEY REFERENCES p(b));"
                        "CREATE TABLE served(x UNIQUE REFERENCES p(b));"
                        "CREATE TABLE twice(x REFERENCES p(b) REFERENCES p(a));"
                        "CREATE VIRTUAL TABLE words USING fts5(x);");

        assert_string_equal(advice(connection),
                        "both(u, v) foreign-key; half(u, v) foreign-key; odd \"name(the \"key) foreign-key; "
                        "partial(x) foreign-key; plain(x) foreign-key; second(x) foreign-key; "
                        "twice(x) foreign-key");
        assert_string_equal(advice(connection), "");
}

static void test_tables_with_the_names_of_pragmas_hide_nothing(void **state)
{
        _cleanup_(connection_closep) Connection *connection =
                        open_with(FIXTURE_PRAGMA_NAMES "CREATE TABLE p(id INTEGER PRIMARY KEY);"
                                                       "CREATE TABLE k(c INTEGER REFERENCES p(id))");

        assert_string_equal(advice(connection), "k(c) foreign-key");
        assert_string_equal(advice(connection), "");
}

static void test_no_table_is_missed(void **state)
{
        _cleanup_(connection_closep) Connection *connection = NULL;
        sqlite3 *application = fixture_open(fixture_path("live.db"));

        fixture_execute(application,
                        "CREATE TABLE p(id INTEGER PRIMARY KEY); CREATE TABLE c(p REFERENCES p)");
        fixture_blur_type(application, "c");
        fixture_close(application);
        connection = fixture_connect(fixture_path("live.db"), CONNECTION_WRITE);
        assert_string_equal(advice(connection), "c(p) foreign-key");
}

static void test_reasons_have_names(void **state)
{
        assert_string_equal(index_reason_to_string(INDEX_MARKED), "marked");
        assert_null(index_reason_to_string(_INDEX_REASON_MAX));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
        const struct CMUnitTest tests[] = {
                        TEST(test_a_complete_schema_needs_none),
                        TEST(test_keys_of_the_application_s_own_tables),
                        TEST(test_tables_with_the_names_of_pragmas_hide_nothing),
                        TEST(test_no_table_is_missed),
                        TEST(test_reasons_have_names),
        };

        return cmocka_run_group_tests_name("index-advice", tests, NULL, NULL);
}
