/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The predictions that were looked up last, so that asking again runs no query on the table.
 *
 * Why no answer is ever stale: each look-up first steps PRAGMA data_version, which begins a read transaction
 * and names the state that it sees. Any commit by any other connection, of this process or of another one,
 * changes that number, and everything remembered is dropped. What has to be read is read in that same
 * transaction, since the pragma's statement is finalized only afterwards, and so belongs to the number under
 * which it is kept. The number does not change for what this very connection commits, which are the
 * service's rows in the logs: there SQLite's update hook tells of every row of the table, when a trigger or
 * a foreign key's action of the application's changes it in the wake of another one. Inside a transaction of
 * one's own the cache must not be asked: what is not committed may be rolled back. Numbers of different
 * connections say nothing about each other, hence the generation.
 *
 * That there is no such prediction is remembered as well: the application asks for every match of a page,
 * and most have none. Everything belongs to the worker of the quick lane, but for the counters. */

#include <stdatomic.h>

#include "records/prediction-query.h"

typedef struct PredictionCache PredictionCache;

/* Any thread reads them. */
typedef struct PredictionCacheCounters {
        _Atomic uint64_t hits;
        _Atomic uint64_t misses;
        _Atomic uint64_t evictions; /* to make room; not those that a change of the database made void */
        _Atomic uint64_t entries;
        _Atomic uint64_t bytes;
} PredictionCacheCounters;

int prediction_cache_new(PredictionCache **ret);
PredictionCache *prediction_cache_free(PredictionCache *cache);
DEFINE_CLEANUP(PredictionCache *, prediction_cache_free);

/* At most so many entries, and so many bytes in memory with all that belongs to them; 0 for either keeps
 * nothing. Evicts what is too much now. */
void prediction_cache_set_limits(PredictionCache *cache, size_t max_entries, size_t max_bytes);

/* As prediction_get(), from memory when that is the present state. `generation` is another number for each
 * connection, never 0. The connection keeps the cache as the target of its update hook: no row may be
 * changed through it after the cache is freed. *ret is a copy of the caller's own, NULL when there is no
 * such prediction. */
int prediction_cache_get(PredictionCache *cache,
                Connection *connection,
                uint64_t generation,
                PredictionKey by,
                int64_t key,
                Prediction **ret,
                Fault *fault);

/* They live as long as the cache. Any thread. */
const PredictionCacheCounters *prediction_cache_counters(const PredictionCache *cache);
