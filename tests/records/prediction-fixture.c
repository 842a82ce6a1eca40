/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "prediction-fixture.h"

#include "database/schema/schema.h"
#include "records/prediction-store.h"

Connection *connection;
sqlite3 *application;

int prediction_setup(void **state)
{
        _cleanup_fault_ Fault fault = {0};
        SchemaReport report = {0};

        if (fixture_setup(state) != 0)
                return -1;
        application = fixture_open(fixture_path("live.db"));
        fixture_execute(application,
                        "PRAGMA journal_mode=WAL; PRAGMA foreign_keys=ON; CREATE TABLE mine(x)");
        connection = fixture_connect(fixture_path("live.db"), CONNECTION_WRITE);
        assert_int_equal(schema_migrate(connection, NOW_USEC, &report, &fault), 0);
        schema_report_done(&report);
        return 0;
}

int prediction_teardown(void **state)
{
        connection = connection_close(connection);
        fixture_close(application);
        return fixture_teardown(state);
}

Prediction *prediction_sample(int64_t match_id)
{
        static const struct {
                PredictionColumn column;
                const char *text;
        } texts[] = {
                        {PREDICTION_TEAM1, "Étoile Filante"},
                        {PREDICTION_TEAM2, "AS Douanes"},
                        {PREDICTION_LEAGUE, "Ligue 1"},
                        {PREDICTION_CONSENSUS_TYPE, "1X2"},
                        {PREDICTION_CONSENSUS_RESULT, "1"},
                        {PREDICTION_RECOMMENDED_ACTION, "MISER"},
                        {PREDICTION_EXTRA_DATA, "{\"poids\": [1, 2.5]}"},
        };
        Prediction *prediction = calloc(1, sizeof *prediction);

        assert_non_null(prediction);
        prediction_set_integer(prediction, PREDICTION_MATCH_ID, match_id);
        prediction_set_real(prediction, PREDICTION_CONSENSUS_PROBABILITY, 72.5);
        prediction_set_real(prediction, PREDICTION_CONFIDENCE, 64);
        prediction_set_integer(prediction, PREDICTION_VOTES_COTES, 1);
        for (size_t i = 0; i < ELEMENTSOF(texts); i++)
                assert_int_equal(prediction_set_text(prediction, texts[i].column, texts[i].text), 0);
        return prediction;
}

int64_t prediction_must_store(const Prediction *prediction)
{
        Fault fault = {0};
        bool created;
        int64_t id;

        if (prediction_store(connection, prediction, NOW_USEC, &id, &created, &fault) < 0)
                fail_msg("%s", fault.message);
        return id;
}

int64_t prediction_stored(int64_t match_id)
{
        _cleanup_(prediction_freep) Prediction *prediction = prediction_sample(match_id);

        return prediction_must_store(prediction);
}

void prediction_insert(int64_t match_id, const char *type, const char *result)
{
        char *sql = sqlite3_mprintf(
                        "INSERT INTO predictions(match_id, team1, team2, league, consensus_type, "
                        "consensus_result, consensus_probability, confidence, "
                        "recommended_action) VALUES(%lld, 'A', 'B', 'L', %Q, %Q, 55, 50, 'x')",
                        (long long) match_id,
                        type,
                        result);

        assert_non_null(sql);
        fixture_execute(application, sql);
        sqlite3_free(sql);
}

const char *prediction_text(const char *sql)
{
        static char text[256];
        sqlite3_stmt *statement = NULL;

        if (sqlite3_prepare_v2(application, sql, -1, &statement, NULL) != SQLITE_OK ||
                        sqlite3_step(statement) != SQLITE_ROW)
                fail_msg("%s: %s", sql, sqlite3_errmsg(application));
        (void) snprintf(text,
                        sizeof text,
                        "%s",
                        sqlite3_column_type(statement, 0) == SQLITE_NULL
                                        ? "NULL"
                                        : (const char *) sqlite3_column_text(statement, 0));
        (void) sqlite3_finalize(statement);
        return text;
}
