/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fixture.h"

#include <string.h>

#include "database/schema/schema.h"

/* As an older version of the application's models made it. */
#define OLD_USERS_SQL                                                                             \
        "CREATE TABLE users(id INTEGER PRIMARY KEY, username VARCHAR(80) NOT NULL UNIQUE, email " \
        "VARCHAR(120), password VARCHAR(255) NOT NULL, is_admin BOOLEAN, is_approved BOOLEAN, "   \
        "subscription_plan VARCHAR(20), created_at DATETIME)"

static bool has_difference(const SchemaReport *report, const char *text)
{
        for (size_t i = 0; i < report->n_differences; i++)
                if (strcmp(report->differences[i], text) == 0)
                        return true;
        return false;
}

static void inspect(const char *path, SchemaChoice choice, SchemaReport *ret)
{
        _cleanup_(connection_closep) Connection *connection = fixture_connect(path, CONNECTION_READ);
        _cleanup_fault_ Fault fault = {0};

        if (schema_inspect(connection, choice, ret, &fault) < 0)
                fail_msg("%s", fault.message);
}

static void test_what_may_be_added(void **state)
{
        static const struct {
                SchemaFacts facts;
                SchemaRole automatic, oracxpred;
        } cases[] = {
                        {{.is_new = true}, SCHEMA_ROLE_OWN, SCHEMA_ROLE_OWN},
                        {{.has_steps = true}, SCHEMA_ROLE_OWN, SCHEMA_ROLE_OWN},
                        {{.has_steps = true, .has_ours = true}, SCHEMA_ROLE_OWN, SCHEMA_ROLE_OWN},
                        {{.has_ours = true}, SCHEMA_ROLE_ADOPTED, SCHEMA_ROLE_ADOPTED},
                        {{0}, SCHEMA_ROLE_NONE, SCHEMA_ROLE_ADOPTED},
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                assert_int_equal(schema_judge(&cases[i].facts, SCHEMA_CHOICE_AUTOMATIC), cases[i].automatic);
                assert_int_equal(schema_judge(&cases[i].facts, SCHEMA_CHOICE_ORACXPRED), cases[i].oracxpred);
                assert_int_equal(schema_judge(&cases[i].facts, SCHEMA_CHOICE_NONE), SCHEMA_ROLE_NONE);
        }
}

/* A table by the name of users is no more than a coincidence by itself. */
static void test_whose_database_it_is(void **state)
{
        static const struct {
                const char *sql;
                SchemaRole role;
        } cases[] = {
                        {"SELECT 1", SCHEMA_ROLE_OWN},
                        {"PRAGMA user_version=1", SCHEMA_ROLE_NONE},
                        {"PRAGMA application_id=252006675", SCHEMA_ROLE_NONE},
                        {"CREATE TABLE own(x)", SCHEMA_ROLE_NONE},
                        {"CREATE TABLE users(uuid CHAR(36) NOT NULL PRIMARY KEY, email TEXT NOT NULL, "
                         "password_hash BLOB)",
                                        SCHEMA_ROLE_NONE},
                        {"CREATE TABLE users(id INTEGER PRIMARY KEY, username TEXT, password TEXT, email "
                         "TEXT)",
                                        SCHEMA_ROLE_NONE},
                        {OLD_USERS_SQL, SCHEMA_ROLE_ADOPTED},
                        {OLD_USERS_SQL "; CREATE TABLE oracxpred_migrations(version INTEGER PRIMARY KEY)",
                                        SCHEMA_ROLE_OWN},
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_free_ char *name = NULL;
                SchemaReport report;
                sqlite3 *application;
                const char *path;

                assert_true(asprintf(&name, "%zu.db", i) > 0);
                path = fixture_path(name);
                application = fixture_open(path);
                fixture_execute(application, cases[i].sql);
                fixture_close(application);
                if (i == 0)
                        fixture_write(path, "", 0);
                inspect(path, SCHEMA_CHOICE_AUTOMATIC, &report);
                assert_int_equal(report.role, cases[i].role);
                schema_report_done(&report);
        }
}

static void test_columns_are_judged_by_what_the_service_needs(void **state)
{
        const char *path = fixture_path("app.db");
        sqlite3 *application = fixture_open(path);
        SchemaReport report;

        fixture_execute(application,
                        "CREATE TABLE predictions(id BIGINT PRIMARY KEY, match_id INTEGER, team1, team2 "
                        "NUMBER,"
                        " league CLOB, consensus_type VARCHAR, consensus_result TEXT, consensus_probability "
                        "FLOAT,"
                        " confidence VARCHAR(9), recommended_odd DOUBLE, recommended_action TEXT, "
                        "created_at TEXT,"
                        " updated_at INTEGER, extra_data JSON, is_valid BOOLEAN, votes_cotes INT);"
                        "CREATE TABLE users(id INTEGER PRIMARY KEY, username TEXT, password TEXT)");
        fixture_close(application);
        inspect(path, SCHEMA_CHOICE_ORACXPRED, &report);
        assert_true(has_difference(
                        &report, "predictions.id: no INTEGER PRIMARY KEY; a new row would get no id"));
        assert_true(has_difference(
                        &report, "predictions.team2: NUMBER turns a text such as 007 into a number"));
        assert_true(has_difference(&report,
                        "predictions.confidence: VARCHAR(9) turns numbers into texts, which compare as "
                        "such"));
        assert_true(has_difference(
                        &report, "users.username: not UNIQUE; of two rows with one name only one is found"));
        assert_int_equal(report.n_differences, 4);
        assert_int_equal(report.n_costs, 6 + 10);
        assert_string_equal(report.costs[0], "users.email: accounts have no address");
        schema_report_done(&report);
}

static void test_a_table_comes_with_what_it_needs(void **state)
{
        const char *path = fixture_path("app.db");
        sqlite3 *application = fixture_open(path);
        Connection *connection;

        fixture_execute(application,
                        "CREATE TABLE predictions(id INTEGER PRIMARY KEY, match_id INTEGER,"
                        " invalidated_by INTEGER REFERENCES users(id))");
        connection = fixture_connect(path, CONNECTION_WRITE);
        /* It is there, and refers to one that is not. */
        assert_int_equal(schema_add_table(connection, "predictions", NULL), 0);
        assert_int_equal(fixture_integer(application,
                                         "SELECT count(*) FROM sqlite_schema WHERE name = 'users'"),
                        1);
        assert_int_equal(
                        fixture_integer(application,
                                        "SELECT count(*) FROM sqlite_schema WHERE tbl_name = 'predictions'"),
                        1);
        assert_int_equal(schema_add_table(connection, "predictions_archive", NULL), 0);
        assert_int_equal(fixture_integer(application,
                                         "SELECT count(*) FROM sqlite_schema WHERE name IN "
                                         "('matches_archive', 'predictions_archive',"
                                         " 'ix_predictions_archive_match_id')"),
                        3);
        connection = connection_close(connection);
        fixture_close(application);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                        TEST(test_what_may_be_added),
                        TEST(test_whose_database_it_is),
                        TEST(test_columns_are_judged_by_what_the_service_needs),
                        TEST(test_a_table_comes_with_what_it_needs),
        };

        return cmocka_run_group_tests_name("database/schema-role", tests, NULL, NULL);
}
