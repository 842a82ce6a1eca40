/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "prediction-fixture.h"

#include "records/prediction-query.h"
#include "records/prediction-store.h"

static void store(const Prediction *prediction, uint64_t now_usec, int64_t wanted_id, bool wanted_created)
{
        Fault fault = {0};
        bool created;
        int64_t id;

        if (prediction_store(connection, prediction, now_usec, &id, &created, &fault) < 0)
                fail_msg("%s", fault.message);
        assert_int_equal(id, wanted_id);
        assert_int_equal(created, wanted_created);
}

static void refuse(const Prediction *prediction, FaultCode code, const char *words)
{
        Fault fault = {0};
        bool created;
        int64_t id;

        assert_int_equal(prediction_store(connection, prediction, NOW_USEC, &id, &created, &fault),
                        fault_errno(code));
        fixture_assert_fault(&fault, code, words);
        assert_int_equal(sqlite3_get_autocommit(connection->handle), 1);
}

static void test_a_new_one_is_inserted(void **state)
{
        _cleanup_(prediction_freep) Prediction *prediction = prediction_sample(7);

        store(prediction, NOW_USEC, 1, true);
        assert_string_equal(
                        prediction_text("SELECT match_id || team1 || team2 || league || consensus_type || "
                                        "consensus_result || consensus_probability || confidence || "
                                        "recommended_action FROM predictions"),
                        "7Étoile FilanteAS DouanesLigue 11X2172.564.0MISER");
        assert_string_equal(prediction_text("SELECT votes_statistique || votes_cotes || votes_simulation || "
                                            "votes_forme || is_valid || is_locked FROM predictions"),
                        "010010");
        assert_string_equal(
                        prediction_text("SELECT created_at FROM predictions"), "2026-01-24 01:46:21.123456");
        assert_string_equal(
                        prediction_text("SELECT updated_at FROM predictions"), "2026-01-24 01:46:21.123456");
        assert_string_equal(prediction_text("SELECT extra_data FROM predictions"), "{\"poids\": [1, 2.5]}");
        assert_string_equal(prediction_text("SELECT recommended_odd FROM predictions"), "NULL");
}

static void test_the_match_s_own_is_updated(void **state)
{
        _cleanup_(prediction_freep) Prediction *part = calloc(1, sizeof *part);

        assert_non_null(part);
        (void) prediction_stored(7);
        (void) prediction_stored(8);
        prediction_set_integer(part, PREDICTION_MATCH_ID, 7);
        prediction_set_real(part, PREDICTION_CONFIDENCE, 12.5);
        prediction_set_integer(part, PREDICTION_VOTES_COTES, 0);
        store(part, NOW_USEC + USEC_PER_SEC, 1, false);
        assert_int_equal(fixture_integer(application, "SELECT count(*) FROM predictions"), 2);
        assert_string_equal(prediction_text("SELECT confidence || team1 || votes_cotes FROM predictions"),
                        "12.5Étoile Filante0");
        assert_string_equal(
                        prediction_text("SELECT updated_at FROM predictions"), "2026-01-24 01:46:22.123456");
        assert_string_equal(
                        prediction_text("SELECT created_at FROM predictions"), "2026-01-24 01:46:21.123456");
        assert_string_equal(prediction_text("SELECT confidence FROM predictions WHERE id = 2"), "64.0");
}

static void test_a_new_one_must_be_whole(void **state)
{
        _cleanup_(prediction_freep) Prediction *part = calloc(1, sizeof *part);

        assert_non_null(part);
        prediction_set_integer(part, PREDICTION_MATCH_ID, 7);
        refuse(part, FAULT_INVALID_ARGUMENT, "team1");
        assert_int_equal(fixture_integer(application, "SELECT count(*) FROM predictions"), 0);
}

static void test_the_newest_of_a_match_counts(void **state)
{
        _cleanup_(prediction_freep) Prediction *prediction = prediction_sample(7);

        (void) prediction_stored(7);
        fixture_execute(application,
                        "INSERT INTO predictions(match_id, team1, team2, league, consensus_type, "
                        "consensus_result, consensus_probability, confidence, recommended_action) "
                        "SELECT match_id, 'B', team2, league, consensus_type, consensus_result, "
                        "consensus_probability, confidence, recommended_action FROM predictions");
        store(prediction, NOW_USEC, 2, false);
        assert_string_equal(prediction_text("SELECT team1 FROM predictions WHERE id = 2"), "Étoile Filante");
}

static void test_a_locked_one_refuses_every_change(void **state)
{
        _cleanup_(prediction_freep) Prediction *prediction = prediction_sample(7);
        PredictionChange change;
        Fault fault = {0};
        unsigned n;

        (void) prediction_stored(7);
        assert_int_equal(prediction_lock(connection, 7, NOW_USEC + USEC_PER_SEC, &n, &fault), 0);
        assert_int_equal(n, 1);
        assert_string_equal(prediction_text("SELECT is_locked || updated_at FROM predictions"),
                        "12026-01-24 01:46:22.123456");
        refuse(prediction, FAULT_LOCKED, "Prediction 1 is locked");
        assert_true(prediction_invalidate(connection, 1, 0, NOW_USEC, &change, &fault) < 0);
        fixture_assert_fault(&fault, FAULT_LOCKED, "Prediction 1 is locked");
        assert_int_equal(prediction_lock(connection, 7, NOW_USEC + 2 * USEC_PER_SEC, &n, &fault), 0);
        assert_int_equal(n, 0);
        assert_string_equal(
                        prediction_text("SELECT updated_at FROM predictions"), "2026-01-24 01:46:22.123456");
        assert_true(prediction_lock(connection, 8, NOW_USEC, &n, &fault) < 0);
        fixture_assert_fault(&fault, FAULT_NOT_FOUND, "match 8");
}

static void test_an_invalidated_one_stays_and_a_new_one_follows(void **state)
{
        _cleanup_(prediction_freep) Prediction *prediction = prediction_sample(7);
        PredictionChange change;
        Fault fault = {0};

        fixture_execute(application, "INSERT INTO users(id, username, password) VALUES(3, 'u', 'x')");
        (void) prediction_stored(7);
        assert_int_equal(prediction_invalidate(connection, 1, 3, NOW_USEC + USEC_PER_SEC, &change, &fault),
                        0);
        assert_true(change.changed && change.id == 1 && change.match_id == 7);
        assert_string_equal(
                        prediction_text("SELECT is_valid || invalidated_by || invalidated_at || updated_at "
                                        "FROM predictions"),
                        "032026-01-24 01:46:22.1234562026-01-24 01:46:22.123456");
        /* The first one stands. */
        assert_int_equal(
                        prediction_invalidate(connection, 1, 0, NOW_USEC + USEC_PER_MINUTE, &change, &fault),
                        0);
        assert_false(change.changed);
        assert_string_equal(prediction_text("SELECT invalidated_by || invalidated_at FROM predictions"),
                        "32026-01-24 01:46:22.123456");
        store(prediction, NOW_USEC, 2, true);
        assert_string_equal(prediction_text("SELECT is_valid FROM predictions WHERE id = 1"), "0");
}

static void test_who_invalidates_must_be_there(void **state)
{
        PredictionChange change;
        Fault fault = {0};

        (void) prediction_stored(7);
        assert_true(prediction_invalidate(connection, 1, 99, NOW_USEC, &change, &fault) < 0);
        fixture_assert_fault(&fault, FAULT_NOT_FOUND, "user 99");
        assert_true(prediction_invalidate(connection, 2, 0, NOW_USEC, &change, &fault) < 0);
        fixture_assert_fault(&fault, FAULT_NOT_FOUND, "prediction 2");
        assert_string_equal(prediction_text("SELECT is_valid FROM predictions"), "1");
        assert_int_equal(prediction_invalidate(connection, 1, 0, NOW_USEC, &change, &fault), 0);
        assert_string_equal(prediction_text("SELECT invalidated_by FROM predictions"), "NULL");
}

static void test_a_moment_that_no_calendar_has(void **state)
{
        char moment[TIMESTAMP_RFC3339_MAX];
        Fault fault = {0};

        assert_true(prediction_format_moment(UINT64_MAX, moment, &fault) < 0);
        fixture_assert_fault(&fault, FAULT_INVALID_ARGUMENT, "9999");
}

/* As an older version of the application's models made it. */
static void test_a_table_of_fewer_columns(void **state)
{
        _cleanup_(prediction_freep) Prediction *prediction = prediction_sample(7), *found = NULL;
        PredictionChange change;
        Fault fault = {0};
        bool created;
        unsigned n;
        int64_t id;

        fixture_execute(application,
                        "DROP TABLE predictions; CREATE TABLE predictions(id INTEGER PRIMARY KEY, match_id "
                        "INTEGER, "
                        "team1 TEXT, team2 TEXT, league TEXT, consensus_type TEXT, consensus_result TEXT, "
                        "consensus_probability FLOAT, confidence FLOAT, recommended_action TEXT, extra_data "
                        "TEXT)");
        /* Votes are given, and refused by their name. */
        assert_int_equal(prediction_store(connection, prediction, NOW_USEC, &id, &created, &fault),
                        -EOPNOTSUPP);
        fixture_assert_fault(&fault, FAULT_NOT_SUPPORTED, "no column votes_cotes");
        prediction->present &= ~(UINT32_C(1) << PREDICTION_VOTES_COTES);
        for (int i = 0; i < 2; i++) {
                assert_int_equal(prediction_store(connection, prediction, NOW_USEC, &id, &created, &fault),
                                0);
                assert_int_equal(created, i == 0);
        }
        assert_int_equal(prediction_get(connection, PREDICTION_BY_MATCH, 7, &found, &fault), 0);
        assert_non_null(found);
        assert_false(prediction_has(found, PREDICTION_CREATED_AT));
        assert_int_equal(prediction_lock(connection, 7, NOW_USEC, &n, &fault), -EOPNOTSUPP);
        fixture_assert_fault(&fault, FAULT_NOT_SUPPORTED, "no column is_locked");
        assert_int_equal(prediction_invalidate(connection, id, 0, NOW_USEC, &change, &fault), -EOPNOTSUPP);
        fixture_assert_fault(&fault, FAULT_NOT_SUPPORTED, "no column is_valid");
}

static void test_the_first_prediction_makes_the_table(void **state)
{
        _cleanup_(prediction_freep) Prediction *found = NULL;

        fixture_execute(application, "PRAGMA foreign_keys=OFF; DROP TABLE predictions");
        assert_int_equal(prediction_get(connection, PREDICTION_BY_ID, 1, &found, NULL), 0);
        assert_null(found);
        assert_int_equal(prediction_stored(7), 1);
        assert_int_equal(fixture_integer(application,
                                         "SELECT count(*) FROM sqlite_schema WHERE tbl_name = 'predictions' "
                                         "AND "
                                         "type = 'index'"),
                        4);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, prediction_setup, prediction_teardown)
        const struct CMUnitTest tests[] = {
                        TEST(test_a_new_one_is_inserted),
                        TEST(test_the_match_s_own_is_updated),
                        TEST(test_a_new_one_must_be_whole),
                        TEST(test_the_newest_of_a_match_counts),
                        TEST(test_a_locked_one_refuses_every_change),
                        TEST(test_an_invalidated_one_stays_and_a_new_one_follows),
                        TEST(test_who_invalidates_must_be_there),
                        TEST(test_a_moment_that_no_calendar_has),
                        TEST(test_a_table_of_fewer_columns),
                        TEST(test_the_first_prediction_makes_the_table),
        };

        return cmocka_run_group_tests_name("prediction-store", tests, NULL, NULL);
}
