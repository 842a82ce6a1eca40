/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "records/prediction-outcome.h"

#include <string.h>
#include <strings.h>

/* What can happen in the market 1X2, as a set. */
enum {
        HOME = 1 << 0,
        DRAW = 1 << 1,
        AWAY = 1 << 2,
};

static const char space[] = " \t\r\n";

/* Compares without regard to the case of ASCII letters and to spaces around. */
static bool same_words(const char *a, const char *b)
{
        size_t length_a, length_b;

        if (!a || !b)
                return false;
        a += strspn(a, space);
        b += strspn(b, space);
        for (length_a = strlen(a); length_a > 0 && strchr(space, a[length_a - 1]); length_a--)
                ;
        for (length_b = strlen(b); length_b > 0 && strchr(space, b[length_b - 1]); length_b--)
                ;
        return length_a > 0 && length_a == length_b && strncasecmp(a, b, length_a) == 0;
}

static bool is_blank(const char *text)
{
        return !text || text[strspn(text, space)] == '\0';
}

static bool is_one_of(const char *text, const char *const *words)
{
        for (; *words; words++)
                if (same_words(text, *words))
                        return true;
        return false;
}

static bool is_finished(const char *status)
{
        static const char *const words[] = {"terminé", "termine", NULL};

        return is_one_of(status, words);
}

bool prediction_match_is_annulled(const char *status)
{
        static const char *const words[] = {"annulé", "annule", NULL};

        return is_one_of(status, words);
}

bool prediction_match_is_over(const char *status)
{
        return is_finished(status) || prediction_match_is_annulled(status);
}

/* The set that the words stand for; 0 when they mean something else. */
static unsigned read_winner(const char *text, const PredictionFacts *facts)
{
        static const struct {
                const char *words;
                unsigned set;
        } table[] = {
                        {"1", HOME},
                        {"X", DRAW},
                        {"2", AWAY},
                        {"1X", HOME | DRAW},
                        {"X1", HOME | DRAW},
                        {"X2", DRAW | AWAY},
                        {"2X", DRAW | AWAY},
                        {"12", HOME | AWAY},
                        {"21", HOME | AWAY},
                        {"N", DRAW},
                        {"nul", DRAW},
                        {"match nul", DRAW},
                        {"draw", DRAW},
        };
        bool first = same_words(text, facts->team1), second = same_words(text, facts->team2);

        for (size_t i = 0; i < ELEMENTSOF(table); i++)
                if (same_words(text, table[i].words))
                        return table[i].set;
        if (first == second)
                return 0;
        return first ? HOME : AWAY;
}

static bool is_single(unsigned set)
{
        return set != 0 && (set & (set - 1)) == 0;
}

static PredictionOutcome outcome_of(bool correct)
{
        return correct ? PREDICTION_OUTCOME_CORRECT : PREDICTION_OUTCOME_WRONG;
}

static PredictionOutcome judge_winner(const PredictionFacts *facts)
{
        unsigned choice = read_winner(facts->choice, facts), happened = 0;

        if (!is_blank(facts->result))
                happened = read_winner(facts->result, facts);
        else if (facts->has_score)
                happened = facts->score1 > facts->score2   ? HOME
                           : facts->score1 < facts->score2 ? AWAY
                                                           : DRAW;
        if (choice != 0 && is_single(happened))
                return outcome_of(choice & happened);
        return same_words(facts->choice, facts->result) ? PREDICTION_OUTCOME_CORRECT
                                                        : PREDICTION_OUTCOME_UNKNOWN;
}

PredictionOutcome prediction_judge(const PredictionFacts *facts)
{
        if (!is_finished(facts->status))
                return PREDICTION_OUTCOME_UNKNOWN;
        if (same_words(facts->consensus_type, "1X2"))
                return judge_winner(facts);
        if (same_words(facts->choice, facts->result))
                return PREDICTION_OUTCOME_CORRECT;
        if (is_blank(facts->result) || read_winner(facts->result, facts) != 0)
                return PREDICTION_OUTCOME_UNKNOWN;
        return PREDICTION_OUTCOME_WRONG;
}

double prediction_deviation(PredictionOutcome outcome, double probability)
{
        return outcome == PREDICTION_OUTCOME_CORRECT ? 100 - probability : probability;
}
