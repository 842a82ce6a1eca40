/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "records/prediction-store.h"

#include "database/connection/table-columns.h"
#include "database/connection/transaction.h"
#include "database/schema/schema.h"
#include "records/prediction-query.h"

int prediction_format_moment(uint64_t usec, char ret[static TIMESTAMP_RFC3339_MAX], Fault *fault)
{
        if (timestamp_format_datetime(usec, ret) < 0)
                return fault_set(fault, FAULT_INVALID_ARGUMENT, "The clock is past the year 9999");
        return 0;
}

int prediction_prepare(Connection *connection,
                const char *sql,
                const int64_t *values,
                size_t n_values,
                sqlite3_stmt **ret,
                Fault *fault)
{
        _cleanup_(statement_finalizep) sqlite3_stmt *statement = NULL;
        int r = table_prepare(connection, sql, &statement, fault);

        for (size_t i = 0; r >= 0 && i < n_values; i++) {
                int code = SQLITE_OK;

                /* The last ones may be those of columns that are missing. */
                if ((int) i < sqlite3_bind_parameter_count(statement))
                        code = sqlite3_bind_int64(statement, (int) i + 1, values[i]);

                if (code != SQLITE_OK)
                        r = connection_fault(connection, code, fault, sql);
        }
        if (r < 0)
                return r;
        *ret = TAKE_PTR(statement);
        return 0;
}

int prediction_step(Connection *connection, sqlite3_stmt *statement, Fault *fault)
{
        int code = sqlite3_step(statement);

        if (code == SQLITE_ROW)
                return 1;
        return code == SQLITE_DONE ? 0 : connection_fault(connection, code, fault, sqlite3_sql(statement));
}

int prediction_find(Connection *connection,
                const char *sql,
                const int64_t *values,
                size_t n_values,
                sqlite3_stmt **ret,
                Fault *fault)
{
        _cleanup_(statement_finalizep) sqlite3_stmt *statement = NULL;
        int r = prediction_prepare(connection, sql, values, n_values, &statement, fault);

        if (r >= 0)
                r = prediction_step(connection, statement, fault);
        if (r >= 0)
                *ret = TAKE_PTR(statement);
        return r;
}

int prediction_change(Connection *connection,
                const char *sql,
                const int64_t *values,
                size_t n_values,
                const char *moment,
                Fault *fault)
{
        _cleanup_(statement_finalizep) sqlite3_stmt *statement = NULL;
        int code, r = prediction_prepare(connection, sql, values, n_values, &statement, fault);

        if (r < 0)
                return r;
        code = (int) n_values < sqlite3_bind_parameter_count(statement)
                               ? sqlite3_bind_text(statement, (int) n_values + 1, moment, -1, SQLITE_STATIC)
                               : SQLITE_OK;
        if (code != SQLITE_OK)
                return connection_fault(connection, code, fault, sql);
        return prediction_step(connection, statement, fault);
}

static int refuse_locked(int64_t id, Fault *fault)
{
        return fault_set(fault,
                        FAULT_LOCKED,
                        "Prediction %lld is locked, since its match has begun; it can't be changed any more",
                        (long long) id);
}

typedef struct Storing {
        const Prediction *prediction;
        char moment[TIMESTAMP_RFC3339_MAX];
        int64_t id; /* the result */
        bool created;
} Storing;

/* Binds every storable column at its number in the enumeration, counted from 1, and the moment after them.
 */
static int bind_all(Connection *connection, sqlite3_stmt *statement, const Storing *storing, Fault *fault)
{
        int n_parameters = sqlite3_bind_parameter_count(statement), code, r = 0;

        for (PredictionColumn column = 0; r >= 0 && column < _PREDICTION_COLUMN_MAX; column++)
                if (prediction_columns[column].storable && (int) column < n_parameters)
                        r = prediction_bind(connection,
                                        statement,
                                        (int) column + 1,
                                        storing->prediction,
                                        column,
                                        fault);
        if (r < 0)
                return r;
        if (n_parameters <= _PREDICTION_COLUMN_MAX)
                return 0;
        code = sqlite3_bind_text(statement, _PREDICTION_COLUMN_MAX + 1, storing->moment, -1, SQLITE_STATIC);
        return code == SQLITE_OK ? 0 : connection_fault(connection, code, fault, "Writing a prediction");
}

static int insert(Connection *connection, Storing *storing, Fault *fault)
{
        _cleanup_(statement_finalizep) sqlite3_stmt *statement = NULL;
        int r = prediction_check_complete(storing->prediction, fault);

        if (r >= 0)
                r = table_prepare(connection,
                                "INSERT INTO main.predictions(match_id, team1, team2, league, "
                                "consensus_type, consensus_result, consensus_probability, confidence, "
                                "recommended_action{predictions.recommended_odd:, recommended_odd}"
                                "{predictions.votes_statistique:, votes_statistique}"
                                "{predictions.votes_cotes:, votes_cotes}"
                                "{predictions.votes_simulation:, votes_simulation}"
                                "{predictions.votes_forme:, votes_forme}{predictions.is_valid:, is_valid}"
                                "{predictions.is_locked:, is_locked}{predictions.extra_data:, extra_data}"
                                "{predictions.created_at:, created_at}{predictions.updated_at:, "
                                "updated_at}) "
                                "VALUES(?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?11"
                                "{predictions.recommended_odd:, ?10}"
                                "{predictions.votes_statistique:, coalesce(?12, 0)}"
                                "{predictions.votes_cotes:, coalesce(?13, 0)}"
                                "{predictions.votes_simulation:, coalesce(?14, 0)}"
                                "{predictions.votes_forme:, coalesce(?15, 0)}{predictions.is_valid:, 1}"
                                "{predictions.is_locked:, 0}{predictions.extra_data:, ?22}"
                                "{predictions.created_at:, ?23}{predictions.updated_at:, ?23})",
                                &statement,
                                fault);
        if (r >= 0)
                r = bind_all(connection, statement, storing, fault);
        if (r >= 0)
                r = prediction_step(connection, statement, fault);
        if (r < 0)
                return r;
        storing->id = sqlite3_last_insert_rowid(connection->handle);
        storing->created = true;
        return 0;
}

static int update(Connection *connection, Storing *storing, Fault *fault)
{
        _cleanup_(statement_finalizep) sqlite3_stmt *statement = NULL;
        int code, r = table_prepare(connection,
                                  "UPDATE main.predictions SET match_id = match_id"
                                  "{predictions.team1:, team1 = coalesce(?3, team1)}"
                                  "{predictions.team2:, team2 = coalesce(?4, team2)}"
                                  "{predictions.league:, league = coalesce(?5, league)}"
                                  "{predictions.consensus_type:, consensus_type = coalesce(?6, "
                                  "consensus_type)}"
                                  "{predictions.consensus_result:, "
                                  "consensus_result = coalesce(?7, consensus_result)}"
                                  "{predictions.consensus_probability:, "
                                  "consensus_probability = coalesce(?8, consensus_probability)}"
                                  "{predictions.confidence:, confidence = coalesce(?9, confidence)}"
                                  "{predictions.recommended_odd:, "
                                  "recommended_odd = coalesce(?10, recommended_odd)}"
                                  "{predictions.recommended_action:, "
                                  "recommended_action = coalesce(?11, recommended_action)}"
                                  "{predictions.votes_statistique:, "
                                  "votes_statistique = coalesce(?12, votes_statistique)}"
                                  "{predictions.votes_cotes:, votes_cotes = coalesce(?13, votes_cotes)}"
                                  "{predictions.votes_simulation:, "
                                  "votes_simulation = coalesce(?14, votes_simulation)}"
                                  "{predictions.votes_forme:, votes_forme = coalesce(?15, votes_forme)}"
                                  "{predictions.extra_data:, extra_data = coalesce(?22, extra_data)}"
                                  "{predictions.updated_at:, updated_at = ?23} WHERE id = ?1",
                                  &statement,
                                  fault);

        if (r >= 0)
                r = bind_all(connection, statement, storing, fault);
        if (r < 0)
                return r;
        code = sqlite3_bind_int64(statement, PREDICTION_ID + 1, storing->id);
        if (code != SQLITE_OK)
                return connection_fault(connection, code, fault, "Writing a prediction");
        return prediction_step(connection, statement, fault);
}

/* What is given is stored, or refused by its name. */
static int require_given(Connection *connection, const Prediction *prediction, Fault *fault)
{
        int r = prediction_require_columns(connection, NULL, fault);

        for (PredictionColumn column = 0; r >= 0 && column < _PREDICTION_COLUMN_MAX; column++)
                if (prediction_has(prediction, column))
                        r = prediction_require_columns(connection, prediction_columns[column].name, fault);
        return r;
}

static int store(Connection *connection, void *userdata, Fault *fault)
{
        Storing *storing = userdata;
        _cleanup_(statement_finalizep) sqlite3_stmt *statement = NULL;
        bool locked = false, valid = false;
        int r;

        r = schema_add_table(connection, "predictions", fault);
        if (r >= 0)
                r = require_given(connection, storing->prediction, fault);
        if (r < 0)
                return r;
        r = prediction_find(connection,
                        "SELECT id, coalesce({predictions.is_locked}, 0), coalesce({predictions.is_valid}, "
                        "1) "
                        "FROM main.predictions WHERE match_id = ?1 ORDER BY id DESC LIMIT 1",
                        &storing->prediction->values[PREDICTION_MATCH_ID].integer,
                        1,
                        &statement,
                        fault);
        if (r < 0)
                return r;
        if (r > 0) {
                storing->id = sqlite3_column_int64(statement, 0);
                locked = sqlite3_column_int(statement, 1);
                valid = sqlite3_column_int(statement, 2);
        }
        (void) sqlite3_reset(statement);
        if (locked)
                return refuse_locked(storing->id, fault);
        return valid ? update(connection, storing, fault) : insert(connection, storing, fault);
}

int prediction_store(Connection *connection,
                const Prediction *prediction,
                uint64_t now_usec,
                int64_t *ret_id,
                bool *ret_created,
                Fault *fault)
{
        Storing storing = {.prediction = prediction};
        int r = prediction_check(connection, prediction, fault);

        if (r >= 0)
                r = prediction_format_moment(now_usec, storing.moment, fault);
        if (r >= 0)
                r = transaction_run(connection, store, &storing, fault);
        if (r < 0)
                return r;
        *ret_id = storing.id;
        *ret_created = storing.created;
        return 0;
}

typedef struct Invalidating {
        PredictionChange change;
        int64_t user_id;
        char moment[TIMESTAMP_RFC3339_MAX];
} Invalidating;

static int require_user(Connection *connection, int64_t user_id, Fault *fault)
{
        _cleanup_(statement_finalizep) sqlite3_stmt *statement = NULL;
        bool is_there;
        int r;

        if (user_id == 0)
                return 0;
        r = table_has_column(connection, "users", "id", &is_there, fault);
        if (r >= 0)
                r = !is_there ? 0
                              : prediction_find(connection,
                                                "SELECT 1 FROM main.users WHERE id = ?1",
                                                &user_id,
                                                1,
                                                &statement,
                                                fault);
        return r == 0 ? fault_set(fault, FAULT_NOT_FOUND, "There is no user %lld", (long long) user_id) : r;
}

/* *ret_valid and the match, of a prediction that may be changed. */
static int require_unlocked(Connection *connection, PredictionChange *change, bool *ret_valid, Fault *fault)
{
        _cleanup_(statement_finalizep) sqlite3_stmt *statement = NULL;
        int r = prediction_require_columns(connection, "is_valid", fault);

        if (r > 0)
                r = prediction_find(connection,
                                "SELECT match_id, coalesce({predictions.is_locked}, 0), coalesce(is_valid, "
                                "1) "
                                "FROM main.predictions WHERE id = ?1",
                                &change->id,
                                1,
                                &statement,
                                fault);

        if (r < 0)
                return r;
        if (r == 0)
                return prediction_not_found(PREDICTION_BY_ID, change->id, fault);
        change->match_id = sqlite3_column_int64(statement, 0);
        *ret_valid = sqlite3_column_int(statement, 2);
        /* What is invalid already is left as it is: that is no change. */
        if (*ret_valid && sqlite3_column_int(statement, 1))
                return refuse_locked(change->id, fault);
        return 0;
}

static int invalidate(Connection *connection, void *userdata, Fault *fault)
{
        Invalidating *invalidating = userdata;
        const int64_t values[] = {invalidating->change.id, invalidating->user_id};
        bool valid = false;
        int r;

        r = require_unlocked(connection, &invalidating->change, &valid, fault);
        if (r >= 0)
                r = require_user(connection, invalidating->user_id, fault);
        if (r < 0 || !valid)
                return r;
        invalidating->change.changed = true;
        return prediction_change(connection,
                        "UPDATE main.predictions SET is_valid = 0"
                        "{predictions.invalidated_by:, invalidated_by = nullif(?2, 0)}"
                        "{predictions.invalidated_at:, invalidated_at = ?3}"
                        "{predictions.updated_at:, updated_at = ?3} WHERE id = ?1",
                        values,
                        ELEMENTSOF(values),
                        invalidating->moment,
                        fault);
}

int prediction_invalidate(Connection *connection,
                int64_t id,
                int64_t user_id,
                uint64_t now_usec,
                PredictionChange *ret,
                Fault *fault)
{
        Invalidating invalidating = {.change.id = id, .user_id = user_id};
        int r = prediction_format_moment(now_usec, invalidating.moment, fault);

        if (r >= 0)
                r = transaction_run(connection, invalidate, &invalidating, fault);
        if (r < 0)
                return r;
        *ret = invalidating.change;
        return 0;
}

typedef struct Locking {
        int64_t match_id;
        char moment[TIMESTAMP_RFC3339_MAX];
        unsigned n_locked; /* the result */
} Locking;

static int lock(Connection *connection, void *userdata, Fault *fault)
{
        Locking *locking = userdata;
        _cleanup_(statement_finalizep) sqlite3_stmt *any = NULL;
        int r = prediction_require_columns(connection, "is_locked", fault);

        if (r > 0)
                r = prediction_find(connection,
                                "SELECT 1 FROM main.predictions WHERE match_id = ?1 LIMIT 1",
                                &locking->match_id,
                                1,
                                &any,
                                fault);

        if (r < 0)
                return r;
        if (r == 0)
                return prediction_not_found(PREDICTION_BY_MATCH, locking->match_id, fault);
        r = prediction_change(connection,
                        "UPDATE main.predictions SET is_locked = 1{predictions.updated_at:, updated_at = "
                        "?2} "
                        "WHERE match_id = ?1 AND coalesce(is_locked, 0) = 0",
                        &locking->match_id,
                        1,
                        locking->moment,
                        fault);
        locking->n_locked = (unsigned) sqlite3_changes(connection->handle);
        return r;
}

int prediction_lock(Connection *connection, int64_t match_id, uint64_t now_usec, unsigned *ret, Fault *fault)
{
        Locking locking = {.match_id = match_id};
        int r = prediction_format_moment(now_usec, locking.moment, fault);

        if (r >= 0)
                r = transaction_run(connection, lock, &locking, fault);
        if (r < 0)
                return r;
        *ret = locking.n_locked;
        return 0;
}
