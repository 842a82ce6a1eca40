/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "../database/fixture.h"

#include <string.h>

#include "backup/catalogue/backup-name.h"
#include "backup/catalogue/retention.h"

static const uint64_t now_usec = UINT64_C(1769219181) * USEC_PER_SEC;
static const RetentionPolicy seven_days = {.keep_usec = 7 * USEC_PER_DAY, .minimum_verified = 3};

/* A verified backup of that age (which may be negative), as the catalogue would have it. */
static CatalogueEntry *add(Catalogue *catalogue, int64_t age_usec)
{
        _cleanup_free_ char *name = malloc(BACKUP_NAME_MAX);
        Manifest *manifest;

        assert_int_equal(manifest_new(&manifest), 0);
        manifest->created_usec = (uint64_t) ((int64_t) now_usec - age_usec);
        manifest->verified_usec = manifest->created_usec;
        manifest->kind = BACKUP_AUTOMATIC;
        assert_int_equal(backup_name_make(manifest->created_usec, 0, name), 0);
        manifest->file = backup_name_to_file(name, COMPRESSION_GZIP, false);
        assert_int_equal(catalogue_put(catalogue, manifest), 0);
        return catalogue_find(catalogue, name);
}

static void add_days(Catalogue *catalogue, unsigned first, unsigned last)
{
        for (unsigned day = first; day <= last; day++)
                (void) add(catalogue, (int64_t) (day * USEC_PER_DAY));
}

static Catalogue *make(void)
{
        Catalogue *catalogue;

        assert_int_equal(catalogue_new(&catalogue), 0);
        return catalogue;
}

static void assert_plan(const Catalogue *catalogue,
                const RetentionPolicy *policy,
                uint64_t at_usec,
                const RetentionReason *wanted,
                size_t n)
{
        RetentionReason reasons[64];

        assert_int_equal(catalogue->n_entries, n);
        retention_plan(catalogue, policy, at_usec, reasons);
        for (size_t i = 0; i < n; i++)
                if (reasons[i] != wanted[i])
                        fail_msg("entry %zu: %s, instead of: %s",
                                        i,
                                        retention_reason_text(reasons[i]),
                                        retention_reason_text(wanted[i]));
}

#define ASSERT_PLAN(catalogue, policy, at_usec, ...)            \
        assert_plan(catalogue,                                  \
                        policy,                                 \
                        at_usec,                                \
                        (const RetentionReason[]){__VA_ARGS__}, \
                        sizeof((const RetentionReason[]){__VA_ARGS__}) / sizeof(RetentionReason))

static void test_old_ones_go_recent_ones_stay(void **state)
{
        _cleanup_(catalogue_freep) Catalogue *catalogue = make();

        add_days(catalogue, 5, 9);
        ASSERT_PLAN(catalogue,
                        &seven_days,
                        now_usec,
                        RETENTION_KEEP_RECENT,
                        RETENTION_KEEP_RECENT,
                        RETENTION_KEEP_RECENT, /* seven days to the microsecond */
                        RETENTION_DROP_EXPIRED,
                        RETENTION_DROP_EXPIRED);
}

static void test_last_verified_stay_however_old(void **state)
{
        _cleanup_(catalogue_freep) Catalogue *catalogue = make();

        add_days(catalogue, 100, 104);
        catalogue->entries[1].manifest->verified_usec = 0;
        ASSERT_PLAN(catalogue,
                        &seven_days,
                        now_usec,
                        RETENTION_KEEP_MINIMUM,
                        RETENTION_DROP_EXPIRED,
                        RETENTION_KEEP_MINIMUM,
                        RETENTION_KEEP_MINIMUM,
                        RETENTION_DROP_EXPIRED);
}

static void test_backups_that_share_their_bytes_count_as_one(void **state)
{
        _cleanup_(catalogue_freep) Catalogue *catalogue = make();

        add_days(catalogue, 100, 105);
        for (size_t i = 1; i < 4; i++)
                catalogue->entries[i].manifest->copied_usec = 77;
        ASSERT_PLAN(catalogue,
                        &seven_days,
                        now_usec,
                        RETENTION_KEEP_MINIMUM,
                        RETENTION_KEEP_MINIMUM,
                        RETENTION_KEEP_MINIMUM,
                        RETENTION_KEEP_MINIMUM,
                        RETENTION_KEEP_MINIMUM,
                        RETENTION_DROP_EXPIRED);
}

static void test_failed_verification_does_not_count(void **state)
{
        _cleanup_(catalogue_freep) Catalogue *catalogue = make();

        add_days(catalogue, 100, 104);
        catalogue->entries[0].manifest->verification_fault = strdup("damaged");
        catalogue->entries[1].manifest->problem = strdup("cut short");
        ASSERT_PLAN(catalogue,
                        &seven_days,
                        now_usec,
                        RETENTION_DROP_EXPIRED,
                        RETENTION_DROP_EXPIRED,
                        RETENTION_KEEP_MINIMUM,
                        RETENTION_KEEP_MINIMUM,
                        RETENTION_KEEP_MINIMUM);
}

static void test_newest_others_stand_in(void **state)
{
        _cleanup_(catalogue_freep) Catalogue *catalogue = make();

        add_days(catalogue, 100, 104);
        for (unsigned i = 0; i < 4; i++)
                catalogue->entries[i].manifest->verified_usec = 0;
        catalogue->entries[0].manifest->problem = strdup("missing");
        ASSERT_PLAN(catalogue,
                        &seven_days,
                        now_usec,
                        RETENTION_DROP_EXPIRED,
                        RETENTION_KEEP_MINIMUM,
                        RETENTION_KEEP_MINIMUM,
                        RETENTION_DROP_EXPIRED,
                        RETENTION_KEEP_MINIMUM);
}

static void test_a_minimum_of_zero_is_one(void **state)
{
        const RetentionPolicy policy = {.keep_usec = 0, .minimum_verified = 0};
        _cleanup_(catalogue_freep) Catalogue *catalogue = make();

        add_days(catalogue, 1, 2);
        ASSERT_PLAN(catalogue, &policy, now_usec, RETENTION_KEEP_MINIMUM, RETENTION_DROP_EXPIRED);
}

static void test_initial_stays_for_good(void **state)
{
        _cleanup_(catalogue_freep) Catalogue *catalogue = make();
        Manifest *manifest;

        add_days(catalogue, 1, 5);
        assert_int_equal(manifest_new(&manifest), 0);
        manifest->file = strdup(INITIAL_BACKUP_NAME ".db.gz");
        manifest->created_usec = 1;
        manifest->kind = BACKUP_MANUAL; /* its name is enough */
        assert_int_equal(catalogue_put(catalogue, manifest), 0);
        add(catalogue, (int64_t) (400 * USEC_PER_DAY))->manifest->kind =
                        BACKUP_INITIAL; /* and so is its kind */
        ASSERT_PLAN(catalogue,
                        &seven_days,
                        now_usec,
                        RETENTION_KEEP_RECENT,
                        RETENTION_KEEP_RECENT,
                        RETENTION_KEEP_RECENT,
                        RETENTION_KEEP_RECENT,
                        RETENTION_KEEP_RECENT,
                        RETENTION_KEEP_INITIAL,
                        RETENTION_KEEP_INITIAL);
}

static void test_a_pinned_one_stays(void **state)
{
        const RetentionPolicy policy = {.minimum_verified = 1};
        _cleanup_(catalogue_freep) Catalogue *catalogue = make();

        add_days(catalogue, 20, 22);
        catalogue->entries[2].manifest->kept = true;
        ASSERT_PLAN(catalogue,
                        &policy,
                        now_usec,
                        RETENTION_KEEP_MINIMUM,
                        RETENTION_DROP_EXPIRED,
                        RETENTION_KEEP_KEPT);
}

static void test_leased_and_adopted_stay(void **state)
{
        _cleanup_(catalogue_freep) Catalogue *catalogue = make();

        add_days(catalogue, 1, 3);
        add_days(catalogue, 20, 21);
        catalogue->entries[3].leases = 1;
        catalogue->entries[4].manifest->adopted = true;
        ASSERT_PLAN(catalogue,
                        &seven_days,
                        now_usec,
                        RETENTION_KEEP_RECENT,
                        RETENTION_KEEP_RECENT,
                        RETENTION_KEEP_RECENT,
                        RETENTION_KEEP_IN_USE,
                        RETENTION_KEEP_NOT_OURS);
}

/* However old, and though the database has none of its own that is verified. */
static void test_those_of_another_database_stay_and_do_not_count(void **state)
{
        const RetentionPolicy policy = {.keep_usec = 7 * USEC_PER_DAY, .minimum_verified = 1};
        _cleanup_(catalogue_freep) Catalogue *catalogue = make();

        add_days(catalogue, 100, 103);
        catalogue->entries[0].other = catalogue->entries[2].other = true;
        ASSERT_PLAN(catalogue,
                        &policy,
                        now_usec,
                        RETENTION_KEEP_OTHER,
                        RETENTION_KEEP_MINIMUM,
                        RETENTION_KEEP_OTHER,
                        RETENTION_DROP_EXPIRED);
}

static void test_nothing_goes_while_somebody_has_to_look(void **state)
{
        const RetentionPolicy policy = {.minimum_verified = 1, .held = true};
        _cleanup_(catalogue_freep) Catalogue *catalogue = make();

        add_days(catalogue, 20, 21);
        ASSERT_PLAN(catalogue, &policy, now_usec, RETENTION_KEEP_HELD, RETENTION_KEEP_HELD);
}

static void test_a_clock_that_leapt_ahead_drops_nothing(void **state)
{
        const uint64_t leap_usec = 30 * 365 * USEC_PER_DAY;
        const ClockHistory clock = {.first_usec = now_usec - 90 * USEC_PER_DAY,
                        .last = {.wall_usec = now_usec + leap_usec},
                        .leaps = {{.at_usec = now_usec, .by_usec = leap_usec}},
                        .n_leaps = 1};
        const RetentionPolicy policy = {
                        .keep_usec = 7 * USEC_PER_DAY, .minimum_verified = 1, .clock = &clock};
        _cleanup_(catalogue_freep) Catalogue *catalogue = make();

        add_days(catalogue, 6, 9);
        ASSERT_PLAN(catalogue,
                        &policy,
                        now_usec + leap_usec,
                        RETENTION_KEEP_LEAP,
                        RETENTION_KEEP_LEAP,
                        RETENTION_DROP_EXPIRED,
                        RETENTION_DROP_EXPIRED);
}

/* The watch began today. */
static void test_many_that_an_unwatched_clock_makes_old_wait(void **state)
{
        ClockHistory clock = {.first_usec = now_usec, .last = {.wall_usec = now_usec}};
        const RetentionPolicy policy = {
                        .keep_usec = 7 * USEC_PER_DAY, .minimum_verified = 1, .clock = &clock};
        _cleanup_(catalogue_freep) Catalogue *catalogue = make();

        add_days(catalogue, 6, 10);
        ASSERT_PLAN(catalogue,
                        &policy,
                        now_usec,
                        RETENTION_KEEP_RECENT,
                        RETENTION_KEEP_RECENT,
                        RETENTION_KEEP_AT_ONCE,
                        RETENTION_KEEP_AT_ONCE,
                        RETENTION_KEEP_AT_ONCE);
        /* A few go as ever. */
        catalogue_drop(catalogue, catalogue->entries[4].manifest->file);
        ASSERT_PLAN(catalogue,
                        &policy,
                        now_usec,
                        RETENTION_KEEP_RECENT,
                        RETENTION_KEEP_RECENT,
                        RETENTION_DROP_EXPIRED,
                        RETENTION_DROP_EXPIRED);
        /* And all of them once the retention time has passed under watch. */
        add_days(catalogue, 10, 10);
        clock.last.wall_usec += 8 * USEC_PER_DAY;
        ASSERT_PLAN(catalogue,
                        &policy,
                        now_usec + 8 * USEC_PER_DAY,
                        RETENTION_KEEP_MINIMUM,
                        RETENTION_DROP_EXPIRED,
                        RETENTION_DROP_EXPIRED,
                        RETENTION_DROP_EXPIRED,
                        RETENTION_DROP_EXPIRED);
}

static void test_a_clock_that_jumps_back_drops_nothing(void **state)
{
        _cleanup_(catalogue_freep) Catalogue *catalogue = make();

        add_days(catalogue, 1, 5);
        ASSERT_PLAN(catalogue,
                        &seven_days,
                        now_usec - 365 * USEC_PER_DAY,
                        RETENTION_KEEP_FUTURE,
                        RETENTION_KEEP_FUTURE,
                        RETENTION_KEEP_FUTURE,
                        RETENTION_KEEP_FUTURE,
                        RETENTION_KEEP_FUTURE);
}

/* Made while the clock was a year behind, but named after the one before. */
static void test_the_younger_of_label_and_creation_counts(void **state)
{
        const RetentionPolicy policy = {.keep_usec = 7 * USEC_PER_DAY, .minimum_verified = 1};
        _cleanup_(catalogue_freep) Catalogue *catalogue = make();

        add_days(catalogue, 1, 2);
        catalogue->entries[1].manifest->created_usec -= 365 * USEC_PER_DAY;
        add(catalogue, (int64_t) (400 * USEC_PER_DAY))->manifest->created_usec = now_usec - USEC_PER_DAY;
        ASSERT_PLAN(catalogue,
                        &policy,
                        now_usec,
                        RETENTION_KEEP_RECENT,
                        RETENTION_KEEP_RECENT,
                        RETENTION_KEEP_RECENT);
}

static void test_a_label_seconds_ahead_is_no_jump(void **state)
{
        _cleanup_(catalogue_freep) Catalogue *catalogue = make();

        (void) add(catalogue, -(int64_t) (3 * USEC_PER_SEC));
        (void) add(catalogue, -(int64_t) (2 * USEC_PER_MINUTE));
        ASSERT_PLAN(catalogue, &seven_days, now_usec, RETENTION_KEEP_FUTURE, RETENTION_KEEP_RECENT);
}

static void test_nothing_goes_while_the_database_is_corrupt(void **state)
{
        const RetentionPolicy policy = {.minimum_verified = 1, .database_corrupt = true};
        _cleanup_(catalogue_freep) Catalogue *catalogue = make();

        add_days(catalogue, 20, 22);
        ASSERT_PLAN(catalogue,
                        &policy,
                        now_usec,
                        RETENTION_KEEP_CORRUPT,
                        RETENTION_KEEP_CORRUPT,
                        RETENTION_KEEP_CORRUPT);
}

static uint32_t random_state;

static uint32_t random_below(uint32_t bound)
{
        random_state ^= random_state << 13;
        random_state ^= random_state >> 17;
        random_state ^= random_state << 5;
        return random_state % bound;
}

static Catalogue *make_random(void)
{
        Catalogue *catalogue = make();
        unsigned n = random_below(40);

        for (unsigned i = 0; i < n; i++) {
                CatalogueEntry *entry = add(catalogue,
                                (int64_t) (random_below(30 * 24) * USEC_PER_HOUR) -
                                                (int64_t) (2 * USEC_PER_DAY));
                Manifest *manifest = entry->manifest;

                if (random_below(3) == 0)
                        manifest->verified_usec = 0;
                if (random_below(8) == 0 && !manifest->problem)
                        manifest->problem = strdup("cut short");
                if (random_below(8) == 0 && !manifest->verification_fault)
                        manifest->verification_fault = strdup("damaged");
                manifest->adopted = random_below(10) == 0;
                if (random_below(20) == 0)
                        manifest->kind = BACKUP_INITIAL;
                entry->leases = random_below(10) == 0;
        }
        return catalogue;
}

static void assert_invariants(
                const Catalogue *catalogue, const RetentionPolicy *policy, const RetentionReason *reasons)
{
        unsigned n_verified = 0, n_verified_kept = 0, minimum = MAX_OF(policy->minimum_verified, 1U);

        for (size_t i = 0; i < catalogue->n_entries; i++) {
                const CatalogueEntry *entry = catalogue->entries + i;
                const Manifest *manifest = entry->manifest;
                bool verified = manifest_is_verified(manifest);

                assert_in_range(reasons[i], 0, _RETENTION_REASON_MAX - 1);
                if (manifest->kind == BACKUP_INITIAL || entry->leases > 0 || manifest->adopted ||
                                manifest->created_usec > now_usec || policy->database_corrupt ||
                                (verified && n_verified < minimum))
                        assert_true(retention_keeps(reasons[i]));
                if (!retention_keeps(reasons[i]))
                        assert_true(now_usec - manifest->created_usec > policy->keep_usec);
                n_verified += verified;
                n_verified_kept += verified && retention_keeps(reasons[i]);
        }
        assert_true(n_verified_kept >= MIN_OF(minimum, n_verified));
}

static void test_invariants_of_random_lists(void **state)
{
        for (uint32_t seed = 1; seed <= 2000; seed++) {
                _cleanup_(catalogue_freep) Catalogue *catalogue = NULL;
                RetentionReason reasons[64], later[64];
                RetentionPolicy policy;

                random_state = seed;
                catalogue = make_random();
                policy = (RetentionPolicy){
                                .keep_usec = random_below(20) * USEC_PER_DAY,
                                .minimum_verified = random_below(6),
                                .database_corrupt = random_below(20) == 0,
                };
                retention_plan(catalogue, &policy, now_usec, reasons);
                assert_invariants(catalogue, &policy, reasons);

                /* What is dropped today is not kept tomorrow, whatever the reason. */
                retention_plan(catalogue, &policy, now_usec + random_below(1000) * USEC_PER_HOUR, later);
                for (size_t i = 0; i < catalogue->n_entries; i++)
                        assert_true(retention_keeps(reasons[i]) || !retention_keeps(later[i]));
        }
}

/* Dropping, and asking again, drops nothing more. */
static void test_a_second_pass_drops_nothing(void **state)
{
        for (uint32_t seed = 1; seed <= 500; seed++) {
                _cleanup_(catalogue_freep) Catalogue *catalogue = NULL;
                RetentionReason reasons[64];

                random_state = seed;
                catalogue = make_random();
                retention_plan(catalogue, &seven_days, now_usec, reasons);
                for (size_t i = catalogue->n_entries; i-- > 0;)
                        if (!retention_keeps(reasons[i])) {
                                _cleanup_free_ char *file = strdup(catalogue->entries[i].manifest->file);

                                catalogue_drop(catalogue, file);
                        }
                retention_plan(catalogue, &seven_days, now_usec, reasons);
                for (size_t i = 0; i < catalogue->n_entries; i++)
                        assert_true(retention_keeps(reasons[i]));
        }
}

static void test_every_reason_has_words(void **state)
{
        for (RetentionReason reason = 0; reason < _RETENTION_REASON_MAX; reason++) {
                assert_non_null(retention_reason_text(reason));
                assert_int_equal(retention_keeps(reason), reason != RETENTION_DROP_EXPIRED);
        }
        assert_null(retention_reason_text(_RETENTION_REASON_INVALID));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_old_ones_go_recent_ones_stay),
                        cmocka_unit_test(test_last_verified_stay_however_old),
                        cmocka_unit_test(test_backups_that_share_their_bytes_count_as_one),
                        cmocka_unit_test(test_failed_verification_does_not_count),
                        cmocka_unit_test(test_newest_others_stand_in),
                        cmocka_unit_test(test_a_minimum_of_zero_is_one),
                        cmocka_unit_test(test_initial_stays_for_good),
                        cmocka_unit_test(test_a_pinned_one_stays),
                        cmocka_unit_test(test_leased_and_adopted_stay),
                        cmocka_unit_test(test_those_of_another_database_stay_and_do_not_count),
                        cmocka_unit_test(test_nothing_goes_while_somebody_has_to_look),
                        cmocka_unit_test(test_a_clock_that_leapt_ahead_drops_nothing),
                        cmocka_unit_test(test_many_that_an_unwatched_clock_makes_old_wait),
                        cmocka_unit_test(test_a_clock_that_jumps_back_drops_nothing),
                        cmocka_unit_test(test_the_younger_of_label_and_creation_counts),
                        cmocka_unit_test(test_a_label_seconds_ahead_is_no_jump),
                        cmocka_unit_test(test_nothing_goes_while_the_database_is_corrupt),
                        cmocka_unit_test(test_invariants_of_random_lists),
                        cmocka_unit_test(test_a_second_pass_drops_nothing),
                        cmocka_unit_test(test_every_reason_has_words),
        };

        return cmocka_run_group_tests_name("retention", tests, NULL, NULL);
}
