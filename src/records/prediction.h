/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One row of the application's table `predictions`, and what its columns may hold. The columns are a table,
 * so that reading, checking, writing and the bus all walk the same list. A Prediction belongs to the thread
 * that made it; it may be handed over whole. */

#include "database/connection/connection.h"

typedef enum PredictionColumn {
        PREDICTION_ID,
        PREDICTION_MATCH_ID,
        PREDICTION_TEAM1,
        PREDICTION_TEAM2,
        PREDICTION_LEAGUE,
        PREDICTION_CONSENSUS_TYPE,
        PREDICTION_CONSENSUS_RESULT,
        PREDICTION_CONSENSUS_PROBABILITY,
        PREDICTION_CONFIDENCE,
        PREDICTION_RECOMMENDED_ODD,
        PREDICTION_RECOMMENDED_ACTION,
        PREDICTION_VOTES_STATISTIQUE,
        PREDICTION_VOTES_COTES,
        PREDICTION_VOTES_SIMULATION,
        PREDICTION_VOTES_FORME,
        PREDICTION_IS_VALID,
        PREDICTION_IS_LOCKED,
        PREDICTION_INVALIDATED_BY,
        PREDICTION_INVALIDATED_AT,
        PREDICTION_CREATED_AT,
        PREDICTION_UPDATED_AT,
        PREDICTION_EXTRA_DATA,
        _PREDICTION_COLUMN_MAX,
        _PREDICTION_COLUMN_INVALID = -EINVAL,
} PredictionColumn;

/* The letters are D-Bus types, which is how the daemon reads and writes them. */
typedef enum PredictionKind {
        PREDICTION_INTEGER = 'x',
        PREDICTION_REAL = 'd',
        PREDICTION_BOOLEAN = 'b',
        PREDICTION_TEXT = 's',
        PREDICTION_MOMENT = 't', /* µs since the epoch; text in the database, as SQLAlchemy writes it */
} PredictionKind;

typedef struct PredictionColumnType {
        const char *name;
        PredictionKind kind;
        bool required;             /* of a new prediction */
        bool storable;             /* a caller gives it; the others are the service's to set */
        unsigned width_characters; /* of a VARCHAR; 0: PREDICTION_TEXT_MAX_BYTES alone bounds it */
} PredictionColumnType;

extern const PredictionColumnType prediction_columns[_PREDICTION_COLUMN_MAX];

/* The column of that name, or _PREDICTION_COLUMN_INVALID. */
PredictionColumn prediction_column_from_string(const char *name);

/* Longer texts are neither stored nor read. */
#define PREDICTION_TEXT_MAX_BYTES MIB

typedef struct Prediction {
        uint32_t present; /* a bit for each column that has a value */
        union {
                int64_t integer; /* also booleans */
                double real;
                uint64_t usec;
                char *text; /* owned, valid UTF-8 */
        } values[_PREDICTION_COLUMN_MAX];
} Prediction;

Prediction *prediction_free(Prediction *prediction);
DEFINE_CLEANUP(Prediction *, prediction_free);

/* NULL when out of memory. */
Prediction *prediction_copy(const Prediction *prediction);

/* What it takes in memory. */
size_t prediction_bytes(const Prediction *prediction);

static inline bool prediction_has(const Prediction *prediction, PredictionColumn column)
{
        return prediction->present & (UINT32_C(1) << column);
}

/* Puts a value in. The text is copied; -ENOMEM. */
void prediction_set_integer(Prediction *prediction, PredictionColumn column, int64_t value);
void prediction_set_real(Prediction *prediction, PredictionColumn column, double value);
int prediction_set_text(Prediction *prediction, PredictionColumn column, const char *value);

/* Every column, in the order of the enumeration, for table_prepare(): what prediction_read_row() wants. */
#define PREDICTION_COLUMNS_SQL                                                                         \
        "id, match_id, {predictions.team1}, {predictions.team2}, {predictions.league}, "               \
        "{predictions.consensus_type}, {predictions.consensus_result}, "                               \
        "{predictions.consensus_probability}, "                                                        \
        "{predictions.confidence}, {predictions.recommended_odd}, {predictions.recommended_action}, "  \
        "{predictions.votes_statistique}, {predictions.votes_cotes}, {predictions.votes_simulation}, " \
        "{predictions.votes_forme}, {predictions.is_valid}, {predictions.is_locked}, "                 \
        "{predictions.invalidated_by}, {predictions.invalidated_at}, {predictions.created_at}, "       \
        "{predictions.updated_at}, {predictions.extra_data}"

/* 1, or 0 where there is no table. NOT_SUPPORTED where it lacks a column that nothing can be done without:
 * those two, or `column`, which may be NULL, for what is asked for. */
int prediction_require_columns(Connection *connection, const char *column, Fault *fault);

/* Takes over the row that the statement stands on. What the application wrote is given as it is, with '?'
 * for bytes that are no UTF-8, the nearest finite number for an infinite one, and without a moment that does
 * not read as one. A text that is too long is left out with `leave_out_long`, and otherwise NOT_SUPPORTED.
 */
int prediction_read_row(Connection *connection,
                sqlite3_stmt *statement,
                bool leave_out_long,
                Prediction **ret,
                Fault *fault);

/* Whether every value that is there may be written: widths, ranges, finite numbers, UTF-8, and an object in
 * extra_data, which SQLite's own reader judges. INVALID_ARGUMENT names the column. */
int prediction_check(Connection *connection, const Prediction *prediction, Fault *fault);

/* Whether nothing is missing that a new prediction must have. INVALID_ARGUMENT names what is. */
int prediction_check_complete(const Prediction *prediction, Fault *fault);

/* Binds parameter `index` to the value, NULL when there is none. The prediction must outlive the statement.
 */
int prediction_bind(Connection *connection,
                sqlite3_stmt *statement,
                int index,
                const Prediction *prediction,
                PredictionColumn column,
                Fault *fault);
