/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Whether a prediction came true: from facts to `prediction_correcte` and `ecart_probabilite`, nothing else.
 * What can't be judged from what is there stays unknown; it is never guessed, since the performance of the
 * model is computed from it. Any thread. */

#include "base/macro.h"

typedef enum PredictionOutcome {
        PREDICTION_OUTCOME_UNKNOWN, /* NULL in the archive */
        PREDICTION_OUTCOME_WRONG,
        PREDICTION_OUTCOME_CORRECT,
} PredictionOutcome;

/* The columns of `predictions` and `matches_archive` that matter; NULL where the database has it. */
typedef struct PredictionFacts {
        const char *consensus_type;
        const char *choice; /* consensus_result */
        const char *status; /* statut_final */
        const char *result; /* resultat_reel */
        const char *team1;  /* equipe_1 */
        const char *team2;  /* equipe_2 */
        bool has_score;
        int64_t score1, score2;
} PredictionFacts;

/* True for a match that will have no other result than it has: terminé or annulé, with or without accents.
 */
bool prediction_match_is_over(const char *status);

/* True for one that was called off: its result, if any, decides nothing. */
bool prediction_match_is_annulled(const char *status);

/* - A match that is not "terminé" (an annulled one) decides nothing.
 * - In the market 1X2 the choice is one of 1, X and 2, two of them (a double chance: 1X, X2, 12), a team's
 * name or a word for a draw; what happened is resultat_reel in the same words, or else the score.
 * - In any other market the choice is compared with resultat_reel as text, letter case and outer spaces
 * aside, unless that only tells who won (1, X or 2): that does not answer an "over 2.5". */
PredictionOutcome prediction_judge(const PredictionFacts *facts);

/* How far the announced probability (0 to 100) was from what happened, in percentage points: what was
 * missing to 100 when it came true, all of it when it did not. Only for a known outcome. */
double prediction_deviation(PredictionOutcome outcome, double probability);
