/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "records/prediction-cache.h"

#include <string.h>

/* A power of two. More entries than this only make the chains longer. */
#define N_BUCKETS 4096

/* In two lists: the chain of its bucket, and all entries from the one used last to the one used first. */
typedef struct Entry Entry;
struct Entry {
        Entry *chain;
        Entry *newer, *older;
        PredictionKey by;
        int64_t key;
        size_t n_bytes;
        Prediction *prediction; /* NULL: there is none */
};

struct PredictionCache {
        PredictionCacheCounters counters;
        size_t max_entries, max_bytes;
        size_t n_entries, n_bytes;
        uint64_t generation; /* of the connection that the next two speak of; 0: of none */
        int64_t data_version;
        bool changed_here; /* the connection itself has changed a row since */
        Entry *newest, *oldest;
        Entry *buckets[N_BUCKETS];
};

int prediction_cache_new(PredictionCache **ret)
{
        PredictionCache *cache = calloc(1, sizeof *cache);

        if (!cache)
                return -ENOMEM;
        *ret = cache;
        return 0;
}

/* Sebastiano Vigna's splitmix64: ids follow each other, and so must not all fall beside each other. */
static Entry **bucket_of(PredictionCache *cache, PredictionKey by, int64_t key)
{
        uint64_t hash = (uint64_t) key * 2 + by + UINT64_C(0x9e3779b97f4a7c15);

        hash = (hash ^ hash >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
        hash = (hash ^ hash >> 27) * UINT64_C(0x94d049bb133111eb);
        return &cache->buckets[(hash ^ hash >> 31) % N_BUCKETS];
}

static void publish_size(PredictionCache *cache)
{
        atomic_store_explicit(&cache->counters.entries, cache->n_entries, memory_order_relaxed);
        atomic_store_explicit(&cache->counters.bytes, cache->n_bytes, memory_order_relaxed);
}

static void count(_Atomic uint64_t *counter)
{
        (void) atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

static void take_out_of_order(PredictionCache *cache, Entry *entry)
{
        *(entry->newer ? &entry->newer->older : &cache->newest) = entry->older;
        *(entry->older ? &entry->older->newer : &cache->oldest) = entry->newer;
}

static void put_first(PredictionCache *cache, Entry *entry)
{
        entry->newer = NULL;
        entry->older = cache->newest;
        *(cache->newest ? &cache->newest->newer : &cache->oldest) = entry;
        cache->newest = entry;
}

static void remove_entry(PredictionCache *cache, Entry *entry)
{
        Entry **link = bucket_of(cache, entry->by, entry->key);

        while (*link != entry)
                link = &(*link)->chain;
        *link = entry->chain;
        take_out_of_order(cache, entry);
        cache->n_entries--;
        cache->n_bytes -= entry->n_bytes;
        (void) prediction_free(entry->prediction);
        free(entry);
}

static void evict(PredictionCache *cache)
{
        while (cache->oldest &&
                        (cache->n_entries > cache->max_entries || cache->n_bytes > cache->max_bytes)) {
                remove_entry(cache, cache->oldest);
                count(&cache->counters.evictions);
        }
        publish_size(cache);
}

void prediction_cache_set_limits(PredictionCache *cache, size_t max_entries, size_t max_bytes)
{
        cache->max_entries = max_entries;
        cache->max_bytes = max_bytes;
        evict(cache);
}

static void forget_all(PredictionCache *cache)
{
        while (cache->oldest)
                remove_entry(cache, cache->oldest);
        publish_size(cache);
}

PredictionCache *prediction_cache_free(PredictionCache *cache)
{
        if (cache)
                forget_all(cache);
        free(cache);
        return NULL;
}

static Entry *find(PredictionCache *cache, PredictionKey by, int64_t key)
{
        Entry *entry = *bucket_of(cache, by, key);

        while (entry && (entry->by != by || entry->key != key))
                entry = entry->chain;
        return entry;
}

/* Keeps a copy. Out of memory is no fault: it is only asked for again. */
static void remember(PredictionCache *cache, PredictionKey by, int64_t key, const Prediction *prediction)
{
        size_t n_bytes = sizeof(Entry) + (prediction ? prediction_bytes(prediction) : 0);
        Entry *entry, **bucket = bucket_of(cache, by, key);

        /* One that has no room at all must not drive all others out first. */
        if (cache->max_entries == 0 || n_bytes > cache->max_bytes)
                return;
        entry = calloc(1, sizeof *entry);
        if (!entry)
                return;
        if (prediction) {
                entry->prediction = prediction_copy(prediction);
                if (!entry->prediction) {
                        free(entry);
                        return;
                }
        }
        entry->by = by;
        entry->key = key;
        entry->n_bytes = n_bytes;
        entry->chain = *bucket;
        *bucket = entry;
        put_first(cache, entry);
        cache->n_entries++;
        cache->n_bytes += n_bytes;
        evict(cache);
}

static int give_copy(const Prediction *prediction, Prediction **ret, Fault *fault)
{
        Prediction *copy = NULL;

        if (prediction) {
                copy = prediction_copy(prediction);
                if (!copy)
                        return fault_set_errno(fault, ENOMEM, "Looking a prediction up");
        }
        *ret = copy;
        return 0;
}

static void on_update(void *userdata, int kind, const char *database, const char *table, sqlite3_int64 row)
{
        PredictionCache *cache = userdata;

        cache->changed_here |= sqlite3_stricmp(table, "predictions") == 0;
}

/* *ret_pin holds the read transaction whose state everything that is still remembered belongs to. */
static int pin_state(PredictionCache *cache,
                Connection *connection,
                uint64_t generation,
                sqlite3_stmt **ret_pin,
                Fault *fault)
{
        _cleanup_(statement_finalizep) sqlite3_stmt *pin = NULL;
        int r = connection_query_row(connection, "PRAGMA main.data_version", &pin, fault);
        int64_t data_version;

        if (r < 0)
                return r;
        data_version = sqlite3_column_int64(pin, 0);
        if (cache->generation != generation || cache->data_version != data_version || cache->changed_here)
                forget_all(cache);
        if (cache->generation != generation)
                (void) sqlite3_update_hook(connection->handle, on_update, cache);
        cache->generation = generation;
        cache->data_version = data_version;
        cache->changed_here = false;
        *ret_pin = TAKE_PTR(pin);
        return 0;
}

int prediction_cache_get(PredictionCache *cache,
                Connection *connection,
                uint64_t generation,
                PredictionKey by,
                int64_t key,
                Prediction **ret,
                Fault *fault)
{
        _cleanup_(prediction_freep) Prediction *prediction = NULL;
        _cleanup_(statement_finalizep) sqlite3_stmt *pin = NULL;
        Entry *entry;
        int r;

        r = pin_state(cache, connection, generation, &pin, fault);
        if (r < 0)
                return r;
        entry = find(cache, by, key);
        if (entry) {
                count(&cache->counters.hits);
                take_out_of_order(cache, entry);
                put_first(cache, entry);
                return give_copy(entry->prediction, ret, fault);
        }
        count(&cache->counters.misses);
        r = prediction_get(connection, by, key, &prediction, fault);
        if (r < 0)
                return r;
        remember(cache, by, key, prediction);
        *ret = TAKE_PTR(prediction);
        return 0;
}

const PredictionCacheCounters *prediction_cache_counters(const PredictionCache *cache)
{
        return &cache->counters;
}
