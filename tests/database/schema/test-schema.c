/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fixture.h"

#include <string.h>

#include "database/check/check.h"
#include "database/schema/schema.h"

#define NOW_USEC UINT64_C(1769219181123456) /* 2026-01-24 01:46:21.123456 UTC */
#define N_TABLES 18
#define N_INDEXES 41

static void migrate(const char *path, SchemaReport *ret)
{
        _cleanup_(connection_closep) Connection *connection = fixture_connect(path, CONNECTION_WRITE);
        _cleanup_fault_ Fault fault = {0};

        if (schema_migrate(connection, NOW_USEC, ret, &fault) < 0)
                fail_msg("%s", fault.message);
}

static const char *create_empty(void)
{
        const char *path = fixture_path("app.db");

        fixture_write(path, "", 0);
        return path;
}

static bool has_difference(const SchemaReport *report, const char *text)
{
        for (size_t i = 0; i < report->n_differences; i++)
                if (strcmp(report->differences[i], text) == 0)
                        return true;
        return false;
}

/* The facts of one column in the words of expected-schema.txt. Owned by SQLite. */
static char *describe_column(sqlite3 *handle, const char *table, const char *column)
{
        static const char sql[] =
                        "SELECT printf('%s|%s|%s|%d|%s|%d|%d|%s|%d', ?1, c.name, c.type, c.\"notnull\","
                        " coalesce(c.dflt_value, ''), c.pk,"
                        " EXISTS (SELECT 1 FROM pragma_index_list(?1) AS l, pragma_index_info(l.name) AS i"
                        "  WHERE i.name = c.name AND l.origin = 'u'),"
                        " coalesce((SELECT f.\"table\" || '.' || f.\"to\" FROM pragma_foreign_key_list(?1) "
                        "AS f"
                        "  WHERE f.\"from\" = c.name), ''),"
                        " EXISTS (SELECT 1 FROM pragma_index_list(?1) AS l, pragma_index_info(l.name) AS i"
                        "  WHERE i.name = c.name AND l.origin = 'c' AND l.name = 'ix_' || ?1 || '_' || "
                        "c.name))"
                        " FROM pragma_table_info(?1) AS c WHERE c.name = ?2";
        sqlite3_stmt *statement = NULL;
        char *text;

        assert_int_equal(sqlite3_prepare_v2(handle, sql, -1, &statement, NULL), SQLITE_OK);
        assert_int_equal(sqlite3_bind_text(statement, 1, table, -1, SQLITE_STATIC), SQLITE_OK);
        assert_int_equal(sqlite3_bind_text(statement, 2, column, -1, SQLITE_STATIC), SQLITE_OK);
        if (sqlite3_step(statement) != SQLITE_ROW)
                fail_msg("%s.%s is missing", table, column);
        text = sqlite3_mprintf("%s", sqlite3_column_text(statement, 0));
        (void) sqlite3_finalize(statement);
        return text;
}

static void test_new_database_is_what_the_application_expects(void **state)
{
        const char *path = create_empty();
        _cleanup_fclose_ FILE *expected = fopen(EXPECTED_SCHEMA, "re");
        _cleanup_free_ char *line = NULL;
        unsigned n_columns = 0;
        SchemaReport report;
        size_t size = 0;
        sqlite3 *reader;
        ssize_t length;

        migrate(path, &report);
        assert_int_equal(report.tables_created, N_TABLES);
        assert_int_equal(report.indexes_created, N_INDEXES);
        assert_int_equal(report.n_differences, 0);
        assert_null(report.differences);
        schema_report_done(&report);

        assert_non_null(expected);
        reader = fixture_open(path);
        while ((length = getline(&line, &size, expected)) > 0) {
                char table[64], column[64], *found;

                if (line[0] == '#')
                        continue;
                line[length - 1] = '\0';
                assert_int_equal(sscanf(line, "%63[^|]|%63[^|]", table, column), 2);
                found = describe_column(reader, table, column);
                assert_string_equal(found, line);
                sqlite3_free(found);
                n_columns++;
        }
        /* And nothing else. */
        assert_int_equal(fixture_integer(reader,
                                         "SELECT count(*) FROM sqlite_schema AS s, pragma_table_info(s.name)"
                                         " WHERE s.type = 'table' AND s.name <> 'oracxpred_migrations'"),
                        n_columns);
        assert_int_equal(fixture_integer(reader,
                                         "SELECT count(*) FROM sqlite_schema"
                                         " WHERE type = 'index' AND sql IS NOT NULL"),
                        N_INDEXES);
        assert_int_equal(fixture_integer(reader, "PRAGMA user_version"), 0);
        assert_int_equal(fixture_integer(reader,
                                         "SELECT count(*) FROM oracxpred_migrations WHERE version = 1"
                                         " AND applied_at = '2026-01-24 01:46:21.123456'"),
                        1);
        fixture_close(reader);
}

/* With every foreign key enforced, also the two that go to matches_archive.match_id. */
static void test_rows_go_in_and_come_back_with_defaults(void **state)
{
        const char *path = create_empty();
        CheckResult result = {0};
        SchemaReport report;
        sqlite3 *application;

        migrate(path, &report);
        schema_report_done(&report);
        application = fixture_open(path);
        fixture_execute(application,
                        "PRAGMA foreign_keys=ON;"
                        "INSERT INTO users(username, password) VALUES('awa', 'x');"
                        "INSERT INTO matches_archive(match_id, jeu, ligue, equipe_1, equipe_2, "
                        "date_heure_match,"
                        " archived_by) VALUES(77, 'FIFA', 'L', 'A', 'B', '2026-01-24 01:46:21', 1);"
                        "INSERT INTO predictions_archive(match_id, consensus_type, choix, probabilite, "
                        "confiance)"
                        " VALUES(77, '1X2', '1', 61.5, 70.0);"
                        "INSERT INTO anomaly_logs(match_id, prediction_archive_id, anomaly_type, "
                        "description)"
                        " VALUES(77, 1, 'drift', 'x')");
        assert_int_equal(fixture_integer(application,
                                         "SELECT is_active = 1 AND is_admin = 0 AND subscription_plan = "
                                         "'free'"
                                         " AND created_at LIKE '____-__-__ __:__:__' FROM users"),
                        1);
        assert_int_equal(sqlite3_exec(application,
                                         "INSERT INTO anomaly_logs(match_id, anomaly_type, description)"
                                         " VALUES(78, 'drift', 'x')",
                                         NULL,
                                         NULL,
                                         NULL),
                        SQLITE_CONSTRAINT);
        fixture_close(application);
        assert_int_equal(check_run(path, CONNECTION_READ, CHECK_FULL, 1, NULL, &result, NULL), 0);
        assert_true(result.healthy);
        assert_int_equal(result.foreign_key_violations, 0);
        check_result_done(&result);
}

static void test_complete_database_is_not_written(void **state)
{
        const char *path = create_empty();
        _cleanup_free_ char *before = NULL, *after = NULL;
        size_t size_before, size_after;
        SchemaReport report;
        sqlite3 *application;
        int64_t version;

        migrate(path, &report);
        schema_report_done(&report);
        application = fixture_open(path);
        version = fixture_integer(application, "PRAGMA data_version");
        before = fixture_read(path, &size_before);
        /* A write lock that nobody gives up: asking for one would end in BUSY. */
        fixture_execute(application, "BEGIN IMMEDIATE");
        migrate(path, &report);
        fixture_execute(application, "COMMIT");
        assert_int_equal(report.tables_created + report.indexes_created, 0);
        assert_int_equal(report.n_differences, 0);
        schema_report_done(&report);

        assert_int_equal(fixture_integer(application, "PRAGMA data_version"), version);
        fixture_close(application);
        after = fixture_read(path, &size_after);
        assert_int_equal(size_after, size_before);
        assert_memory_equal(after, before, size_before);
}

/* Some of the tables, as SQLAlchemy's create_all() writes them, with other spellings of the same thing, a
 * column that differs, one that is missing and one of the application's own. */
#define APPLICATION_SQL                                                                                 \
        "CREATE TABLE users (\n"                                                                        \
        "\tid INTEGER NOT NULL, \n\tusername VARCHAR(80) NOT NULL, \n\temail VARCHAR(100), \n"          \
        "\tpassword VARCHAR(255) NOT NULL, \n\tprofile_photo VARCHAR(255), \n"                          \
        "\tis_admin BOOLEAN DEFAULT '0', \n\tis_approved BOOLEAN DEFAULT false, \n"                     \
        "\tis_active BOOLEAN DEFAULT 1, \n\tsubscription_plan VARCHAR(20) DEFAULT 'premium', \n"        \
        "\tsubscription_status VARCHAR(20), \n\tsubscription_expires_at datetime NOT NULL, \n"          \
        "\tcreated_at DATETIME DEFAULT (CURRENT_TIMESTAMP), \n\tlast_login_at DATETIME, \n"             \
        "\tunique_id VARCHAR(36), \n\tnickname TEXT NOT NULL DEFAULT '', \n"                            \
        "\tPRIMARY KEY (id), \n\tUNIQUE (username), \n\tUNIQUE (email)\n);\n"                           \
        "CREATE UNIQUE INDEX ix_users_unique_id ON users (unique_id);\n"                                \
        "CREATE TABLE access_logs (\n"                                                                  \
        "\tid INTEGER NOT NULL, \n\tuser_id INTEGER NOT NULL, \n\taction_type VARCHAR(50) NOT NULL, \n" \
        "\tmatch_id INTEGER, \n\tprediction_id INTEGER, \n\tsubscription_plan VARCHAR(20), \n"          \
        "\tip_address VARCHAR(45), \n\tcreated_at DATETIME DEFAULT CURRENT_TIMESTAMP, \n"               \
        "\textra_data TEXT, \n\tPRIMARY KEY (id), \n\tFOREIGN KEY(user_id) REFERENCES users (id)\n);\n" \
        "CREATE INDEX by_user ON access_logs (user_id, created_at);\n"                                  \
        "CREATE INDEX some_only ON access_logs (prediction_id) WHERE match_id IS NOT NULL;\n"           \
        "INSERT INTO users(id, username, password, subscription_expires_at)"                            \
        " VALUES(1, 'awa', 'x', '2026-01-24 01:46:21.000000')"

static void test_tables_with_the_names_of_pragmas_are_no_obstacle(void **state)
{
        const char *path = fixture_path("app.db");
        sqlite3 *application = fixture_open(path);
        SchemaReport report;

        fixture_execute(application, FIXTURE_PRAGMA_NAMES);
        fixture_close(application);
        migrate(path, &report);
        assert_int_equal(report.tables_created, N_TABLES);
        assert_int_equal(report.indexes_created, N_INDEXES);
        schema_report_done(&report);
        migrate(path, &report);
        assert_int_equal(report.tables_created + report.indexes_created, 0);
        assert_int_equal(report.n_differences, 0);
        schema_report_done(&report);
}

static void test_database_of_the_application_is_completed_not_altered(void **state)
{
        const char *path = fixture_path("app.db");
        sqlite3 *application = fixture_open(path);
        SchemaReport report, again;

        fixture_execute(application, APPLICATION_SQL "; CREATE TABLE before AS SELECT * FROM sqlite_schema");
        migrate(path, &report);
        assert_int_equal(report.tables_created, N_TABLES - 2);
        /* by_user serves user_id; some_only is partial and serves nothing in general. */
        assert_int_equal(report.indexes_created, N_INDEXES - 1);
        assert_int_equal(fixture_integer(application,
                                         "SELECT count(*) FROM sqlite_schema"
                                         " WHERE name = 'ix_access_logs_prediction_id'"),
                        1);
        /* Widths, defaults and NOT NULL are the application's own affair; what the service does not work
         * with (users.ip_address) is as well. */
        assert_int_equal(report.n_differences, 0);
        assert_int_equal(report.n_costs, 0);

        /* What was there is there, to the letter. */
        assert_int_equal(fixture_integer(application,
                                         "SELECT count(*) FROM before AS b LEFT JOIN sqlite_schema AS s"
                                         " USING (name, type) WHERE s.sql IS NOT b.sql"),
                        0);
        assert_int_equal(fixture_integer(application, "SELECT count(*) FROM users"), 1);
        fixture_close(application);

        migrate(path, &again);
        assert_int_equal(again.tables_created + again.indexes_created, 0);
        schema_report_done(&again);
        schema_report_done(&report);
}

static void test_what_is_in_the_way_is_reported(void **state)
{
        const char *path = fixture_path("app.db");
        sqlite3 *application = fixture_open(path);
        SchemaReport report;

        fixture_execute(application,
                        "CREATE TABLE t(a); CREATE VIEW alerts AS SELECT * FROM t;"
                        "CREATE INDEX ix_system_logs_user_id ON t(a)");
        fixture_execute(application, "CREATE TABLE system_logs(id INTEGER PRIMARY KEY, user_id INTEGER)");
        fixture_close(application);
        migrate(path, &report);
        assert_int_equal(report.tables_created, N_TABLES - 2);
        assert_true(has_difference(&report, "alerts: a view instead of a table"));
        assert_true(has_difference(&report,
                        "ix_system_logs_user_id: no index for system_logs.user_id, but the name is taken"));
        schema_report_done(&report);
}

static void test_lost_index_comes_back(void **state)
{
        const char *path = create_empty();
        SchemaReport report;
        sqlite3 *application;

        migrate(path, &report);
        schema_report_done(&report);
        application = fixture_open(path);
        fixture_execute(application, "DROP INDEX ix_predictions_match_id; DROP TABLE backup_logs");
        migrate(path, &report);
        assert_int_equal(report.tables_created, 1);
        assert_int_equal(report.indexes_created, 3);
        schema_report_done(&report);
        assert_int_equal(fixture_integer(application, "SELECT count(*) FROM oracxpred_migrations"), 1);
        fixture_close(application);
}

static void test_newer_database_is_refused(void **state)
{
        const char *path = create_empty();
        Connection *connection = NULL;
        SchemaReport report;
        sqlite3 *application;
        Fault fault = {0};

        migrate(path, &report);
        schema_report_done(&report);
        application = fixture_open(path);
        fixture_execute(application,
                        "INSERT INTO oracxpred_migrations VALUES(9, 'of the future', '2030-01-01 00:00:00');"
                        "DROP INDEX ix_predictions_match_id");
        /* The second time with a table that only SQLite takes for one. */
        for (int i = 0; i < 2; i++) {
                connection = fixture_connect(path, CONNECTION_WRITE);
                assert_int_equal(schema_migrate(connection, NOW_USEC, &report, &fault), -EOPNOTSUPP);
                fixture_assert_fault(&fault, FAULT_NOT_SUPPORTED, "step 9");
                connection = connection_close(connection);
                if (i == 0)
                        fixture_blur_type(application, "oracxpred_migrations");
        }
        assert_int_equal(fixture_integer(application,
                                         "SELECT count(*) FROM sqlite_schema"
                                         " WHERE name = 'ix_predictions_match_id'"),
                        0);
        fixture_close(application);
}

static void test_full_disk_changes_nothing(void **state)
{
        const char *small = fixture_mount_small(65536);
        Connection *connection = NULL;
        SchemaReport report;
        sqlite3 *application;
        Fault fault = {0};
        char path[256];

        (void) snprintf(path, sizeof path, "%s/app.db", small);
        application = fixture_open(path);
        fixture_execute(application, "CREATE TABLE own(a); INSERT INTO own VALUES(1)");
        connection = fixture_connect(path, CONNECTION_WRITE);
        assert_int_equal(schema_migrate(connection, NOW_USEC, &report, &fault), -ENOSPC);
        fixture_assert_fault(&fault, FAULT_NO_SPACE, "make room");
        assert_true(sqlite3_get_autocommit(connection->handle));
        connection = connection_close(connection);
        assert_int_equal(fixture_integer(application, "SELECT count(*) FROM sqlite_schema"), 1);
        assert_int_equal(fixture_integer(application, "SELECT a FROM own"), 1);
        fixture_close(application);
}

/* A moment that can't be written as text is met last of all, when everything else is done. */
static void test_failure_at_the_end_leaves_nothing_behind(void **state)
{
        const char *path = create_empty();
        Connection *connection = fixture_connect(path, CONNECTION_WRITE);
        SchemaReport report;
        int64_t n_objects;

        assert_true(schema_migrate(connection, UINT64_MAX, &report, NULL) < 0);
        assert_true(sqlite3_get_autocommit(connection->handle));
        assert_int_equal(connection_query_integer(
                                         connection, "SELECT count(*) FROM sqlite_schema", &n_objects, NULL),
                        0);
        assert_int_equal(n_objects, 0);
        assert_int_equal(schema_migrate(connection, NOW_USEC, &report, NULL), 0);
        schema_report_done(&report);
        connection = connection_close(connection);
}

static int create_users_first(unsigned kind, void *userdata, void *statement, void *text)
{
        if (strcmp(text, "BEGIN IMMEDIATE") == 0)
                fixture_execute(userdata, "CREATE TABLE users(id INTEGER PRIMARY KEY, own TEXT)");
        return 0;
}

/* The application creates its tables between the first look and the write lock. */
static void test_tables_made_meanwhile_are_left_alone(void **state)
{
        const char *path = create_empty();
        sqlite3 *application = fixture_open(path);
        Connection *connection = fixture_connect(path, CONNECTION_WRITE);
        SchemaReport report;

        assert_int_equal(sqlite3_trace_v2(connection->handle,
                                         SQLITE_TRACE_STMT,
                                         create_users_first,
                                         application),
                        SQLITE_OK);
        assert_int_equal(schema_migrate(connection, NOW_USEC, &report, NULL), 0);
        connection = connection_close(connection);
        assert_int_equal(report.tables_created, N_TABLES - 1);
        assert_true(has_difference(&report,
                        "users.username: missing; without it the interface for this table can't work"));
        schema_report_done(&report);
        fixture_close(application);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                        TEST(test_new_database_is_what_the_application_expects),
                        TEST(test_rows_go_in_and_come_back_with_defaults),
                        TEST(test_complete_database_is_not_written),
                        TEST(test_tables_with_the_names_of_pragmas_are_no_obstacle),
                        TEST(test_database_of_the_application_is_completed_not_altered),
                        TEST(test_what_is_in_the_way_is_reported),
                        TEST(test_lost_index_comes_back),
                        TEST(test_newer_database_is_refused),
                        TEST(test_full_disk_changes_nothing),
                        TEST(test_failure_at_the_end_leaves_nothing_behind),
                        TEST(test_tables_made_meanwhile_are_left_alone),
        };

        return cmocka_run_group_tests_name("database/schema", tests, NULL, NULL);
}
