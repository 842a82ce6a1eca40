/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/latency/histogram.h"

/* log2 of the buckets for each power of two. */
#define PRECISION 3

static size_t bucket_of(uint64_t usec)
{
        unsigned exponent;
        size_t bucket;

        if (usec < UINT64_C(1) << PRECISION)
                return (size_t) usec;
        exponent = 63U - (unsigned) __builtin_clzll(usec);
        bucket = ((size_t) (exponent - PRECISION + 1) << PRECISION) +
                 (size_t) ((usec >> (exponent - PRECISION)) & ((1U << PRECISION) - 1));
        return MIN_OF(bucket, (size_t) HISTOGRAM_BUCKETS - 1);
}

/* The longest duration that the bucket counts. */
static uint64_t bucket_end_usec(size_t bucket)
{
        unsigned shift;

        if (bucket < 2U << PRECISION)
                return bucket;
        shift = (unsigned) (bucket >> PRECISION) - 1;
        return ((((bucket & ((1U << PRECISION) - 1)) + (1U << PRECISION) + 1)) << shift) - 1;
}

void histogram_add(Histogram *histogram, uint64_t usec)
{
        histogram->count++;
        histogram->total_usec += usec;
        histogram->maximum_usec = MAX_OF(histogram->maximum_usec, usec);
        histogram->buckets[bucket_of(usec)]++;
}

uint64_t histogram_mean_usec(const Histogram *histogram)
{
        return histogram->count > 0 ? histogram->total_usec / histogram->count : 0;
}

uint64_t histogram_quantile_usec(const Histogram *histogram, unsigned percent)
{
        /* Rounded up: of ten, the median is the fifth, and p99 the tenth. */
        uint64_t wanted = histogram->count / 100 * percent + (histogram->count % 100 * percent + 99) / 100,
                 seen = 0;

        for (size_t i = 0; i + 1 < HISTOGRAM_BUCKETS; i++) {
                seen += histogram->buckets[i];
                if (seen >= wanted && seen > 0)
                        return MIN_OF(bucket_end_usec(i), histogram->maximum_usec);
        }
        return histogram->maximum_usec;
}
