/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "prediction-fixture.h"

#include "records/prediction-query.h"

/* Ids 1 to n; the league changes with each, the day every 10, the confidence is id % 100; every third is
 * invalid. */
static void populate(int n)
{
        char *sql = sqlite3_mprintf(
                        "WITH RECURSIVE i(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM i WHERE n < %d) "
                        "INSERT INTO predictions(id, match_id, team1, team2, league, consensus_type, "
                        "consensus_result, consensus_probability, confidence, recommended_action, is_valid, "
                        "created_at) SELECT n, n / 2, 'a', 'b', 'L' || (n %% 5), '1X2', '1', 50, n %% 100, "
                        "'x', "
                        "n %% 3 > 0, datetime('2026-01-01 12:00:00', '+' || (n / 10) || ' days') FROM i",
                        n);

        assert_non_null(sql);
        fixture_execute(application, sql);
        sqlite3_free(sql);
}

/* The ids of all pages, joined by spaces. */
static const char *ids(PredictionFilter filter)
{
        static char text[512];
        size_t length = 0;

        text[0] = '\0';
        do {
                _cleanup_(prediction_page_done) PredictionPage page = {0};
                Fault fault = {0};

                if (prediction_list(connection, &filter, &page, &fault) < 0)
                        fail_msg("%s", fault.message);
                for (size_t i = 0; i < page.n_items; i++)
                        length += (size_t) snprintf(text + length,
                                        sizeof text - length,
                                        "%s%lld",
                                        length > 0 ? " " : "",
                                        (long long) page.items[i]->values[PREDICTION_ID].integer);
                filter.before_id = page.next_id;
        } while (filter.before_id != 0);
        return text;
}

static void refuse(PredictionFilter filter, const char *words)
{
        PredictionPage page = {0};
        Fault fault = {0};

        assert_true(prediction_list(connection, &filter, &page, &fault) < 0);
        fixture_assert_fault(&fault, FAULT_INVALID_ARGUMENT, words);
}

static void test_by_id_and_by_match(void **state)
{
        _cleanup_(prediction_freep) Prediction *prediction = NULL;
        Fault fault = {0};

        populate(10);
        assert_int_equal(prediction_get(connection, PREDICTION_BY_ID, 4, &prediction, &fault), 0);
        assert_int_equal(prediction->values[PREDICTION_ID].integer, 4);
        prediction = prediction_free(prediction);
        assert_int_equal(prediction_get(connection, PREDICTION_BY_MATCH, 2, &prediction, &fault), 0);
        assert_int_equal(prediction->values[PREDICTION_ID].integer, 5);
        prediction = prediction_free(prediction);
        assert_int_equal(prediction_get(connection, PREDICTION_BY_ID, 11, &prediction, &fault), 0);
        assert_null(prediction);
        assert_true(prediction_not_found(PREDICTION_BY_ID, 11, &fault) < 0);
        fixture_assert_fault(&fault, FAULT_NOT_FOUND, "prediction 11");
        assert_true(prediction_not_found(PREDICTION_BY_MATCH, 9, &fault) < 0);
        fixture_assert_fault(&fault, FAULT_NOT_FOUND, "match 9");
}

static void test_filters_and_pages(void **state)
{
        populate(40);
        for (unsigned limit = 1; limit <= 41; limit += 5) {
                assert_string_equal(ids((PredictionFilter){.limit = limit, .before_id = 6}), "5 4 3 2 1");
                assert_string_equal(ids((PredictionFilter){.limit = limit, .league = "L0"}),
                                "40 35 30 25 20 15 10 5");
                assert_string_equal(ids((PredictionFilter){.limit = limit, .day = "2026-01-02"}),
                                "19 18 17 16 15 14 13 12 11 10");
                assert_string_equal(
                                ids((PredictionFilter){.limit = limit, .day = "2026-01-02", .league = "L0"}),
                                "15 10");
                assert_string_equal(ids((PredictionFilter){.limit = limit,
                                                    .validity = PREDICTION_INVALID,
                                                    .league = "L0"}),
                                "30 15");
                assert_string_equal(ids((PredictionFilter){.limit = limit,
                                                    .validity = PREDICTION_VALID,
                                                    .minimum_confidence = 37}),
                                "40 38 37");
        }
        assert_string_equal(ids((PredictionFilter){.league = "l0"}), "");
        assert_string_equal(ids((PredictionFilter){.day = "2025-12-31"}), "");
}

static void test_moments_of_every_form_fall_into_their_day(void **state)
{
        populate(3);
        fixture_execute(application,
                        "UPDATE predictions SET created_at = '2026-01-05 00:00:00' WHERE id = 1");
        fixture_execute(application,
                        "UPDATE predictions SET created_at = '2026-01-05 23:59:59.999999' WHERE id = 2");
        fixture_execute(application,
                        "UPDATE predictions SET created_at = '2026-01-06 00:00:00' WHERE id = 3");
        assert_string_equal(ids((PredictionFilter){.day = "2026-01-05"}), "2 1");
        fixture_execute(application, "UPDATE predictions SET created_at = NULL, is_valid = NULL");
        assert_string_equal(ids((PredictionFilter){.day = "2026-01-05"}), "");
        assert_string_equal(ids((PredictionFilter){.validity = PREDICTION_VALID}), "3 2 1");
}

static void test_a_page_ends_however_little_matches(void **state)
{
        _cleanup_(prediction_page_done) PredictionPage page = {0};
        PredictionFilter filter = {.minimum_confidence = 99.5};
        _cleanup_fault_ Fault fault = {0};

        populate(PREDICTION_PAGE_EXAMINED_MAX + 10);
        assert_int_equal(prediction_list(connection, &filter, &page, &fault), 0);
        assert_int_equal(page.n_items, 0);
        assert_int_equal(page.next_id, 11);
}

static void test_a_page_is_bounded_in_bytes(void **state)
{
        _cleanup_(prediction_page_done) PredictionPage page = {0};
        PredictionFilter filter = {.limit = 100};
        _cleanup_fault_ Fault fault = {0};

        populate(20);
        fixture_execute(application, "UPDATE predictions SET extra_data = printf('%.*c', 1000000, 'x')");
        assert_int_equal(prediction_list(connection, &filter, &page, &fault), 0);
        assert_int_equal(page.n_items, 5);
        assert_int_equal(page.next_id, 16);
}

static void test_one_row_that_is_too_large_hides_no_other(void **state)
{
        _cleanup_(prediction_page_done) PredictionPage page = {0};
        _cleanup_fault_ Fault fault = {0};

        populate(3);
        fixture_execute(application,
                        "UPDATE predictions SET extra_data = printf('%.*c', 2000000, 'x') WHERE id = 2");
        assert_int_equal(prediction_list(connection, &(PredictionFilter){0}, &page, &fault), 0);
        assert_int_equal(page.n_items, 3);
        assert_int_equal(page.items[1]->values[PREDICTION_ID].integer, 2);
        assert_false(prediction_has(page.items[1], PREDICTION_EXTRA_DATA));
}

static void test_bad_filters(void **state)
{
        refuse((PredictionFilter){.day = "2026-02-30"}, "YYYY-MM-DD");
        refuse((PredictionFilter){.day = "2026-1-1"}, "YYYY-MM-DD");
        refuse((PredictionFilter){.day = "2026-01-01T"}, "YYYY-MM-DD");
        refuse((PredictionFilter){.limit = PREDICTION_PAGE_ROWS_MAX + 1}, "500");
        refuse((PredictionFilter){.minimum_confidence = 101}, "percentage");
        refuse((PredictionFilter){.minimum_confidence = -1}, "percentage");
        refuse((PredictionFilter){.before_id = -1}, "above 0");
        refuse((PredictionFilter){.league = "\xff"}, "UTF-8");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, prediction_setup, prediction_teardown)
        const struct CMUnitTest tests[] = {
                        TEST(test_by_id_and_by_match),
                        TEST(test_filters_and_pages),
                        TEST(test_moments_of_every_form_fall_into_their_day),
                        TEST(test_a_page_ends_however_little_matches),
                        TEST(test_a_page_is_bounded_in_bytes),
                        TEST(test_one_row_that_is_too_large_hides_no_other),
                        TEST(test_bad_filters),
        };

        return cmocka_run_group_tests_name("prediction-query", tests, NULL, NULL);
}
