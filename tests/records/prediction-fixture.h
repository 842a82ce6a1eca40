/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the tests of predictions share: a database with the application's tables, the service's connection to
 * it and the application's, and a prediction that may be stored. */

#include "../database/fixture.h"

#include "records/prediction.h"

#define NOW_USEC UINT64_C(1769219181123456) /* 2026-01-24 01:46:21.123456 UTC */

/* Both are open from the setup to the teardown. */
extern Connection *connection;
extern sqlite3 *application;

/* For cmocka_unit_test_setup_teardown(). */
int prediction_setup(void **state);
int prediction_teardown(void **state);

/* A valid one for that match; freed by the caller. */
Prediction *prediction_sample(int64_t match_id);

/* Stores what must go through, and a sample for that match; its id. */
int64_t prediction_must_store(const Prediction *prediction);
int64_t prediction_stored(int64_t match_id);

/* The application adds one of its own, with a confidence of 50. */
void prediction_insert(int64_t match_id, const char *type, const char *result);

/* The first column of the first row, as the application reads it; valid until the next call. */
const char *prediction_text(const char *sql);
