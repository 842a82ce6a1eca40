/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "records/prediction-query.h"

#include <math.h>
#include <string.h>

#include "base/timestamp.h"
#include "base/utf8.h"
#include "records/prediction-store.h"

int prediction_get(Connection *connection, PredictionKey by, int64_t key, Prediction **ret, Fault *fault)
{
        static const char *const statements[_PREDICTION_KEY_MAX] = {
                        [PREDICTION_BY_ID] = "SELECT " PREDICTION_COLUMNS_SQL
                                             " FROM main.predictions WHERE id = ?1",
                        [PREDICTION_BY_MATCH] = "SELECT " PREDICTION_COLUMNS_SQL
                                                " FROM main.predictions WHERE match_id = ?1 "
                                                "ORDER BY id DESC LIMIT 1",
        };
        _cleanup_(statement_finalizep) sqlite3_stmt *statement = NULL;
        int r = prediction_require_columns(connection, NULL, fault);

        if (r > 0)
                r = prediction_find(connection, statements[by], &key, 1, &statement, fault);

        if (r < 0)
                return r;
        if (r > 0)
                return prediction_read_row(connection, statement, false, ret, fault);
        *ret = NULL;
        return 0;
}

int prediction_not_found(PredictionKey by, int64_t key, Fault *fault)
{
        return fault_set(fault,
                        FAULT_NOT_FOUND,
                        by == PREDICTION_BY_ID ? "There is no prediction %lld"
                                               : "There is no prediction for match %lld",
                        (long long) key);
}

void prediction_page_done(PredictionPage *page)
{
        for (size_t i = 0; i < page->n_items; i++)
                (void) prediction_free(page->items[i]);
        free(page->items);
        *page = (PredictionPage){0};
}

/* From ?2 on is the day, before ?3 the next one. The moments' forms all begin with the date, so that they
 * compare as text whether they have a fraction or not. */
#define DAY_SQL                                                                                \
        "SELECT " PREDICTION_COLUMNS_SQL " FROM main.predictions WHERE id IN (SELECT id FROM " \
        "main.predictions WHERE created_at >= ?2 AND created_at < ?3) AND id < ?1 ORDER BY id DESC"
#define LEAGUE_SQL                       \
        "SELECT " PREDICTION_COLUMNS_SQL \
        " FROM main.predictions WHERE league = ?4 AND id < ?1 ORDER BY id DESC"
#define ALL_SQL "SELECT " PREDICTION_COLUMNS_SQL " FROM main.predictions WHERE id < ?1 ORDER BY id DESC"

static int bind_text(
                Connection *connection, sqlite3_stmt *statement, int index, const char *text, Fault *fault)
{
        int code = sqlite3_bind_text(statement, index, text, -1, SQLITE_TRANSIENT);

        return code == SQLITE_OK ? 0 : connection_fault(connection, code, fault, "Listing predictions");
}

static int bind_day(Connection *connection, sqlite3_stmt *statement, const char *day, Fault *fault)
{
        char moment[TIMESTAMP_RFC3339_MAX];
        uint64_t usec;
        int r;

        if (strlen(day) != strlen("2026-01-24") ||
                        snprintf(moment, sizeof moment, "%sT00:00:00Z", day) < 0 ||
                        timestamp_parse_rfc3339(moment, &usec) < 0 ||
                        timestamp_format_rfc3339(usec + USEC_PER_DAY, moment) < 0)
                return fault_set(fault,
                                FAULT_INVALID_ARGUMENT,
                                "A day is written YYYY-MM-DD, and is one from 1970-01-01 to 9999-12-30");
        moment[strlen("2026-01-24")] = '\0';
        r = bind_text(connection, statement, 2, day, fault);
        return r < 0 ? r : bind_text(connection, statement, 3, moment, fault);
}

static int prepare_list(
                Connection *connection, const PredictionFilter *filter, sqlite3_stmt **ret, Fault *fault)
{
        _cleanup_(statement_finalizep) sqlite3_stmt *statement = NULL;
        int64_t before = filter->before_id == 0 ? INT64_MAX : filter->before_id;
        int r = prediction_prepare(connection,
                        filter->day      ? DAY_SQL
                        : filter->league ? LEAGUE_SQL
                                         : ALL_SQL,
                        &before,
                        1,
                        &statement,
                        fault);

        if (r >= 0 && filter->day)
                r = bind_day(connection, statement, filter->day, fault);
        else if (r >= 0 && filter->league)
                r = bind_text(connection, statement, 4, filter->league, fault);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(statement);
        return 0;
}

/* What the statement's index does not see to. NULL is valid, as for whoever reads the column's default. */
static bool matches(sqlite3_stmt *statement, const PredictionFilter *filter)
{
        bool valid = sqlite3_column_type(statement, PREDICTION_IS_VALID) == SQLITE_NULL ||
                     sqlite3_column_int(statement, PREDICTION_IS_VALID);
        const char *league;

        if (filter->validity != PREDICTION_VALID_OR_NOT && valid != (filter->validity == PREDICTION_VALID))
                return false;
        if (filter->minimum_confidence > 0 && !(sqlite3_column_double(statement, PREDICTION_CONFIDENCE) >=
                                                              filter->minimum_confidence))
                return false;
        if (!filter->league || !filter->day)
                return true;
        league = (const char *) sqlite3_column_text(statement, PREDICTION_LEAGUE);
        return league && strcmp(league, filter->league) == 0;
}

static int check_filter(const PredictionFilter *filter, Fault *fault)
{
        if (filter->limit > PREDICTION_PAGE_ROWS_MAX)
                return fault_set(fault,
                                FAULT_INVALID_ARGUMENT,
                                "A page of predictions has at most %d",
                                PREDICTION_PAGE_ROWS_MAX);
        if (!(filter->minimum_confidence >= 0 && filter->minimum_confidence <= 100))
                return fault_set(fault,
                                FAULT_INVALID_ARGUMENT,
                                "A confidence is a percentage, from 0 to 100");
        if (filter->before_id < 0)
                return fault_set(fault, FAULT_INVALID_ARGUMENT, "A page begins before an id above 0");
        if (filter->league && !utf8_is_valid(filter->league))
                return fault_set(fault, FAULT_INVALID_ARGUMENT, "A league is valid UTF-8");
        return 0;
}

/* A filter by a column that is missing would find nothing, as if there were nothing. 0 when there is no
 * table. */
static int require_columns(Connection *connection, const PredictionFilter *filter, Fault *fault)
{
        int r = prediction_require_columns(connection, filter->day ? "created_at" : NULL, fault);

        if (r > 0 && filter->league)
                r = prediction_require_columns(connection, "league", fault);
        if (r > 0 && filter->minimum_confidence > 0)
                r = prediction_require_columns(connection, "confidence", fault);
        return r;
}

static int fill_page(Connection *connection,
                sqlite3_stmt *statement,
                const PredictionFilter *filter,
                PredictionPage *page,
                Fault *fault)
{
        unsigned limit = filter->limit > 0 ? filter->limit : PREDICTION_PAGE_ROWS_DEFAULT;
        size_t n_bytes = 0, n_examined = 0;
        int r;

        while ((r = prediction_step(connection, statement, fault)) > 0) {
                int64_t id = sqlite3_column_int64(statement, PREDICTION_ID);

                if (page->n_items == limit || n_bytes >= PREDICTION_PAGE_BYTES_MAX ||
                                n_examined == PREDICTION_PAGE_EXAMINED_MAX) {
                        page->next_id = id + 1;
                        return 0;
                }
                n_examined++;
                if (!matches(statement, filter))
                        continue;
                r = prediction_read_row(connection, statement, true, &page->items[page->n_items], fault);
                if (r < 0)
                        return r;
                n_bytes += prediction_bytes(page->items[page->n_items++]);
        }
        return r;
}

int prediction_list(
                Connection *connection, const PredictionFilter *filter, PredictionPage *ret, Fault *fault)
{
        _cleanup_(prediction_page_done) PredictionPage page = {0};
        _cleanup_(statement_finalizep) sqlite3_stmt *statement = NULL;
        int r = check_filter(filter, fault);

        if (r >= 0)
                r = require_columns(connection, filter, fault);
        if (r > 0)
                r = prepare_list(connection, filter, &statement, fault);
        if (r < 0)
                return r;
        page.items = calloc(PREDICTION_PAGE_ROWS_MAX, sizeof *page.items);
        if (!page.items)
                return fault_set_errno(fault, ENOMEM, "Listing predictions");
        if (statement)
                r = fill_page(connection, statement, filter, &page, fault);
        if (r < 0)
                return r;
        *ret = page;
        page = (PredictionPage){0};
        return 0;
}
