/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How the database grows, told by the backups that are kept: each is a sample of its size, so that nothing
 * else has to be stored. Pure functions of a catalogue, which must not change meanwhile. */

#include "backup/catalogue/catalogue.h"

/* Far more than retention keeps, and what one reply on the bus may hold. */
#define TREND_SAMPLES_MAX 1000

typedef struct SizeSample {
        uint64_t created_usec;
        uint64_t database_bytes;
} SizeSample;

typedef struct Trend {
        SizeSample *samples; /* oldest first; the newest ones when there are too many */
        size_t n_samples;
        bool growth_known;            /* the samples lie at least an hour apart */
        int64_t growth_bytes_per_day; /* over the last week of samples */
} Trend;

/* What was brought in, adopted, is not readable or is dated later than an hour from now says nothing about
 * this database. -ENOMEM. */
int trend_of(const Catalogue *catalogue, uint64_t now_usec, Trend *ret);
void trend_done(Trend *trend);

/* The days until `free_bytes` are used up, or a negative number when nothing says that they ever will be:
 * the backups that are kept grow with the database, and become more until the oldest one that ages is
 * `retention_usec` old. */
double trend_days_left(const Trend *trend,
                const Catalogue *catalogue,
                uint64_t free_bytes,
                uint64_t retention_usec,
                uint64_t now_usec);
