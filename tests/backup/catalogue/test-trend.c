/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "../database/fixture.h"

#include <string.h>

#include "backup/catalogue/backup-name.h"
#include "backup/catalogue/trend.h"

static const uint64_t now_usec = UINT64_C(1769219181) * USEC_PER_SEC;

static Catalogue *make(void)
{
        Catalogue *catalogue;

        assert_int_equal(catalogue_new(&catalogue), 0);
        return catalogue;
}

static Manifest *add(Catalogue *catalogue, BackupKind kind, uint64_t age_usec, uint64_t database_bytes)
{
        _cleanup_free_ char *name = malloc(BACKUP_NAME_MAX);
        Manifest *manifest;

        assert_int_equal(manifest_new(&manifest), 0);
        manifest->kind = kind;
        manifest->created_usec = now_usec - age_usec;
        manifest->database_bytes = database_bytes;
        manifest->stored_bytes = database_bytes / 4;
        assert_int_equal(backup_name_make(manifest->created_usec, 0, name), 0);
        manifest->file = backup_name_to_file(name, COMPRESSION_GZIP, false);
        assert_int_equal(catalogue_put(catalogue, manifest), 0);
        return manifest;
}

static void test_samples_are_oldest_first(void **state)
{
        _cleanup_(catalogue_freep) Catalogue *catalogue = make();
        _cleanup_(trend_done) Trend trend = {0};

        (void) add(catalogue, BACKUP_AUTOMATIC, USEC_PER_DAY, 2000);
        (void) add(catalogue, BACKUP_INITIAL, 3 * USEC_PER_DAY, 1000);
        (void) add(catalogue, BACKUP_PRE_RESTORE, 0, 3000);
        assert_int_equal(trend_of(catalogue, now_usec, &trend), 0);
        assert_int_equal(trend.n_samples, 3);
        for (size_t i = 0; i < 3; i++)
                assert_int_equal(trend.samples[i].database_bytes, (i + 1) * 1000);
        assert_int_equal(trend.samples[0].created_usec, now_usec - 3 * USEC_PER_DAY);
}

static void test_what_came_from_elsewhere_is_no_sample(void **state)
{
        _cleanup_(catalogue_freep) Catalogue *catalogue = make();
        _cleanup_(trend_done) Trend trend = {0};
        Manifest *adopted = add(catalogue, BACKUP_MANUAL, USEC_PER_HOUR, 1000),
                 *broken = add(catalogue, BACKUP_MANUAL, 2 * USEC_PER_HOUR, 1000);

        adopted->adopted = true;
        broken->problem = strdup("truncated");
        (void) add(catalogue, BACKUP_IMPORTED, 3 * USEC_PER_HOUR, 1000);
        (void) add(catalogue, BACKUP_MANUAL, 4 * USEC_PER_HOUR, 0);
        assert_int_equal(trend_of(catalogue, now_usec, &trend), 0);
        assert_int_equal(trend.n_samples, 0);
        assert_false(trend.growth_known);
}

static int64_t growth(const Catalogue *catalogue)
{
        _cleanup_(trend_done) Trend trend = {0};

        assert_int_equal(trend_of(catalogue, now_usec, &trend), 0);
        assert_int_equal(trend.growth_known, trend.growth_bytes_per_day != 0);
        return trend.growth_bytes_per_day;
}

static void test_growth_is_that_of_the_last_week(void **state)
{
        _cleanup_(catalogue_freep) Catalogue *catalogue = make();

        (void) add(catalogue, BACKUP_INITIAL, 300 * USEC_PER_DAY, 10);
        assert_int_equal(growth(catalogue), 0);
        (void) add(catalogue, BACKUP_AUTOMATIC, 4 * USEC_PER_DAY, 100000);
        (void) add(catalogue, BACKUP_AUTOMATIC, 2 * USEC_PER_DAY, 500000);
        (void) add(catalogue, BACKUP_AUTOMATIC, 0, 140000);
        assert_int_equal(growth(catalogue), 10000);
}

static void test_growth_may_be_negative(void **state)
{
        _cleanup_(catalogue_freep) Catalogue *catalogue = make();

        (void) add(catalogue, BACKUP_AUTOMATIC, USEC_PER_DAY / 2, 9000);
        (void) add(catalogue, BACKUP_AUTOMATIC, 0, 4000);
        assert_int_equal(growth(catalogue), -10000);
}

/* The clock was wrong for one backup: those before and after it go on telling. */
static void test_what_is_dated_in_the_future_is_no_sample(void **state)
{
        _cleanup_(catalogue_freep) Catalogue *catalogue = make();
        _cleanup_(trend_done) Trend trend = {0};

        (void) add(catalogue, BACKUP_AUTOMATIC, 2 * USEC_PER_DAY, 100000);
        (void) add(catalogue, BACKUP_AUTOMATIC, USEC_PER_DAY, 110000);
        (void) add(catalogue, BACKUP_AUTOMATIC, 0, 120000);
        add(catalogue, BACKUP_AUTOMATIC, 3 * USEC_PER_DAY, 1000)->created_usec =
                        now_usec + 3650 * USEC_PER_DAY;
        assert_int_equal(growth(catalogue), 10000);
        assert_int_equal(trend_of(catalogue, now_usec, &trend), 0);
        assert_int_equal(trend.n_samples, 3);
}

static void test_samples_a_week_apart_still_tell(void **state)
{
        _cleanup_(catalogue_freep) Catalogue *catalogue = make();

        (void) add(catalogue, BACKUP_AUTOMATIC, 20 * USEC_PER_DAY, 10000);
        (void) add(catalogue, BACKUP_AUTOMATIC, 0, 30000);
        assert_int_equal(growth(catalogue), 1000);
}

static void test_samples_of_one_hour_tell_nothing(void **state)
{
        _cleanup_(catalogue_freep) Catalogue *catalogue = make();

        (void) add(catalogue, BACKUP_MANUAL, USEC_PER_HOUR - USEC_PER_SEC, 1000);
        (void) add(catalogue, BACKUP_MANUAL, 0, 2000);
        assert_int_equal(growth(catalogue), 0);
}

static double days_left(const Catalogue *catalogue, uint64_t free_bytes, uint64_t retention_usec)
{
        _cleanup_(trend_done) Trend trend = {0};

        assert_int_equal(trend_of(catalogue, now_usec, &trend), 0);
        return trend_days_left(&trend, catalogue, free_bytes, retention_usec, now_usec);
}

/* 10,000 bytes a day in the database, and with backups of (25,000 + 30,000 + 35,000) in all against its
 * 140,000, as many times more in those. */
static void test_backups_grow_with_the_database(void **state)
{
        _cleanup_(catalogue_freep) Catalogue *catalogue = make();
        double wanted = 1000000 / (10000 * (1 + 90000.0 / 140000));

        (void) add(catalogue, BACKUP_AUTOMATIC, 4 * USEC_PER_DAY, 100000);
        (void) add(catalogue, BACKUP_AUTOMATIC, 2 * USEC_PER_DAY, 120000);
        (void) add(catalogue, BACKUP_AUTOMATIC, 0, 140000);
        assert_float_equal(days_left(catalogue, 1000000, 3 * USEC_PER_DAY), wanted, 0.01);
}

/* Two days old of four: as much again is still to come, 10,000 bytes a day. */
static void test_backups_become_more_until_retention_begins(void **state)
{
        _cleanup_(catalogue_freep) Catalogue *catalogue = make();

        (void) add(catalogue, BACKUP_INITIAL, 100 * USEC_PER_DAY, 4000000);
        (void) add(catalogue, BACKUP_AUTOMATIC, 2 * USEC_PER_DAY, 40000);
        (void) add(catalogue, BACKUP_AUTOMATIC, 0, 40000);
        assert_float_equal(days_left(catalogue, 15000, 4 * USEC_PER_DAY), 1.5, 0.01);
        assert_true(days_left(catalogue, 25000, 4 * USEC_PER_DAY) < 0);
}

static void test_nothing_says_that_the_disk_fills(void **state)
{
        _cleanup_(catalogue_freep) Catalogue *catalogue = make();

        assert_true(days_left(catalogue, 1000, 4 * USEC_PER_DAY) < 0);
        (void) add(catalogue, BACKUP_AUTOMATIC, 10 * USEC_PER_DAY, 50000);
        (void) add(catalogue, BACKUP_AUTOMATIC, 0, 40000);
        assert_true(days_left(catalogue, 1000, 4 * USEC_PER_DAY) < 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_samples_are_oldest_first),
                        cmocka_unit_test(test_what_came_from_elsewhere_is_no_sample),
                        cmocka_unit_test(test_growth_is_that_of_the_last_week),
                        cmocka_unit_test(test_growth_may_be_negative),
                        cmocka_unit_test(test_what_is_dated_in_the_future_is_no_sample),
                        cmocka_unit_test(test_samples_a_week_apart_still_tell),
                        cmocka_unit_test(test_samples_of_one_hour_tell_nothing),
                        cmocka_unit_test(test_backups_grow_with_the_database),
                        cmocka_unit_test(test_backups_become_more_until_retention_begins),
                        cmocka_unit_test(test_nothing_says_that_the_disk_fills),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
