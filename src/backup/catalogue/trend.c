/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup/catalogue/trend.h"

#include <errno.h>
#include <stdlib.h>

/* Long enough for the days of a week to even out, short enough to follow a change. */
#define WINDOW_USEC (7 * USEC_PER_DAY)
#define SHORTEST_SPAN_USEC USEC_PER_HOUR

/* One that is dated in the future is kept for good, and would be the latest sample until then. A clock that
 * was set back a little is no reason to leave the newest out. */
static bool is_sample(const Manifest *manifest, uint64_t now_usec)
{
        return !manifest->adopted && !manifest->problem && manifest->kind != BACKUP_IMPORTED &&
               manifest->database_bytes > 0 && manifest->created_usec > 0 &&
               manifest->created_usec <= now_usec + SHORTEST_SPAN_USEC;
}

void trend_done(Trend *trend)
{
        free(trend->samples);
        *trend = (Trend){0};
}

static int compare_samples(const void *a, const void *b)
{
        const SizeSample *first = a, *second = b;

        return (first->created_usec > second->created_usec) - (first->created_usec < second->created_usec);
}

static double days(uint64_t usec)
{
        return (double) usec / (double) USEC_PER_DAY;
}

static void measure_growth(Trend *trend)
{
        const SizeSample *first = trend->samples, *last;

        if (trend->n_samples == 0)
                return;
        last = trend->samples + trend->n_samples - 1;
        while (first < last && last->created_usec - first->created_usec > WINDOW_USEC)
                first++;
        /* A single one in the last week: the one before has to do. */
        if (first == last && trend->n_samples > 1)
                first--;
        if (last->created_usec - first->created_usec < SHORTEST_SPAN_USEC)
                return;
        trend->growth_known = true;
        trend->growth_bytes_per_day =
                        (int64_t) (((double) last->database_bytes - (double) first->database_bytes) /
                                        days(last->created_usec - first->created_usec));
}

int trend_of(const Catalogue *catalogue, uint64_t now_usec, Trend *ret)
{
        Trend trend = {0};

        trend.samples = calloc(
                        MIN_OF(catalogue->n_entries, (size_t) TREND_SAMPLES_MAX) + 1, sizeof(SizeSample));
        if (!trend.samples)
                return -ENOMEM;
        for (size_t i = 0; i < catalogue->n_entries && trend.n_samples < TREND_SAMPLES_MAX; i++) {
                const Manifest *manifest = catalogue->entries[i].manifest;

                if (!catalogue->entries[i].other && is_sample(manifest, now_usec))
                        trend.samples[trend.n_samples++] =
                                        (SizeSample){manifest->created_usec, manifest->database_bytes};
        }
        qsort(trend.samples, trend.n_samples, sizeof(SizeSample), compare_samples);
        measure_growth(&trend);
        *ret = trend;
        return 0;
}

/* Bytes that the backups still to come take before the first of them is old enough to go, and in how many
 * days. */
static double filling_bytes_per_day(
                const Catalogue *catalogue, uint64_t retention_usec, uint64_t now_usec, double *ret_days)
{
        uint64_t oldest_usec = now_usec, stored_bytes = 0, age_usec;

        *ret_days = 0;
        for (size_t i = 0; i < catalogue->n_entries; i++) {
                const Manifest *manifest = catalogue->entries[i].manifest;

                if (catalogue->entries[i].other || !is_sample(manifest, now_usec) ||
                                manifest->kind == BACKUP_INITIAL)
                        continue;
                oldest_usec = MIN_OF(oldest_usec, manifest->created_usec);
                stored_bytes += catalogue_own_bytes(catalogue, i);
        }
        age_usec = now_usec - oldest_usec;
        /* The backups of a few hours tell no daily rate. */
        if (age_usec < USEC_PER_DAY || age_usec >= retention_usec)
                return 0;
        *ret_days = days(retention_usec - age_usec);
        return (double) stored_bytes / days(age_usec);
}

double trend_days_left(const Trend *trend,
                const Catalogue *catalogue,
                uint64_t free_bytes,
                uint64_t retention_usec,
                uint64_t now_usec)
{
        double filling_days,
                        filling = filling_bytes_per_day(catalogue, retention_usec, now_usec, &filling_days);
        double growing = 0, left = (double) free_bytes;
        uint64_t stored_bytes = 0;

        for (size_t i = 0; i < catalogue->n_entries; i++)
                stored_bytes += catalogue_own_bytes(catalogue, i);
        if (trend->growth_known && trend->growth_bytes_per_day > 0)
                growing = (double) trend->growth_bytes_per_day *
                          (1 + (double) stored_bytes / (double) trend->samples[trend->n_samples - 1]
                                                                          .database_bytes);
        if (filling > 0 && left < (filling + growing) * filling_days)
                return left / (filling + growing);
        if (growing <= 0)
                return -1;
        return (left - filling * filling_days) / growing;
}
