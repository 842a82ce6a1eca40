/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Durations counted in fixed buckets, so that quantiles of any number of them cost the same small memory.
 * Eight buckets for each power of two: a quantile is at most an eighth too high. Belongs to the loop. */

#include "base/macro.h"

/* Up to 2^32 µs, more than an hour; what is longer is counted in the last one. */
#define HISTOGRAM_BUCKETS 240

typedef struct Histogram {
        uint64_t count;
        uint64_t total_usec;
        uint64_t maximum_usec;
        uint64_t buckets[HISTOGRAM_BUCKETS];
} Histogram;

void histogram_add(Histogram *histogram, uint64_t usec);

uint64_t histogram_mean_usec(const Histogram *histogram);

/* The duration that `percent` of them did not exceed, and never more than the maximum; 0 when empty. */
uint64_t histogram_quantile_usec(const Histogram *histogram, unsigned percent);
