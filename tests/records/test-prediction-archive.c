/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "prediction-fixture.h"

#include "records/prediction-archive.h"
#include "records/prediction-store.h"

static void add_match(int64_t match_id, const char *status, const char *result)
{
        char *sql = sqlite3_mprintf("INSERT INTO matches_archive(match_id, jeu, ligue, equipe_1, equipe_2, "
                                    "date_heure_match, statut_final, resultat_reel) VALUES(%lld, 'FIFA', "
                                    "'Ligue 1', 'A', 'B', '2026-01-24 10:00:00', %Q, %Q)",
                        (long long) match_id,
                        status,
                        result);

        assert_non_null(sql);
        fixture_execute(application, sql);
        sqlite3_free(sql);
}

static unsigned archive(int64_t match_id, uint64_t now_usec)
{
        Fault fault = {0};
        unsigned n;

        if (prediction_archive(connection, match_id, now_usec, &n, &fault) < 0)
                fail_msg("%s", fault.message);
        return n;
}

static unsigned archive_due(int64_t *after_id, unsigned limit)
{
        Fault fault = {0};
        unsigned n = 0;

        if (prediction_archive_due(connection, after_id, limit, NOW_USEC, &n, &fault) < 0)
                fail_msg("%s", fault.message);
        assert_int_equal(fault.code, FAULT_NONE);
        return n;
}

static void refuse(int64_t match_id, const char *words)
{
        Fault fault = {0};
        unsigned n;

        assert_true(prediction_archive(connection, match_id, NOW_USEC, &n, &fault) < 0);
        fixture_assert_fault(&fault, FAULT_NOT_FOUND, words);
        assert_int_equal(fixture_integer(application, "SELECT count(*) FROM predictions_archive"), 0);
}

static void test_a_row_with_its_result(void **state)
{
        (void) prediction_stored(7);
        add_match(7, "terminé", "1");
        fixture_execute(application, "UPDATE predictions SET votes_forme = 1, votes_simulation = 1");
        assert_int_equal(archive(7, NOW_USEC), 1);
        assert_string_equal(prediction_text("SELECT match_id || prediction_id || consensus_type || choix || "
                                            "probabilite || confiance || vote_statistique || vote_cotes || "
                                            "vote_simulation || vote_forme || consensus || resultat_reel || "
                                            "prediction_correcte || ecart_probabilite || extra_data "
                                            "FROM predictions_archive"),
                        "711X2172.564.0011111127.5{\"poids\": [1, 2.5]}");
        assert_string_equal(prediction_text("SELECT created_at || updated_at || finalized_at FROM "
                                            "predictions_archive"),
                        "2026-01-24 01:46:21.1234562026-01-24 01:46:21.1234562026-01-24 01:46:21.123456");
        assert_string_equal(prediction_text("SELECT is_locked FROM predictions"), "1");
}

static void test_what_is_there_is_not_written_again(void **state)
{
        (void) prediction_stored(7);
        add_match(7, "terminé", NULL);
        assert_int_equal(archive(7, NOW_USEC), 1);
        assert_string_equal(prediction_text("SELECT prediction_correcte FROM predictions_archive"), "NULL");
        assert_string_equal(prediction_text("SELECT ecart_probabilite FROM predictions_archive"), "NULL");
        assert_int_equal(archive(7, NOW_USEC + USEC_PER_SEC), 0);
        assert_string_equal(prediction_text("SELECT updated_at FROM predictions_archive"),
                        "2026-01-24 01:46:21.123456");
        /* The result came later, or was corrected. */
        fixture_execute(application, "UPDATE matches_archive SET resultat_reel = 'X'");
        assert_int_equal(archive(7, NOW_USEC + USEC_PER_SEC), 1);
        assert_string_equal(prediction_text("SELECT resultat_reel || prediction_correcte || "
                                            "ecart_probabilite || "
                                            "updated_at || finalized_at FROM predictions_archive"),
                        "X072.52026-01-24 01:46:22.1234562026-01-24 01:46:21.123456");
        assert_int_equal(fixture_integer(application, "SELECT count(*) FROM predictions_archive"), 1);
}

static void test_all_valid_ones_and_no_other(void **state)
{
        PredictionChange change;
        _cleanup_fault_ Fault fault = {0};

        (void) prediction_stored(7);
        assert_int_equal(prediction_invalidate(connection, 1, 0, NOW_USEC, &change, &fault), 0);
        (void) prediction_stored(7);
        prediction_insert(7, "total", "Plus de 2.5");
        add_match(7, "terminé", "1");
        assert_int_equal(archive(7, NOW_USEC), 2);
        assert_string_equal(prediction_text("SELECT group_concat(prediction_id || ':' || "
                                            "coalesce(prediction_correcte, '?')) FROM predictions_archive"),
                        "2:1,3:?");
        assert_string_equal(prediction_text("SELECT group_concat(is_locked) FROM predictions"), "0,1,1");
}

static void test_what_can_not_be_archived(void **state)
{
        PredictionChange change;
        _cleanup_fault_ Fault fault = {0};

        refuse(7, "not in matches_archive");
        (void) prediction_stored(7);
        refuse(7, "not in matches_archive");
        add_match(7, "en_cours", NULL);
        refuse(7, "no result yet");
        fixture_execute(application, "UPDATE matches_archive SET statut_final = 'annulé'");
        assert_int_equal(prediction_invalidate(connection, 1, 0, NOW_USEC, &change, &fault), 0);
        refuse(7, "no valid prediction");
}

static void test_an_annulled_match_is_archived_without_a_verdict(void **state)
{
        (void) prediction_stored(7);
        add_match(7, "annulé", "1");
        assert_int_equal(archive(7, NOW_USEC), 1);
        assert_string_equal(prediction_text("SELECT prediction_correcte FROM predictions_archive"), "NULL");
        assert_string_equal(prediction_text("SELECT finalized_at FROM predictions_archive"),
                        "2026-01-24 01:46:21.123456");
}

static void test_what_is_due_is_found(void **state)
{
        int64_t after_id = 0;
        unsigned n = 0;

        for (int64_t match_id = 1; match_id <= 9; match_id++) {
                if (match_id != 5)
                        (void) prediction_stored(match_id);
                add_match(match_id, match_id == 4 ? "en_cours" : "terminé", "1");
        }
        assert_int_equal(archive(6, NOW_USEC), 1);
        do {
                n += archive_due(&after_id, 2);
        } while (after_id > 0);
        assert_int_equal(n, 6);
        assert_string_equal(prediction_text("SELECT group_concat(match_id) FROM predictions_archive"),
                        "1,2,3,6,7,8,9");
        assert_int_equal(archive_due(&after_id, 100), 0);
}

/* A match is often over before its result is there, and results are corrected. */
static void test_what_got_its_result_later_is_due_again(void **state)
{
        int64_t after_id = 0;

        (void) prediction_stored(7);
        add_match(7, "terminé", NULL);
        assert_int_equal(archive_due(&after_id, 100), 1);
        assert_int_equal(archive_due(&after_id, 100), 0);
        fixture_execute(application, "UPDATE matches_archive SET resultat_reel = '1'");
        assert_int_equal(archive_due(&after_id, 100), 1);
        assert_string_equal(prediction_text("SELECT prediction_correcte FROM predictions_archive"), "1");
        assert_int_equal(archive_due(&after_id, 100), 0);
}

/* It is the score alone then that tells, and what it can't tell is not looked for for ever. */
static void test_what_got_its_score_later_is_due_again(void **state)
{
        static const struct {
                const char *set;
                unsigned n;
                const char *outcome;
        } steps[] = {
                        {"score_final_equipe_1 = 2, score_final_equipe_2 = 1", 1, "1"},
                        {"resultat_reel = ' '", 1, "1"},
                        {"score_final_equipe_2 = 2", 1, "0"},
                        {"score_final_equipe_2 = NULL", 0, "0"},
                        {"score_final_equipe_2 = 0, resultat_reel = 'X'", 1, "0"},
        };
        int64_t after_id = 0;

        (void) prediction_stored(7);
        add_match(7, "terminé", NULL);
        assert_int_equal(archive_due(&after_id, 100), 1);
        for (size_t i = 0; i < ELEMENTSOF(steps); i++) {
                char sql[120];

                (void) snprintf(sql, sizeof sql, "UPDATE matches_archive SET %s", steps[i].set);
                fixture_execute(application, sql);
                assert_int_equal(archive_due(&after_id, 100), steps[i].n);
                assert_string_equal(prediction_text("SELECT prediction_correcte FROM predictions_archive"),
                                steps[i].outcome);
                assert_int_equal(archive_due(&after_id, 100), 0);
        }
        assert_int_equal(fixture_integer(application, "SELECT count(*) FROM predictions_archive"), 1);
}

/* It may have judged by what the service doesn't know. */
static void test_a_verdict_of_the_application_s_stays(void **state)
{
        int64_t after_id = 0;

        (void) prediction_stored(7);
        fixture_execute(application,
                        "UPDATE predictions SET consensus_type = 'total', consensus_result = 'Plus de 2.5'");
        add_match(7, "terminé", NULL);
        assert_int_equal(archive(7, NOW_USEC), 1);
        fixture_execute(application,
                        "UPDATE matches_archive SET score_final_equipe_1 = 2, score_final_equipe_2 = 1; "
                        "UPDATE predictions_archive SET prediction_correcte = 1");
        assert_int_equal(archive_due(&after_id, 100), 0);
        assert_string_equal(prediction_text("SELECT prediction_correcte FROM predictions_archive"), "1");
        /* Nor is it taken back when somebody asks, or finalized without it. */
        assert_int_equal(archive(7, NOW_USEC), 0);
        fixture_execute(application, "UPDATE predictions_archive SET finalized_at = NULL");
        assert_int_equal(archive(7, NOW_USEC), 1);
        assert_string_equal(prediction_text("SELECT prediction_correcte FROM predictions_archive"), "1");
        /* Of another result it says nothing. */
        fixture_execute(application, "UPDATE matches_archive SET resultat_reel = '2'");
        assert_int_equal(archive(7, NOW_USEC), 1);
        assert_string_equal(prediction_text("SELECT prediction_correcte FROM predictions_archive"), "NULL");
}

static void test_what_is_taken_back_meanwhile_is_no_fault(void **state)
{
        int64_t after_id = 0;

        for (int64_t match_id = 1; match_id <= 2; match_id++) {
                (void) prediction_stored(match_id);
                add_match(match_id, "terminé", "1");
        }
        fixture_execute(application,
                        "CREATE TRIGGER back AFTER INSERT ON predictions_archive BEGIN "
                        "UPDATE matches_archive SET statut_final = 'en_cours' WHERE match_id = 2; END");
        assert_int_equal(archive_due(&after_id, 100), 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, prediction_setup, prediction_teardown)
        const struct CMUnitTest tests[] = {
                        TEST(test_a_row_with_its_result),
                        TEST(test_what_is_there_is_not_written_again),
                        TEST(test_all_valid_ones_and_no_other),
                        TEST(test_what_can_not_be_archived),
                        TEST(test_an_annulled_match_is_archived_without_a_verdict),
                        TEST(test_what_is_due_is_found),
                        TEST(test_what_got_its_result_later_is_due_again),
                        TEST(test_what_got_its_score_later_is_due_again),
                        TEST(test_a_verdict_of_the_application_s_stays),
                        TEST(test_what_is_taken_back_meanwhile_is_no_fault),
        };

        return cmocka_run_group_tests_name("prediction-archive", tests, NULL, NULL);
}
