/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the methods of .Predictions want, on its way through a lane and back (record-call.h). One
 * structure for all of them; each kind has a function for the worker and one that answers. */

#include "daemon/records/record-call.h"
#include "records/prediction-cache.h"

typedef struct PredictionCall {
        /* What is wanted. */
        PredictionKey by;
        int64_t key;            /* the prediction's id or the match's, whichever the method takes */
        int64_t user_id;        /* 0: nobody in particular */
        char *address;          /* owned, may be NULL: where that user looks from */
        Prediction *prediction; /* owned; what to store, or what was found */
        PredictionFilter filter;
        char *day, *league; /* owned; the filter points there */

        /* What there is to work with: both belong to the worker while it runs. */
        PredictionCache *cache;
        RecordStore *store;
        size_t cache_max_entries, cache_max_bytes;
        uint64_t now_usec;

        /* What came of it. */
        PredictionPage page;
        int64_t id;
        bool flag; /* created; changed */
        unsigned n;
} PredictionCall;

extern const RecordCallType prediction_call_store;
extern const RecordCallType prediction_call_get;
extern const RecordCallType prediction_call_list;
extern const RecordCallType prediction_call_invalidate;
extern const RecordCallType prediction_call_lock;
extern const RecordCallType prediction_call_archive;

/* An empty one, with what the Manager has for it; NULL when out of memory. */
PredictionCall *prediction_call_new(Manager *manager);
PredictionCall *prediction_call_free(PredictionCall *call);
DEFINE_CLEANUP(PredictionCall *, prediction_call_free);
