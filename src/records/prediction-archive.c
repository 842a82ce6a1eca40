/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "records/prediction-archive.h"

#include "base/test-hook.h"
#include "database/connection/table-columns.h"
#include "database/connection/transaction.h"
#include "database/schema/schema.h"
#include "records/prediction-outcome.h"
#include "records/prediction-store.h"

typedef struct Archiving {
        int64_t match_id;
        char moment[TIMESTAMP_RFC3339_MAX];
        unsigned n_written; /* the result */
} Archiving;

/* What one row of the join says, in the order of its columns. */
enum {
        COLUMN_ID,
        COLUMN_TYPE,
        COLUMN_CHOICE,
        COLUMN_PROBABILITY,
        COLUMN_RESULT,
        COLUMN_STATUS,
        COLUMN_TEAM1,
        COLUMN_TEAM2,
        COLUMN_SCORE1,
        COLUMN_SCORE2,
        COLUMN_HAS_SCORE,
        COLUMN_ARCHIVE_ID,
        COLUMN_ARCHIVED_OUTCOME,
};

static const char candidates_sql[] =
                "SELECT p.id, p.consensus_type, p.consensus_result, p.consensus_probability, "
                "m.resultat_reel, "
                "m.statut_final, m.equipe_1, m.equipe_2, m.score_final_equipe_1, m.score_final_equipe_2, "
                "m.score_final_equipe_1 IS NOT NULL AND m.score_final_equipe_2 IS NOT NULL, "
                "(SELECT max(a.id) FROM main.predictions_archive AS a WHERE a.prediction_id = p.id), "
                "(SELECT a.prediction_correcte FROM main.predictions_archive AS a "
                "WHERE a.prediction_id = p.id ORDER BY a.id DESC LIMIT 1) "
                "FROM main.matches_archive AS m JOIN main.predictions AS p ON p.match_id = m.match_id "
                "WHERE m.match_id = ?1{predictions.is_valid: AND coalesce(p.is_valid, 1) = 1} ORDER BY p.id";

/* ?1 the prediction, ?2 the outcome, ?3 the deviation, ?4 the moment, ?5 the row of the archive. */
static const char insert_sql[] =
                "INSERT INTO main.predictions_archive(match_id, prediction_id, consensus_type, choix, "
                "probabilite, confiance, resultat_reel, prediction_correcte, ecart_probabilite, created_at, "
                "updated_at, finalized_at{predictions_archive.vote_statistique:, vote_statistique}"
                "{predictions_archive.vote_cotes:, vote_cotes}"
                "{predictions_archive.vote_simulation:, vote_simulation}"
                "{predictions_archive.vote_forme:, vote_forme}{predictions_archive.consensus:, consensus}"
                "{predictions_archive.extra_data:, extra_data}) SELECT p.match_id, p.id, p.consensus_type, "
                "p.consensus_result, p.consensus_probability, p.confidence, m.resultat_reel, ?2, ?3, ?4, "
                "?4, "
                "?4{predictions_archive.vote_statistique:, p.votes_statistique}"
                "{predictions_archive.vote_cotes:, p.votes_cotes}"
                "{predictions_archive.vote_simulation:, p.votes_simulation}"
                "{predictions_archive.vote_forme:, p.votes_forme}"
                "{predictions_archive.consensus:, (coalesce(p.votes_statistique, 0) <> 0) + "
                "(coalesce(p.votes_cotes, 0) <> 0) + (coalesce(p.votes_simulation, 0) <> 0) + "
                "(coalesce(p.votes_forme, 0) <> 0) >= 3}{predictions_archive.extra_data:, p.extra_data} "
                "FROM main.predictions AS p JOIN main.matches_archive AS m ON m.match_id = p.match_id "
                "WHERE p.id = ?1";
/* ?6 whether the outcome counts: what can't be told of an unchanged result is no reason to take back what
 * somebody else, who knew more, wrote there. */
#define RESULT_SQL                                                                           \
        "(SELECT m.resultat_reel FROM main.predictions AS p JOIN main.matches_archive AS m " \
        "ON m.match_id = p.match_id WHERE p.id = ?1)"
static const char update_sql[] =
                "UPDATE main.predictions_archive SET resultat_reel = " RESULT_SQL ", "
                "prediction_correcte = CASE WHEN ?6 OR resultat_reel IS NOT " RESULT_SQL
                " THEN ?2 ELSE prediction_correcte END, "
                "ecart_probabilite = CASE WHEN ?6 OR resultat_reel IS NOT " RESULT_SQL
                " THEN ?3 ELSE ecart_probabilite END, updated_at = ?4, "
                "finalized_at = coalesce(finalized_at, ?4) WHERE id = ?5 AND (finalized_at IS NULL OR "
                "(?6 AND (prediction_correcte IS NOT ?2 OR ecart_probabilite IS NOT ?3)) OR "
                "resultat_reel IS NOT " RESULT_SQL ")";

static const char *text_of(sqlite3_stmt *statement, int column)
{
        return (const char *) sqlite3_column_text(statement, column);
}

static PredictionOutcome judge_row(sqlite3_stmt *row)
{
        return prediction_judge(&(PredictionFacts){
                        .consensus_type = text_of(row, COLUMN_TYPE),
                        .choice = text_of(row, COLUMN_CHOICE),
                        .status = text_of(row, COLUMN_STATUS),
                        .result = text_of(row, COLUMN_RESULT),
                        .team1 = text_of(row, COLUMN_TEAM1),
                        .team2 = text_of(row, COLUMN_TEAM2),
                        .has_score = sqlite3_column_int(row, COLUMN_HAS_SCORE),
                        .score1 = sqlite3_column_int64(row, COLUMN_SCORE1),
                        .score2 = sqlite3_column_int64(row, COLUMN_SCORE2),
        });
}

static int lock_prediction(Connection *connection, int64_t id, const Archiving *archiving, Fault *fault)
{
        bool is_there;
        int r = table_has_column(connection, "predictions", "is_locked", &is_there, fault);

        if (r < 0 || !is_there)
                return r;
        return prediction_change(connection,
                        "UPDATE main.predictions SET is_locked = 1{predictions.updated_at:, updated_at = "
                        "?2} "
                        "WHERE id = ?1 AND coalesce(is_locked, 0) = 0",
                        &id,
                        1,
                        archiving->moment,
                        fault);
}

static int write_row(Connection *connection, sqlite3_stmt *row, Archiving *archiving, Fault *fault)
{
        _cleanup_(statement_finalizep) sqlite3_stmt *statement = NULL;
        PredictionOutcome outcome = judge_row(row);
        int64_t id = sqlite3_column_int64(row, COLUMN_ID);
        bool is_new = sqlite3_column_type(row, COLUMN_ARCHIVE_ID) == SQLITE_NULL;
        int code = SQLITE_OK, r;

        r = prediction_prepare(connection, is_new ? insert_sql : update_sql, &id, 1, &statement, fault);
        if (r < 0)
                return r;
        if (outcome != PREDICTION_OUTCOME_UNKNOWN) {
                double probability = sqlite3_column_double(row, COLUMN_PROBABILITY);

                code = sqlite3_bind_int(statement, 2, outcome == PREDICTION_OUTCOME_CORRECT);
                if (code == SQLITE_OK)
                        code = sqlite3_bind_double(statement, 3, prediction_deviation(outcome, probability));
        }
        if (code == SQLITE_OK)
                code = sqlite3_bind_text(statement, 4, archiving->moment, -1, SQLITE_STATIC);
        if (code == SQLITE_OK && !is_new)
                code = sqlite3_bind_int64(statement, 5, sqlite3_column_int64(row, COLUMN_ARCHIVE_ID));
        if (code == SQLITE_OK && !is_new)
                code = sqlite3_bind_int(statement,
                                6,
                                outcome != PREDICTION_OUTCOME_UNKNOWN ||
                                                prediction_match_is_annulled(text_of(row, COLUMN_STATUS)));
        if (code != SQLITE_OK)
                return connection_fault(connection, code, fault, "Archiving a prediction");
        r = prediction_step(connection, statement, fault);
        if (r < 0)
                return r;
        archiving->n_written += (unsigned) sqlite3_changes(connection->handle);
        TEST_POINT("archive-written");
        return lock_prediction(connection, id, archiving, fault);
}

static int require_over(Connection *connection, int64_t match_id, Fault *fault)
{
        _cleanup_(statement_finalizep) sqlite3_stmt *statement = NULL;
        int r = prediction_find(connection,
                        "SELECT statut_final FROM main.matches_archive WHERE match_id = ?1",
                        &match_id,
                        1,
                        &statement,
                        fault);

        if (r < 0)
                return r;
        if (r == 0)
                return fault_set(fault,
                                FAULT_NOT_FOUND,
                                "Match %lld is not in matches_archive; write its result there first",
                                (long long) match_id);
        if (!prediction_match_is_over(text_of(statement, 0)))
                return fault_set(fault,
                                FAULT_NOT_FOUND,
                                "Match %lld has no result yet: its statut_final is neither terminé nor "
                                "annulé",
                                (long long) match_id);
        return 0;
}

static int require_columns(Connection *connection, Fault *fault)
{
        static const char *const of_predictions[] = {"id",
                        "match_id",
                        "consensus_type",
                        "consensus_result",
                        "consensus_probability",
                        "confidence",
                        "votes_statistique",
                        "votes_cotes",
                        "votes_simulation",
                        "votes_forme",
                        "extra_data",
                        NULL};
        static const char *const of_matches[] = {"id",
                        "match_id",
                        "equipe_1",
                        "equipe_2",
                        "resultat_reel",
                        "statut_final",
                        "score_final_equipe_1",
                        "score_final_equipe_2",
                        NULL};
        static const char *const of_archive[] = {"id",
                        "match_id",
                        "prediction_id",
                        "consensus_type",
                        "choix",
                        "probabilite",
                        "confiance",
                        "resultat_reel",
                        "prediction_correcte",
                        "ecart_probabilite",
                        "created_at",
                        "updated_at",
                        "finalized_at",
                        NULL};
        static const char doing[] = "archiving predictions";
        int r = table_require_columns(connection, "predictions", of_predictions, doing, fault);

        if (r >= 0)
                r = table_require_columns(connection, "matches_archive", of_matches, doing, fault);
        if (r >= 0)
                r = table_require_columns(connection, "predictions_archive", of_archive, doing, fault);
        return r;
}

/* Whether all three tables are there, with the columns that archiving needs. */
static int is_possible(Connection *connection, bool *ret, Fault *fault)
{
        static const char *const tables[] = {"predictions", "matches_archive", "predictions_archive"};
        _cleanup_fault_ Fault lacking = {0};
        bool is_there = true;
        int r = 0;

        for (size_t i = 0; r >= 0 && is_there && i < ELEMENTSOF(tables); i++)
                r = table_has_columns(connection, tables[i], &is_there, fault);
        if (r < 0)
                return r;
        r = is_there ? require_columns(connection, &lacking) : 0;
        *ret = is_there && r >= 0;
        if (r >= 0 || lacking.code == FAULT_NOT_SUPPORTED)
                return 0;
        if (fault)
                fault_move(fault, &lacking);
        return r;
}

static int archive(Connection *connection, void *userdata, Fault *fault)
{
        Archiving *archiving = userdata;
        _cleanup_(statement_finalizep) sqlite3_stmt *row = NULL;
        bool any = false;
        int r = schema_add_table(connection, "predictions_archive", fault);

        if (r >= 0)
                r = require_columns(connection, fault);
        if (r >= 0)
                r = require_over(connection, archiving->match_id, fault);

        if (r >= 0)
                r = prediction_prepare(connection, candidates_sql, &archiving->match_id, 1, &row, fault);
        while (r >= 0 && (r = prediction_step(connection, row, fault)) > 0) {
                any = true;
                r = write_row(connection, row, archiving, fault);
        }
        if (r >= 0 && !any)
                return fault_set(fault,
                                FAULT_NOT_FOUND,
                                "There is no valid prediction for match %lld",
                                (long long) archiving->match_id);
        return r;
}

int prediction_archive(
                Connection *connection, int64_t match_id, uint64_t now_usec, unsigned *ret, Fault *fault)
{
        Archiving archiving = {.match_id = match_id};
        int r = prediction_format_moment(now_usec, archiving.moment, fault);

        if (r >= 0)
                r = transaction_run(connection, archive, &archiving, fault);
        if (r < 0)
                return r;
        *ret = archiving.n_written;
        return 0;
}

static PredictionOutcome archived_outcome(sqlite3_stmt *row)
{
        if (sqlite3_column_type(row, COLUMN_ARCHIVED_OUTCOME) == SQLITE_NULL)
                return PREDICTION_OUTCOME_UNKNOWN;
        return sqlite3_column_int(row, COLUMN_ARCHIVED_OUTCOME) ? PREDICTION_OUTCOME_CORRECT
                                                                : PREDICTION_OUTCOME_WRONG;
}

/* Whether what is there by now tells of one of the match's predictions what the archive doesn't: 1 or 0. A
 * verdict that can't be told from it may be the application's own, and stays. */
static int verdict_differs(Connection *connection, int64_t match_id, Fault *fault)
{
        _cleanup_(statement_finalizep) sqlite3_stmt *row = NULL;
        int r = prediction_prepare(connection, candidates_sql, &match_id, 1, &row, fault);

        while (r >= 0 && (r = prediction_step(connection, row, fault)) > 0) {
                PredictionOutcome outcome = judge_row(row);

                if (outcome != PREDICTION_OUTCOME_UNKNOWN && outcome != archived_outcome(row))
                        return 1;
        }
        return r;
}

/* Whether the match is over and has a valid prediction that is not archived, or with another result or
 * another score where that is all there is; moves *after_id to its row. 0: no match is left. */
static int next_match(Connection *connection,
                sqlite3_stmt *statement,
                int64_t *after_id,
                int64_t *ret_match_id,
                bool *ret_due,
                Fault *fault)
{
        int r = prediction_step(connection, statement, fault);
        bool is_over;

        if (r <= 0)
                return r;
        *after_id = sqlite3_column_int64(statement, 0);
        *ret_match_id = sqlite3_column_int64(statement, 1);
        is_over = prediction_match_is_over(text_of(statement, 2));
        *ret_due = is_over && sqlite3_column_int(statement, 3);
        if (!is_over || *ret_due || !sqlite3_column_int(statement, 4))
                return 1;
        r = verdict_differs(connection, *ret_match_id, fault);
        if (r < 0)
                return r;
        *ret_due = r > 0;
        return 1;
}

int prediction_archive_due(Connection *connection,
                int64_t *after_id,
                unsigned limit,
                uint64_t now_usec,
                unsigned *n_written,
                Fault *fault)
{
        const int64_t values[] = {*after_id, limit};
        _cleanup_(statement_finalizep) sqlite3_stmt *statement = NULL;
        _cleanup_free_ int64_t *due = calloc(limit, sizeof *due);
        unsigned n_seen = 0, n_due = 0;
        int64_t match_id;
        bool is_due, possible;
        int r;

        if (!due)
                return fault_set_errno(fault, ENOMEM, "Archiving predictions");
        r = is_possible(connection, &possible, fault);
        if (r < 0 || !possible) {
                *after_id = 0;
                return r;
        }
        r = prediction_prepare(connection,
                        "SELECT m.id, m.match_id, m.statut_final, EXISTS (SELECT 1 FROM main.predictions AS "
                        "p "
                        "WHERE p.match_id = m.match_id{predictions.is_valid: AND coalesce(p.is_valid, 1) = "
                        "1} AND (NOT EXISTS "
                        "(SELECT 1 FROM main.predictions_archive AS a WHERE a.prediction_id = p.id) OR "
                        "(SELECT a.resultat_reel FROM main.predictions_archive AS a WHERE a.prediction_id = "
                        "p.id ORDER BY a.id DESC LIMIT 1) IS NOT m.resultat_reel)), "
                        "trim(coalesce(m.resultat_reel, ''), char(9, 10, 13, 32)) = '' "
                        "AND m.score_final_equipe_1 IS NOT NULL AND m.score_final_equipe_2 IS NOT NULL "
                        "FROM main.matches_archive AS m WHERE m.id > ?1 ORDER BY m.id LIMIT ?2",
                        values,
                        ELEMENTSOF(values),
                        &statement,
                        fault);
        while (r >= 0 && n_seen < limit &&
                        (r = next_match(connection, statement, after_id, &match_id, &is_due, fault)) > 0) {
                n_seen++;
                if (is_due)
                        due[n_due++] = match_id;
        }
        if (r < 0)
                return r;
        statement_finalizep(&statement);
        statement = NULL;
        for (unsigned i = 0; i < n_due; i++) {
                unsigned n;

                r = prediction_archive(connection, due[i], now_usec, &n, fault);
                /* Somebody took it back in between. */
                if (r == fault_errno(FAULT_NOT_FOUND)) {
                        if (fault)
                                fault_done(fault);
                        continue;
                }
                if (r < 0)
                        return r;
                *n_written += n;
        }
        if (n_seen < limit)
                *after_id = 0;
        return 0;
}
