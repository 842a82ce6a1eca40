/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "records/prediction.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/timestamp.h"
#include "base/utf8.h"
#include "database/connection/table-columns.h"
#include "records/extra-data.h"

const PredictionColumnType prediction_columns[_PREDICTION_COLUMN_MAX] = {
                [PREDICTION_ID] = {"id", PREDICTION_INTEGER},
                [PREDICTION_MATCH_ID] = {"match_id", PREDICTION_INTEGER, true, true},
                [PREDICTION_TEAM1] = {"team1", PREDICTION_TEXT, true, true, 200},
                [PREDICTION_TEAM2] = {"team2", PREDICTION_TEXT, true, true, 200},
                [PREDICTION_LEAGUE] = {"league", PREDICTION_TEXT, true, true, 200},
                [PREDICTION_CONSENSUS_TYPE] = {"consensus_type", PREDICTION_TEXT, true, true, 50},
                [PREDICTION_CONSENSUS_RESULT] = {"consensus_result", PREDICTION_TEXT, true, true},
                [PREDICTION_CONSENSUS_PROBABILITY] = {"consensus_probability", PREDICTION_REAL, true, true},
                [PREDICTION_CONFIDENCE] = {"confidence", PREDICTION_REAL, true, true},
                [PREDICTION_RECOMMENDED_ODD] = {"recommended_odd", PREDICTION_REAL, false, true},
                [PREDICTION_RECOMMENDED_ACTION] = {"recommended_action", PREDICTION_TEXT, true, true, 100},
                [PREDICTION_VOTES_STATISTIQUE] = {"votes_statistique", PREDICTION_BOOLEAN, false, true},
                [PREDICTION_VOTES_COTES] = {"votes_cotes", PREDICTION_BOOLEAN, false, true},
                [PREDICTION_VOTES_SIMULATION] = {"votes_simulation", PREDICTION_BOOLEAN, false, true},
                [PREDICTION_VOTES_FORME] = {"votes_forme", PREDICTION_BOOLEAN, false, true},
                [PREDICTION_IS_VALID] = {"is_valid", PREDICTION_BOOLEAN},
                [PREDICTION_IS_LOCKED] = {"is_locked", PREDICTION_BOOLEAN},
                [PREDICTION_INVALIDATED_BY] = {"invalidated_by", PREDICTION_INTEGER},
                [PREDICTION_INVALIDATED_AT] = {"invalidated_at", PREDICTION_MOMENT},
                [PREDICTION_CREATED_AT] = {"created_at", PREDICTION_MOMENT},
                [PREDICTION_UPDATED_AT] = {"updated_at", PREDICTION_MOMENT},
                [PREDICTION_EXTRA_DATA] = {"extra_data", PREDICTION_TEXT, false, true},
};

PredictionColumn prediction_column_from_string(const char *name)
{
        for (PredictionColumn column = 0; column < _PREDICTION_COLUMN_MAX; column++)
                if (strcmp(prediction_columns[column].name, name) == 0)
                        return column;
        return _PREDICTION_COLUMN_INVALID;
}

static bool has_text(const Prediction *prediction, PredictionColumn column)
{
        return prediction_has(prediction, column) && prediction_columns[column].kind == PREDICTION_TEXT;
}

Prediction *prediction_free(Prediction *prediction)
{
        if (!prediction)
                return NULL;
        for (PredictionColumn column = 0; column < _PREDICTION_COLUMN_MAX; column++)
                if (has_text(prediction, column))
                        free(prediction->values[column].text);
        free(prediction);
        return NULL;
}

Prediction *prediction_copy(const Prediction *prediction)
{
        _cleanup_(prediction_freep) Prediction *copy = calloc(1, sizeof *copy);

        if (!copy)
                return NULL;
        for (PredictionColumn column = 0; column < _PREDICTION_COLUMN_MAX; column++) {
                if (!prediction_has(prediction, column))
                        continue;
                if (!has_text(prediction, column))
                        copy->values[column] = prediction->values[column];
                else if (prediction_set_text(copy, column, prediction->values[column].text) < 0)
                        return NULL;
                copy->present |= UINT32_C(1) << column;
        }
        return TAKE_PTR(copy);
}

size_t prediction_bytes(const Prediction *prediction)
{
        size_t n_bytes = sizeof *prediction;

        for (PredictionColumn column = 0; column < _PREDICTION_COLUMN_MAX; column++)
                if (has_text(prediction, column))
                        n_bytes += strlen(prediction->values[column].text) + 1;
        return n_bytes;
}

void prediction_set_integer(Prediction *prediction, PredictionColumn column, int64_t value)
{
        prediction->values[column].integer = value;
        prediction->present |= UINT32_C(1) << column;
}

void prediction_set_real(Prediction *prediction, PredictionColumn column, double value)
{
        prediction->values[column].real = value;
        prediction->present |= UINT32_C(1) << column;
}

int prediction_set_text(Prediction *prediction, PredictionColumn column, const char *value)
{
        char *copy = strdup(value);

        if (!copy)
                return -ENOMEM;
        if (has_text(prediction, column))
                free(prediction->values[column].text);
        prediction->values[column].text = copy;
        prediction->present |= UINT32_C(1) << column;
        return 0;
}

static int read_text(Connection *connection,
                sqlite3_stmt *statement,
                PredictionColumn column,
                bool leave_out_long,
                Prediction *prediction,
                Fault *fault)
{
        bool is_long;
        const char *text = (const char *) sqlite3_column_text(statement, (int) column);

        if (!text)
                return connection_fault(connection, SQLITE_NOMEM, fault, "Reading a prediction");
        is_long = (size_t) sqlite3_column_bytes(statement, (int) column) > PREDICTION_TEXT_MAX_BYTES;
        if (is_long && leave_out_long)
                return 0;
        if (is_long)
                return fault_set(fault,
                                FAULT_NOT_SUPPORTED,
                                "%s: the %s of prediction %lld is longer than 1 MiB; shorten it, or read it "
                                "from the database",
                                connection->path,
                                prediction_columns[column].name,
                                (long long) sqlite3_column_int64(statement, PREDICTION_ID));
        if (prediction_set_text(prediction, column, text) < 0)
                return fault_set_errno(fault, ENOMEM, "Reading a prediction");
        utf8_make_valid(prediction->values[column].text);
        return 0;
}

static int read_value(Connection *connection,
                sqlite3_stmt *statement,
                PredictionColumn column,
                bool leave_out_long,
                Prediction *prediction,
                Fault *fault)
{
        int index = (int) column;
        const char *text;
        uint64_t usec;
        double real;

        switch (prediction_columns[column].kind) {
        case PREDICTION_INTEGER:
                prediction_set_integer(prediction, column, sqlite3_column_int64(statement, index));
                return 0;
        case PREDICTION_BOOLEAN:
                prediction_set_integer(prediction, column, sqlite3_column_int64(statement, index) != 0);
                return 0;
        case PREDICTION_REAL:
                real = sqlite3_column_double(statement, index);
                prediction_set_real(prediction, column, MAX_OF(-DBL_MAX, MIN_OF(DBL_MAX, real)));
                return 0;
        case PREDICTION_MOMENT:
                text = (const char *) sqlite3_column_text(statement, index);
                if (text && timestamp_parse_rfc3339(text, &usec) >= 0) {
                        prediction->values[column].usec = usec;
                        prediction->present |= UINT32_C(1) << column;
                }
                return 0;
        case PREDICTION_TEXT:
        default:
                return read_text(connection, statement, column, leave_out_long, prediction, fault);
        }
}

int prediction_read_row(Connection *connection,
                sqlite3_stmt *statement,
                bool leave_out_long,
                Prediction **ret,
                Fault *fault)
{
        _cleanup_(prediction_freep) Prediction *prediction = calloc(1, sizeof *prediction);

        if (!prediction)
                return fault_set_errno(fault, ENOMEM, "Reading a prediction");
        for (PredictionColumn column = 0; column < _PREDICTION_COLUMN_MAX; column++) {
                int r;

                if (sqlite3_column_type(statement, (int) column) == SQLITE_NULL)
                        continue;
                r = read_value(connection, statement, column, leave_out_long, prediction, fault);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(prediction);
        return 0;
}

int prediction_require_columns(Connection *connection, const char *column, Fault *fault)
{
        const char *const keys[] = {"id", "match_id", NULL}, *const asked[] = {column, NULL};
        bool is_there;
        int r = table_has_columns(connection, "predictions", &is_there, fault);

        if (r < 0 || !is_there)
                return r;
        r = table_require_columns(connection, "predictions", keys, "predictions", fault);
        if (r >= 0)
                r = table_require_columns(connection, "predictions", asked, "what is asked for", fault);
        return r < 0 ? r : 1;
}

static int refuse(PredictionColumn column, const char *wanted, Fault *fault)
{
        return fault_set(fault,
                        FAULT_INVALID_ARGUMENT,
                        "%s of a prediction must be %s",
                        prediction_columns[column].name,
                        wanted);
}

static int check_text(PredictionColumn column, const char *text, Fault *fault)
{
        const PredictionColumnType *type = &prediction_columns[column];

        if (!utf8_is_valid(text))
                return refuse(column, "valid UTF-8", fault);
        if (type->required && !text[0])
                return refuse(column, "a text that is not empty", fault);
        if (type->width_characters > 0 && utf8_count(text) > type->width_characters)
                return fault_set(fault,
                                FAULT_INVALID_ARGUMENT,
                                "%s of a prediction has at most %u characters",
                                type->name,
                                type->width_characters);
        if (strlen(text) > PREDICTION_TEXT_MAX_BYTES)
                return refuse(column, "at most 1 MiB long", fault);
        return 0;
}

static int check_real(PredictionColumn column, double value, Fault *fault)
{
        if (column == PREDICTION_RECOMMENDED_ODD)
                return isfinite(value) && value > 0 ? 0 : refuse(column, "a number above 0", fault);
        return value >= 0 && value <= 100 ? 0 : refuse(column, "a percentage, from 0 to 100", fault);
}

static int check_object(Connection *connection, const char *text, Fault *fault)
{
        _cleanup_(statement_finalizep) sqlite3_stmt *statement = NULL;
        int r = extra_data_is_object(connection, &statement, text, fault);

        if (r == 0)
                return refuse(PREDICTION_EXTRA_DATA, "a JSON object", fault);
        return r < 0 ? r : 0;
}

int prediction_check(Connection *connection, const Prediction *prediction, Fault *fault)
{
        int r = 0;

        for (PredictionColumn column = 0; r >= 0 && column < _PREDICTION_COLUMN_MAX; column++) {
                if (!prediction_has(prediction, column))
                        continue;
                if (!prediction_columns[column].storable)
                        return fault_set(fault,
                                        FAULT_INVALID_ARGUMENT,
                                        "%s of a prediction is set by the service itself",
                                        prediction_columns[column].name);
                if (prediction_columns[column].kind == PREDICTION_TEXT)
                        r = check_text(column, prediction->values[column].text, fault);
                else if (prediction_columns[column].kind == PREDICTION_REAL)
                        r = check_real(column, prediction->values[column].real, fault);
        }
        if (r >= 0 && !prediction_has(prediction, PREDICTION_MATCH_ID))
                return fault_set(fault, FAULT_INVALID_ARGUMENT, "A prediction needs its match_id");
        if (r >= 0 && prediction_has(prediction, PREDICTION_EXTRA_DATA))
                r = check_object(connection, prediction->values[PREDICTION_EXTRA_DATA].text, fault);
        return r;
}

int prediction_check_complete(const Prediction *prediction, Fault *fault)
{
        for (PredictionColumn column = 0; column < _PREDICTION_COLUMN_MAX; column++)
                if (prediction_columns[column].required && !prediction_has(prediction, column))
                        return fault_set(fault,
                                        FAULT_INVALID_ARGUMENT,
                                        "A new prediction needs its %s",
                                        prediction_columns[column].name);
        return 0;
}

int prediction_bind(Connection *connection,
                sqlite3_stmt *statement,
                int index,
                const Prediction *prediction,
                PredictionColumn column,
                Fault *fault)
{
        int code = SQLITE_OK;

        if (!prediction_has(prediction, column))
                code = sqlite3_bind_null(statement, index);
        else if (prediction_columns[column].kind == PREDICTION_TEXT)
                code = sqlite3_bind_text(
                                statement, index, prediction->values[column].text, -1, SQLITE_STATIC);
        else if (prediction_columns[column].kind == PREDICTION_REAL)
                code = sqlite3_bind_double(statement, index, prediction->values[column].real);
        else
                code = sqlite3_bind_int64(statement, index, prediction->values[column].integer);
        return code == SQLITE_OK ? 0 : connection_fault(connection, code, fault, "Writing a prediction");
}
