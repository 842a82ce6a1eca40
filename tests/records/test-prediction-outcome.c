/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "records/prediction-outcome.h"

#define CORRECT PREDICTION_OUTCOME_CORRECT
#define WRONG PREDICTION_OUTCOME_WRONG
#define UNKNOWN PREDICTION_OUTCOME_UNKNOWN

static PredictionOutcome judge(const char *type, const char *choice, const char *status, const char *result)
{
        return prediction_judge(&(PredictionFacts){
                        .consensus_type = type,
                        .choice = choice,
                        .status = status,
                        .result = result,
                        .team1 = "Étoile",
                        .team2 = "Douanes",
        });
}

static PredictionOutcome judge_score_beside(const char *result, const char *choice, int score1, int score2)
{
        return prediction_judge(&(PredictionFacts){
                        .consensus_type = "1X2",
                        .choice = choice,
                        .status = "terminé",
                        .result = result,
                        .team1 = "Étoile",
                        .team2 = "Douanes",
                        .has_score = true,
                        .score1 = score1,
                        .score2 = score2,
        });
}

static PredictionOutcome judge_score(const char *choice, int score1, int score2)
{
        return judge_score_beside(NULL, choice, score1, score2);
}

static void test_only_a_finished_match_decides(void **state)
{
        assert_int_equal(judge("1X2", "1", "terminé", "1"), CORRECT);
        assert_int_equal(judge("1X2", "1", " TERMINE ", "1"), CORRECT);
        assert_int_equal(judge("1X2", "1", "en_cours", "1"), UNKNOWN);
        assert_int_equal(judge("1X2", "1", "annulé", "1"), UNKNOWN);
        assert_int_equal(judge("1X2", "1", NULL, "1"), UNKNOWN);
        assert_true(prediction_match_is_over("terminé") && prediction_match_is_over("annule"));
        assert_false(prediction_match_is_over("en_cours") || prediction_match_is_over(NULL));
}

static void test_who_won(void **state)
{
        static const struct {
                const char *choice, *result;
                PredictionOutcome outcome;
        } cases[] = {
                        {"1", "1", CORRECT},
                        {"1", "X", WRONG},
                        {"x", "X", CORRECT},
                        {"2", "Douanes", CORRECT},
                        {"douanes", "1", WRONG},
                        {"Étoile", "1", CORRECT},
                        {"Nul", "X", CORRECT},
                        {"1X", "X", CORRECT},
                        {"1X", "2", WRONG},
                        {"12", "2", CORRECT},
                        {"X2", "1", WRONG},
                        {"1", NULL, UNKNOWN},
                        {"1", "", UNKNOWN},
                        {"1", "reporté", UNKNOWN},
                        {"1", "1X", UNKNOWN}, /* no match ends so */
                        {"plus de 2.5", "1", UNKNOWN},
                        {"plus de 2.5", "Plus de 2.5", CORRECT},
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                assert_int_equal(
                                judge("1X2", cases[i].choice, "terminé", cases[i].result), cases[i].outcome);
}

static void test_the_score_speaks_where_the_result_is_missing(void **state)
{
        assert_int_equal(judge_score("1", 2, 1), CORRECT);
        assert_int_equal(judge_score("1", 1, 1), WRONG);
        assert_int_equal(judge_score("X", 0, 0), CORRECT);
        assert_int_equal(judge_score("2", 0, 3), CORRECT);
        assert_int_equal(judge_score("mystère", 0, 3), UNKNOWN);
        assert_int_equal(judge_score_beside("", "1", 2, 1), CORRECT);
        assert_int_equal(judge_score_beside(" \t", "1", 2, 1), CORRECT);
        assert_int_equal(judge_score_beside("X", "1", 2, 1), WRONG);
        assert_int_equal(judge_score_beside("reporté", "1", 2, 1), UNKNOWN);
}

static void test_teams_of_one_name_decide_nothing(void **state)
{
        assert_int_equal(prediction_judge(&(PredictionFacts){.consensus_type = "1X2",
                                         .choice = "Derby",
                                         .status = "terminé",
                                         .result = "1",
                                         .team1 = "Derby",
                                         .team2 = "derby"}),
                        UNKNOWN);
}

static void test_other_markets(void **state)
{
        assert_int_equal(judge("total", "Plus de 2.5", "terminé", "plus de 2.5 "), CORRECT);
        assert_int_equal(judge("total", "Plus de 2.5", "terminé", "Moins de 2.5"), WRONG);
        assert_int_equal(judge("total", "Plus de 2.5", "terminé", "1"), UNKNOWN);
        assert_int_equal(judge("total", "Plus de 2.5", "terminé", " "), UNKNOWN);
        assert_int_equal(judge("total", "Plus de 2.5", "terminé", NULL), UNKNOWN);
}

static void test_deviation(void **state)
{
        assert_true(prediction_deviation(CORRECT, 72.5) == 27.5);
        assert_true(prediction_deviation(WRONG, 72.5) == 72.5);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_only_a_finished_match_decides),
                        cmocka_unit_test(test_who_won),
                        cmocka_unit_test(test_the_score_speaks_where_the_result_is_missing),
                        cmocka_unit_test(test_teams_of_one_name_decide_nothing),
                        cmocka_unit_test(test_other_markets),
                        cmocka_unit_test(test_deviation),
        };

        return cmocka_run_group_tests_name("prediction-outcome", tests, NULL, NULL);
}
