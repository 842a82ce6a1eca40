/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "daemon/facts/recovery-decision.h"

#define NOW_USEC (UINT64_C(20000) * USEC_PER_DAY)

static void test_decisions(void **state)
{
        const RecoveryFacts broken = {
                        .broken = true, .auto_restore = true, .has_backup = true, .now_usec = NOW_USEC};
        RecoveryFacts facts = broken;

        assert_int_equal(recovery_decide(&facts), RECOVERY_RESTORE);
        facts.broken = false;
        assert_int_equal(recovery_decide(&facts), RECOVERY_NOTHING);
        facts = broken;
        facts.auto_restore = false;
        assert_int_equal(recovery_decide(&facts), RECOVERY_OFF);
        facts = broken;
        facts.stopped = true;
        assert_int_equal(recovery_decide(&facts), RECOVERY_STOPPED);
        facts = broken;
        facts.has_backup = false;
        assert_int_equal(recovery_decide(&facts), RECOVERY_NO_BACKUP);
        /* What there is to do must be said also when nothing would be done. */
        facts.auto_restore = false;
        facts.stopped = true;
        assert_int_equal(recovery_decide(&facts), RECOVERY_NO_BACKUP);
}

static void test_what_costs_no_row_is_repaired_and_never_restored(void **state)
{
        RecoveryFacts facts = {.repairable = true, .auto_restore = true, .now_usec = NOW_USEC};

        assert_int_equal(recovery_decide(&facts), RECOVERY_REPAIR);
        facts.has_backup = true;
        facts.stopped = true;
        facts.last_automatic = true;
        facts.last_restore_usec = NOW_USEC - 1;
        assert_int_equal(recovery_decide(&facts), RECOVERY_REPAIR);
        facts.auto_restore = false;
        assert_int_equal(recovery_decide(&facts), RECOVERY_OFF);
}

static void test_no_second_automatic_restore_within_the_hour(void **state)
{
        RecoveryFacts facts = {.broken = true,
                        .auto_restore = true,
                        .has_backup = true,
                        .now_usec = NOW_USEC,
                        .last_automatic = true};

        facts.last_restore_usec = NOW_USEC - USEC_PER_HOUR + 1;
        assert_int_equal(recovery_decide(&facts), RECOVERY_STOPPED);
        facts.last_restore_usec = NOW_USEC - USEC_PER_HOUR;
        assert_int_equal(recovery_decide(&facts), RECOVERY_RESTORE);
        /* The clock jumped back. */
        facts.last_restore_usec = NOW_USEC + 30 * USEC_PER_DAY;
        assert_int_equal(recovery_decide(&facts), RECOVERY_STOPPED);
        /* An operator's restore starts no count. */
        facts.last_restore_usec = NOW_USEC - 1;
        facts.last_automatic = false;
        assert_int_equal(recovery_decide(&facts), RECOVERY_RESTORE);
}

/* A catalogue with a backup each hour, the letter giving its kind: a(utomatic), i(mported), p(re-restore);
 * in capitals not verified, or (V) with a fault found since. */
static Catalogue *catalogue_of(const char *kinds)
{
        Catalogue *catalogue = NULL;

        assert_int_equal(catalogue_new(&catalogue), 0);
        for (size_t i = 0; kinds[i]; i++) {
                Manifest *manifest = NULL;

                assert_int_equal(manifest_new(&manifest), 0);
                assert_true(asprintf(&manifest->name, "backup_20260101_%02zu0000", i) > 0);
                assert_true(asprintf(&manifest->file, "backup_20260101_%02zu0000.db", i) > 0);
                manifest->kind = strchr("iI", kinds[i])   ? BACKUP_IMPORTED
                                 : strchr("pP", kinds[i]) ? BACKUP_PRE_RESTORE
                                                          : BACKUP_AUTOMATIC;
                manifest->created_usec = (i + 1) * USEC_PER_HOUR;
                manifest->verified_usec = strchr("aipV", kinds[i]) ? manifest->created_usec : 0;
                if (kinds[i] == 'V')
                        manifest->verification_fault = strdup("bad");
                assert_int_equal(catalogue_put(catalogue, manifest), 0);
        }
        return catalogue;
}

/* `restored` is the index of the backup that was restored at the hour `at`, or -1. The index of the choice,
 * or -1 for none. */
static int choose(const char *kinds, int restored, unsigned at)
{
        _cleanup_(catalogue_freep) Catalogue *catalogue = catalogue_of(kinds);
        RestoreRecord last = {.restored_usec = at * USEC_PER_HOUR + USEC_PER_MINUTE};
        char source[64];
        const CatalogueEntry *entry;

        (void) snprintf(source, sizeof source, "backup_20260101_%02d0000", restored);
        last.source = source;
        entry = recovery_choose(catalogue, restored < 0 ? NULL : &last, false);
        return entry ? (int) (entry->manifest->created_usec / USEC_PER_HOUR) - 1 : -1;
}

static void test_newest_verified_of_the_service(void **state)
{
        assert_int_equal(choose("", -1, 0), -1);
        assert_int_equal(choose("aaa", -1, 0), 2);
        assert_int_equal(choose("aaA", -1, 0), 1);
        assert_int_equal(choose("aaV", -1, 0), 1);
        assert_int_equal(choose("AV", -1, 0), -1);
}

static void test_what_others_made_comes_last(void **state)
{
        assert_int_equal(choose("aip", -1, 0), 0);
        assert_int_equal(choose("Aip", -1, 0), 1);
        assert_int_equal(choose("AIp", -1, 0), 2);
}

static void test_restore_begins_a_new_line(void **state)
{
        /* At hour 4, backup 1 was restored; 2 and 3 were given up, 4 is what they led to. */
        assert_int_equal(choose("aaaap", 1, 4), 1);
        /* Made since. */
        assert_int_equal(choose("aaaapa", 1, 4), 5);
        /* The restored one doesn't pass any more: the older one, then what was given up, then what it
         * replaced. */
        assert_int_equal(choose("aVaap", 1, 4), 0);
        assert_int_equal(choose("VVaap", 1, 4), 3);
        assert_int_equal(choose("VVVVp", 1, 4), 4);
}

static void test_imported_or_undone_backup_that_was_restored_is_the_line(void **state)
{
        assert_int_equal(choose("aai", 2, 4), 2);
        assert_int_equal(choose("aap", 2, 4), 2);
        assert_int_equal(choose("aapia", 3, 3), 4);
}

static void test_backup_of_another_database_is_none_unless_restored(void **state)
{
        _cleanup_(catalogue_freep) Catalogue *catalogue = catalogue_of("aaa");
        RestoreRecord last = {0};

        catalogue->entries[0].other = catalogue->entries[1].other = true;
        assert_ptr_equal(recovery_choose(catalogue, NULL, true), catalogue->entries + 2);
        catalogue->entries[2].other = true;
        assert_null(recovery_choose(catalogue, NULL, true));
        last.source = catalogue->entries[1].manifest->name;
        last.restored_usec = catalogue->entries[1].manifest->created_usec + 1;
        assert_ptr_equal(recovery_choose(catalogue, &last, true), catalogue->entries + 1);
}

static void test_undo_is_promised_only_where_it_passes(void **state)
{
        const struct {
                char kind;
                bool encrypted, gone, quarantine, is_there, damaged, with_encrypted, can;
        } cases[] = {
                        {'p', .can = true},
                        {'V', .can = false},
                        {'p', .encrypted = true, .can = false},
                        {'p', .encrypted = true, .with_encrypted = true, .can = true},
                        /* The backup goes before the files that it was made of. */
                        {'V', .quarantine = true, .is_there = true, .can = false},
                        {'p', .gone = true, .can = false},
                        {'p', .gone = true, .quarantine = true, .is_there = true, .can = true},
                        {0, .quarantine = true, .is_there = true, .can = true},
                        {0, .quarantine = true, .is_there = true, .damaged = true, .can = false},
                        {0, .quarantine = true, .can = false},
                        {0, .can = false},
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                const char kinds[] = {cases[i].kind, 0};
                _cleanup_(catalogue_freep) Catalogue *catalogue = catalogue_of(kinds);
                RestoreRecord last = {
                                .pre_restore = (char *) (!cases[i].kind  ? NULL
                                                         : cases[i].gone ? "backup_20270101_000000"
                                                                         : "backup_20260101_000000"),
                                .quarantine = (char *) (cases[i].quarantine ? "/q" : NULL),
                                .damaged = cases[i].damaged,
                };

                if (cases[i].kind)
                        catalogue->entries[0].manifest->encrypted = cases[i].encrypted;
                if (recovery_can_undo(catalogue, &last, cases[i].with_encrypted, cases[i].is_there) !=
                                cases[i].can)
                        fail_msg("case %zu", i);
        }
}

static void test_find_tells_the_two_ways_of_not_finding(void **state)
{
        _cleanup_(catalogue_freep) Catalogue *catalogue = catalogue_of("A");
        _cleanup_fault_ Fault fault = {0};
        const CatalogueEntry *entry = NULL;

        assert_true(recovery_find(catalogue, NULL, "", false, &entry, &fault) < 0);
        assert_int_equal(fault.code, FAULT_NO_HEALTHY_BACKUP);
        assert_true(recovery_find(catalogue, NULL, "backup_20270101_000000", false, &entry, &fault) < 0);
        assert_int_equal(fault.code, FAULT_NOT_FOUND);
        /* By name also one that was never proved: the restore proves it. */
        assert_int_equal(recovery_find(catalogue, NULL, "backup_20260101_000000", false, &entry, &fault), 0);
        assert_non_null(entry);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_decisions),
                        cmocka_unit_test(test_what_costs_no_row_is_repaired_and_never_restored),
                        cmocka_unit_test(test_no_second_automatic_restore_within_the_hour),
                        cmocka_unit_test(test_newest_verified_of_the_service),
                        cmocka_unit_test(test_what_others_made_comes_last),
                        cmocka_unit_test(test_restore_begins_a_new_line),
                        cmocka_unit_test(test_imported_or_undone_backup_that_was_restored_is_the_line),
                        cmocka_unit_test(test_backup_of_another_database_is_none_unless_restored),
                        cmocka_unit_test(test_undo_is_promised_only_where_it_passes),
                        cmocka_unit_test(test_find_tells_the_two_ways_of_not_finding),
        };

        return cmocka_run_group_tests_name("recovery", tests, NULL, NULL);
}
