/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "prediction-fixture.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "records/prediction-query.h"

static void refuse(Prediction *prediction, const char *words)
{
        Fault fault = {0};

        assert_int_equal(prediction_check(connection, prediction, &fault),
                        fault_errno(FAULT_INVALID_ARGUMENT));
        fixture_assert_fault(&fault, FAULT_INVALID_ARGUMENT, words);
        (void) prediction_free(prediction);
}

static Prediction *with_text(PredictionColumn column, const char *text)
{
        Prediction *prediction = prediction_sample(7);

        assert_int_equal(prediction_set_text(prediction, column, text), 0);
        return prediction;
}

static Prediction *with_real(PredictionColumn column, double value)
{
        Prediction *prediction = prediction_sample(7);

        prediction_set_real(prediction, column, value);
        return prediction;
}

static void test_columns_are_those_of_the_table(void **state)
{
        for (PredictionColumn column = 0; column < _PREDICTION_COLUMN_MAX; column++) {
                char sql[256];

                assert_int_equal(prediction_column_from_string(prediction_columns[column].name), column);
                (void) snprintf(sql,
                                sizeof sql,
                                "SELECT name FROM pragma_table_info('predictions') WHERE cid = %d",
                                (int) column);
                assert_string_equal(prediction_text(sql), prediction_columns[column].name);
                if (prediction_columns[column].width_characters > 0) {
                        char type[32];

                        (void) snprintf(type,
                                        sizeof type,
                                        "VARCHAR(%u)",
                                        prediction_columns[column].width_characters);
                        (void) snprintf(sql,
                                        sizeof sql,
                                        "SELECT type FROM pragma_table_info('predictions') WHERE cid = %d",
                                        (int) column);
                        assert_string_equal(prediction_text(sql), type);
                }
        }
        assert_int_equal(fixture_integer(application,
                                         "SELECT count(*) FROM pragma_table_info('predictions')"),
                        _PREDICTION_COLUMN_MAX);
        assert_int_equal(prediction_column_from_string("odds"), _PREDICTION_COLUMN_INVALID);
}

static void test_ranges(void **state)
{
        refuse(with_real(PREDICTION_CONSENSUS_PROBABILITY, 100.1), "consensus_probability");
        refuse(with_real(PREDICTION_CONSENSUS_PROBABILITY, NAN), "percentage");
        refuse(with_real(PREDICTION_CONFIDENCE, -0.1), "confidence");
        refuse(with_real(PREDICTION_CONFIDENCE, INFINITY), "confidence");
        refuse(with_real(PREDICTION_RECOMMENDED_ODD, 0), "above 0");
        refuse(with_real(PREDICTION_RECOMMENDED_ODD, INFINITY), "above 0");
        refuse(with_real(PREDICTION_RECOMMENDED_ODD, NAN), "above 0");
}

static void test_texts(void **state)
{
        char wide[2 * 51 + 1] = "", *huge = calloc(1, PREDICTION_TEXT_MAX_BYTES + 2);
        _cleanup_(prediction_freep) Prediction *fits = NULL;
        _cleanup_fault_ Fault fault = {0};

        assert_non_null(huge);
        for (size_t i = 0; i < 50; i++)
                strcat(wide, "é");
        /* Characters are counted, as the application's models do, not bytes. */
        fits = with_text(PREDICTION_CONSENSUS_TYPE, wide);
        assert_int_equal(prediction_check(connection, fits, &fault), 0);
        strcat(wide, "é");
        refuse(with_text(PREDICTION_CONSENSUS_TYPE, wide), "at most 50 characters");
        refuse(with_text(PREDICTION_TEAM1, "\xff"), "UTF-8");
        refuse(with_text(PREDICTION_LEAGUE, ""), "not empty");
        memset(huge, 'x', PREDICTION_TEXT_MAX_BYTES + 1);
        refuse(with_text(PREDICTION_CONSENSUS_RESULT, huge), "1 MiB");
        free(huge);
}

static void test_extra_data_is_an_object(void **state)
{
        static const char *const wrong[] = {"", "[]", "1", "null", "{\"a\":}", "{a:1}", "{\"a\":1,}"};

        for (size_t i = 0; i < ELEMENTSOF(wrong); i++)
                refuse(with_text(PREDICTION_EXTRA_DATA, wrong[i]), "JSON object");
}

static void test_what_the_service_sets_is_not_taken(void **state)
{
        Prediction *prediction = prediction_sample(7);

        prediction_set_integer(prediction, PREDICTION_IS_LOCKED, 0);
        refuse(prediction, "is_locked");
        prediction = prediction_sample(7);
        prediction->present &= ~(UINT32_C(1) << PREDICTION_MATCH_ID);
        refuse(prediction, "match_id");
}

static void test_what_is_missing_is_named(void **state)
{
        Fault fault = {0};

        for (PredictionColumn column = 0; column < _PREDICTION_COLUMN_MAX; column++) {
                _cleanup_(prediction_freep) Prediction *whole = prediction_sample(7);
                Prediction part = *whole;

                if (!prediction_columns[column].required)
                        continue;
                part.present &= ~(UINT32_C(1) << column);
                assert_true(prediction_check_complete(&part, &fault) < 0);
                fixture_assert_fault(&fault, FAULT_INVALID_ARGUMENT, prediction_columns[column].name);
        }
}

static void test_a_copy_is_the_same(void **state)
{
        _cleanup_(prediction_freep) Prediction *sample = prediction_sample(7), *copy = NULL;

        copy = prediction_copy(sample);
        assert_non_null(copy);
        assert_int_equal(copy->present, sample->present);
        assert_string_equal(copy->values[PREDICTION_TEAM1].text, "Étoile Filante");
        assert_ptr_not_equal(copy->values[PREDICTION_TEAM1].text, sample->values[PREDICTION_TEAM1].text);
        assert_int_equal(prediction_bytes(copy), prediction_bytes(sample));
        assert_int_equal(prediction_set_text(copy, PREDICTION_TEAM1, "Étoile Filante."), 0);
        assert_int_equal(prediction_bytes(copy), prediction_bytes(sample) + 1);
}

static void test_odd_rows_of_the_application_are_read(void **state)
{
        _cleanup_(prediction_freep) Prediction *prediction = NULL;
        Fault fault = {0};

        fixture_execute(application,
                        "INSERT INTO predictions(id, match_id, team1, team2, league, consensus_type, "
                        "consensus_result, consensus_probability, confidence, recommended_action, is_valid, "
                        "created_at, updated_at) VALUES(5, 'seven', CAST(x'41ff' AS TEXT), 2, 'L', 'T', "
                        "'R', "
                        "9e999, -9e999, '', 2, 'yesterday', '2026-01-24 01:46:21')");
        assert_int_equal(prediction_get(connection, PREDICTION_BY_ID, 5, &prediction, &fault), 0);
        assert_non_null(prediction);
        assert_string_equal(prediction->values[PREDICTION_TEAM1].text, "A?");
        assert_string_equal(prediction->values[PREDICTION_TEAM2].text, "2");
        assert_true(prediction->values[PREDICTION_CONSENSUS_PROBABILITY].real == DBL_MAX);
        assert_true(prediction->values[PREDICTION_CONFIDENCE].real == -DBL_MAX);
        assert_int_equal(prediction->values[PREDICTION_IS_VALID].integer, 1);
        assert_false(prediction_has(prediction, PREDICTION_CREATED_AT));
        assert_true(prediction->values[PREDICTION_UPDATED_AT].usec == UINT64_C(1769219181000000));
        assert_false(prediction_has(prediction, PREDICTION_EXTRA_DATA));

        fixture_execute(application,
                        "UPDATE predictions SET extra_data = CAST(zeroblob(1048577) AS TEXT) WHERE id = 5");
        prediction = prediction_free(prediction);
        assert_true(prediction_get(connection, PREDICTION_BY_ID, 5, &prediction, &fault) < 0);
        fixture_assert_fault(&fault, FAULT_NOT_SUPPORTED, "extra_data of prediction 5");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, prediction_setup, prediction_teardown)
        const struct CMUnitTest tests[] = {
                        TEST(test_columns_are_those_of_the_table),
                        TEST(test_ranges),
                        TEST(test_texts),
                        TEST(test_extra_data_is_an_object),
                        TEST(test_what_the_service_sets_is_not_taken),
                        TEST(test_what_is_missing_is_named),
                        TEST(test_a_copy_is_the_same),
                        TEST(test_odd_rows_of_the_application_are_read),
        };

        return cmocka_run_group_tests_name("prediction", tests, NULL, NULL);
}
