/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Changes to predictions. The schema lets a match have several; the one that counts is the newest (the
 * highest id). One that is locked refuses every change, since the match has begun, and one that was
 * invalidated keeps its content for good: who stores for its match again makes a new one. Each call is one
 * transaction. The moments are written as the application writes them, from `now_usec`. */

#include "base/timestamp.h"
#include "records/prediction.h"

/* Inserts the prediction, or updates the one that counts for its match; what is not given stays as it was.
 * INVALID_ARGUMENT as prediction_check() tells, and when a new one lacks something; LOCKED. */
int prediction_store(Connection *connection,
                const Prediction *prediction,
                uint64_t now_usec,
                int64_t *ret_id,
                bool *ret_created,
                Fault *fault);

/* What a change did, for whoever keeps copies of predictions. */
typedef struct PredictionChange {
        int64_t id;
        int64_t match_id;
        bool changed; /* false: it was so already */
} PredictionChange;

/* Takes back what a prediction says; `user_id` (0: nobody in particular) and the moment stay with it. The
 * first invalidation stands. NOT_FOUND for the prediction or the user; LOCKED. */
int prediction_invalidate(Connection *connection,
                int64_t id,
                int64_t user_id,
                uint64_t now_usec,
                PredictionChange *ret,
                Fault *fault);

/* Locks every prediction of a match; *ret is how many were not locked before. NOT_FOUND when it has none. */
int prediction_lock(
                Connection *connection, int64_t match_id, uint64_t now_usec, unsigned *ret, Fault *fault);

/* "2026-01-24 01:46:21.123456": what SQLAlchemy writes and reads. INVALID_ARGUMENT past the year 9999. */
int prediction_format_moment(uint64_t usec, char ret[static TIMESTAMP_RFC3339_MAX], Fault *fault);

/* A statement whose parameters are `values`, from ?1 on. */
int prediction_prepare(Connection *connection,
                const char *sql,
                const int64_t *values,
                size_t n_values,
                sqlite3_stmt **ret,
                Fault *fault);

/* Steps a statement: 1 for a row, 0 for the end. */
int prediction_step(Connection *connection, sqlite3_stmt *statement, Fault *fault);

/* Both at once: 1 for a first row, which *ret stands on, 0 for none. */
int prediction_find(Connection *connection,
                const char *sql,
                const int64_t *values,
                size_t n_values,
                sqlite3_stmt **ret,
                Fault *fault);

/* Runs a statement that returns no row: its parameters are `values`, and the moment after them. */
int prediction_change(Connection *connection,
                const char *sql,
                const int64_t *values,
                size_t n_values,
                const char *moment,
                Fault *fault);
