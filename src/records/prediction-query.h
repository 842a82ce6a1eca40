/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Looking predictions up. Every statement uses an index; what no index narrows down (validity, confidence)
 * is judged row by row, and a page ends after so many rows were looked at, so that no call keeps the lane
 * for long however large the table is. */

#include "records/prediction.h"

typedef enum PredictionKey {
        PREDICTION_BY_ID,
        PREDICTION_BY_MATCH, /* the newest of the match's */
        _PREDICTION_KEY_MAX,
        _PREDICTION_KEY_INVALID = -EINVAL,
} PredictionKey;

/* *ret is NULL when there is none. */
int prediction_get(Connection *connection, PredictionKey by, int64_t key, Prediction **ret, Fault *fault);

/* NOT_FOUND, in words that name the key. */
int prediction_not_found(PredictionKey by, int64_t key, Fault *fault);

#define PREDICTION_PAGE_ROWS_DEFAULT 50
#define PREDICTION_PAGE_ROWS_MAX 500
#define PREDICTION_PAGE_BYTES_MAX (4 * MIB)
#define PREDICTION_PAGE_EXAMINED_MAX 20000

typedef enum PredictionValidity {
        PREDICTION_VALID_OR_NOT,
        PREDICTION_VALID,
        PREDICTION_INVALID,
} PredictionValidity;

typedef struct PredictionFilter {
        const char *day;    /* YYYY-MM-DD, UTC, of the creation; NULL: any */
        const char *league; /* exactly; NULL: any */
        PredictionValidity validity;
        double minimum_confidence; /* 0: any */
        int64_t before_id;         /* only what has a lower id: the next page; 0: from the newest */
        unsigned limit;            /* 1 to PREDICTION_PAGE_ROWS_MAX; 0: the default */
} PredictionFilter;

typedef struct PredictionPage {
        Prediction **items; /* owned; newest first */
        size_t n_items;
        int64_t next_id; /* `before_id` of the next page, which may be empty; 0: nothing is left */
} PredictionPage;

void prediction_page_done(PredictionPage *page);

/* INVALID_ARGUMENT for a day that is none and a limit out of range. Of one row with a text longer than
 * PREDICTION_TEXT_MAX_BYTES the list leaves that out, since it must not keep the others from being seen. */
int prediction_list(
                Connection *connection, const PredictionFilter *filter, PredictionPage *ret, Fault *fault);
