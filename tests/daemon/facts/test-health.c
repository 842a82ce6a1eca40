/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "daemon/facts/health.h"

#define NOW_USEC (UINT64_C(20000) * USEC_PER_DAY)

/* A service that is well. */
static HealthFacts good_facts(void)
{
        return (HealthFacts){
                        .started = true,
                        .now_usec = NOW_USEC,
                        .database_path = "/srv/oracxpred.db",
                        .integrity = INTEGRITY_OK,
                        .cadence_usec = 6 * USEC_PER_HOUR,
                        .newest_backup_usec = NOW_USEC - USEC_PER_HOUR,
                        .disk_known = true,
                        .free_bytes = 10 * GIB,
                        .low_disk_space_bytes = GIB,
                        .has_healthy_backup = true,
        };
}

static void assert_reasons(const HealthFacts *facts, HealthState state, const char *codes)
{
        _cleanup_(health_done) Health health = {0};
        char found[512] = "";

        assert_int_equal(health_evaluate(facts, &health), 0);
        for (size_t i = 0; i < health.n_reasons; i++) {
                (void) strcat(found, i > 0 ? " " : "");
                (void) strcat(found, health.reasons[i].code);
                assert_true(strlen(health.reasons[i].text) > 10);
        }
        assert_string_equal(found, codes);
        assert_string_equal(health_state_to_string(health.state), health_state_to_string(state));
}

static void test_all_is_well(void **state)
{
        HealthFacts facts = good_facts();

        assert_reasons(&facts, HEALTH_OK, "");
}

static void assert_text(const HealthFacts *facts, const char *wanted)
{
        _cleanup_(health_done) Health health = {0};

        assert_int_equal(health_evaluate(facts, &health), 0);
        assert_non_null(strstr(health.reasons[0].text, wanted));
}

static void test_stale_after_cadence_and_a_quarter(void **state)
{
        HealthFacts facts = good_facts();

        facts.newest_backup_usec = NOW_USEC - 7 * USEC_PER_HOUR - 30 * USEC_PER_MINUTE;
        assert_reasons(&facts, HEALTH_OK, "");
        facts.newest_backup_usec--;
        assert_reasons(&facts, HEALTH_STALE, "stale");
        assert_int_equal(health_stale_usec(facts.newest_backup_usec, facts.cadence_usec), NOW_USEC - 1);
}

static void test_stale_when_no_backup_was_ever_made(void **state)
{
        HealthFacts facts = good_facts();

        facts.newest_backup_usec = 0;
        assert_reasons(&facts, HEALTH_STALE, "stale");
        assert_text(&facts, "No backup was ever made");
}

/* Those of others are listed, and may be good, but prove nothing about this service. */
static void test_backups_of_others_are_not_said_to_be_none(void **state)
{
        HealthFacts facts = good_facts();

        facts.newest_backup_usec = 0;
        facts.n_backups = 3;
        assert_reasons(&facts, HEALTH_STALE, "stale");
        assert_text(&facts, "made none of the backups");
}

/* What the start-up has yet to find is not missing. */
static void test_not_stale_before_the_start_is_over(void **state)
{
        HealthFacts facts = good_facts();

        facts.started = false;
        facts.newest_backup_usec = 0;
        assert_reasons(&facts, HEALTH_OK, "");
}

static void test_corrupt(void **state)
{
        HealthFacts facts = good_facts();
        _cleanup_(health_done) Health health = {0};

        facts.integrity = INTEGRITY_CORRUPT;
        facts.finding = "row 3 missing from index";
        assert_reasons(&facts, HEALTH_CORRUPT, "corrupt");
        assert_int_equal(health_evaluate(&facts, &health), 0);
        assert_non_null(strstr(health.reasons[0].text, facts.database_path));
        assert_non_null(strstr(health.reasons[0].text, facts.finding));
}

/* An unknown integrity is no corruption: it must not look like a reason to restore. */
static void test_unknown_integrity_is_no_corruption(void **state)
{
        HealthFacts facts = good_facts();

        facts.integrity = INTEGRITY_UNKNOWN;
        assert_reasons(&facts, HEALTH_OK, "");
        facts.finding = "Input/output error";
        assert_reasons(&facts, HEALTH_DEGRADED, "not-checked");
        facts.database_missing = true;
        assert_reasons(&facts, HEALTH_CORRUPT, "database-missing");
}

/* Whatever is found beside it, only damage to content may lead to a restore. */
static void test_integrity_follows_from_what_is_damaged(void **state)
{
        static const struct {
                CheckResult result;
                Integrity integrity;
        } cases[] = {
                        {{.damage = 0}, INTEGRITY_OK},
                        {{.unchecked = (char *) "x"}, INTEGRITY_UNCHECKABLE},
                        {{.damage = DAMAGE_INDEXES}, INTEGRITY_REPAIRABLE},
                        {{.damage = DAMAGE_FREE_PAGES}, INTEGRITY_REPAIRABLE},
                        {{.damage = DAMAGE_INDEXES | DAMAGE_FREE_PAGES, .unchecked = (char *) "x"},
                                        INTEGRITY_REPAIRABLE},
                        {{.damage = DAMAGE_CONTENT}, INTEGRITY_CORRUPT},
                        {{.damage = DAMAGE_CONTENT | DAMAGE_INDEXES, .unchecked = (char *) "x"},
                                        INTEGRITY_CORRUPT},
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                assert_int_equal(integrity_from_check(&cases[i].result), cases[i].integrity);
}

static void test_what_is_no_corruption_has_its_reason(void **state)
{
        HealthFacts facts = good_facts();

        facts.integrity = INTEGRITY_UNCHECKABLE;
        facts.finding = "no such collation sequence: APPSORT";
        assert_reasons(&facts, HEALTH_DEGRADED, "not-checkable");
        facts.integrity = INTEGRITY_REPAIRABLE;
        facts.finding = "row 3 missing from index";
        assert_reasons(&facts, HEALTH_DEGRADED, "repairable");
}

/* Whoever still has a deleted -wal is not to be stopped, and who reads it has to know what to do first. */
static void test_deleted_wal_is_a_reason_of_its_own(void **state)
{
        HealthFacts facts = good_facts();
        _cleanup_(health_done) Health health = {0};

        facts.wal_deleted = true;
        assert_reasons(&facts, HEALTH_DEGRADED, "wal-deleted");
        facts.wal_holders = "python3 (pid 9)";
        assert_reasons(&facts, HEALTH_DEGRADED, "wal-deleted");
        assert_int_equal(health_evaluate(&facts, &health), 0);
        assert_non_null(strstr(health.reasons[0].text, "python3 (pid 9)"));
        assert_non_null(strstr(health.reasons[0].text, "leave that running"));
}

static void test_each_degradation_has_its_code(void **state)
{
        HealthFacts facts = good_facts();

        facts.last_backup_fault = "No space left on device";
        assert_reasons(&facts, HEALTH_DEGRADED, "last-backup-failed");

        facts = good_facts();
        facts.n_failed_verifications = 2;
        facts.failed_verification = "backup_20260124_014621";
        assert_reasons(&facts, HEALTH_DEGRADED, "last-verification-failed");

        facts = good_facts();
        facts.free_bytes = GIB - 1;
        assert_reasons(&facts, HEALTH_DEGRADED, "low-disk-space");
        facts.disk_known = false;
        assert_reasons(&facts, HEALTH_OK, "");

        facts = good_facts();
        facts.quarantine_bytes = facts.quarantine_max_bytes = GIB;
        assert_reasons(&facts, HEALTH_OK, "");
        facts.quarantine_bytes++;
        assert_reasons(&facts, HEALTH_DEGRADED, "quarantine-over-bound");
        facts.quarantine_max_bytes = UINT64_MAX;
        assert_reasons(&facts, HEALTH_OK, "");

        facts = good_facts();
        facts.placement_fault = FAULT_PERMISSION;
        facts.placement_message = "The database can't be written";
        assert_reasons(&facts, HEALTH_DEGRADED, "wrong-permissions");
        facts.placement_fault = FAULT_UNSAFE_FILE_SYSTEM;
        assert_reasons(&facts, HEALTH_DEGRADED, "unsafe-file-system");
        facts.placement_fault = FAULT_READ_ONLY;
        assert_reasons(&facts, HEALTH_DEGRADED, "read-only-file-system");
        facts.placement_fault = FAULT_IO;
        assert_reasons(&facts, HEALTH_DEGRADED, "file-system-stopped");
}

static void test_worst_reason_gives_the_state_and_all_are_told(void **state)
{
        HealthFacts facts = good_facts();

        facts.newest_backup_usec = 0;
        facts.last_backup_fault = "The database is corrupt";
        facts.n_failed_verifications = 1;
        facts.failed_verification = "initial_backup";
        facts.free_bytes = 0;
        facts.placement_fault = FAULT_PERMISSION;
        facts.placement_message = "The database can't be written";
        assert_reasons(&facts,
                        HEALTH_DEGRADED,
                        "stale last-backup-failed last-verification-failed low-disk-space "
                        "wrong-permissions");
        facts.integrity = INTEGRITY_CORRUPT;
        assert_reasons(&facts,
                        HEALTH_CORRUPT,
                        "corrupt stale last-backup-failed last-verification-failed low-disk-space "
                        "wrong-permissions");
}

/* Time goes on and space moves while nothing changes: nothing may be told then. */
static void test_same_condition_reads_the_same(void **state)
{
        _cleanup_(health_done) Health first = {0}, second = {0}, third = {0};
        HealthFacts facts = good_facts();

        facts.newest_backup_usec = NOW_USEC - USEC_PER_DAY;
        facts.free_bytes = 1000;
        assert_int_equal(health_evaluate(&facts, &first), 0);
        facts.now_usec += USEC_PER_HOUR;
        facts.free_bytes = 999;
        assert_int_equal(health_evaluate(&facts, &second), 0);
        assert_true(health_equal(&first, &second));
        facts.free_bytes = 10 * GIB;
        assert_int_equal(health_evaluate(&facts, &third), 0);
        assert_false(health_equal(&first, &third));
}

static void test_words_of_the_interface(void **state)
{
        assert_string_equal(integrity_to_string(INTEGRITY_UNKNOWN), "unknown");
        assert_string_equal(integrity_to_string(INTEGRITY_OK), "ok");
        assert_string_equal(integrity_to_string(INTEGRITY_UNCHECKABLE), "not-checkable");
        assert_string_equal(integrity_to_string(INTEGRITY_REPAIRABLE), "repairable");
        assert_string_equal(integrity_to_string(INTEGRITY_CORRUPT), "corrupt");
        assert_null(integrity_to_string(_INTEGRITY_INVALID));
        assert_string_equal(health_state_to_string(HEALTH_OK), "ok");
        assert_string_equal(health_state_to_string(HEALTH_STALE), "stale");
        assert_string_equal(health_state_to_string(HEALTH_DEGRADED), "degraded");
        assert_string_equal(health_state_to_string(HEALTH_CORRUPT), "corrupt");
        assert_null(health_state_to_string(_HEALTH_STATE_INVALID));
}

static void test_recovery_has_its_reasons(void **state)
{
        HealthFacts facts = good_facts();

        facts.restoring = true;
        facts.integrity = INTEGRITY_CORRUPT;
        assert_reasons(&facts, HEALTH_RESTORING, "corrupt restoring");
        facts.restoring = false;
        facts.has_healthy_backup = false;
        assert_reasons(&facts, HEALTH_CORRUPT, "corrupt no-healthy-backup");
        /* During the start the list of backups isn't read yet. */
        facts.started = false;
        assert_reasons(&facts, HEALTH_CORRUPT, "corrupt");

        facts = good_facts();
        facts.has_healthy_backup = false;
        assert_reasons(&facts, HEALTH_OK, "");
        facts.auto_restore_stopped = true;
        assert_reasons(&facts, HEALTH_DEGRADED, "auto-restore-stopped");
        facts.auto_restore_stopped = false;
        facts.database_replaced = true;
        assert_reasons(&facts, HEALTH_DEGRADED, "database-replaced");
        facts.database_missing = facts.has_healthy_backup = true;
        assert_reasons(&facts, HEALTH_CORRUPT, "database-missing");
}

/* Nothing says that a timer is missing where nobody could be asked for it. */
static void test_timer_that_does_not_run(void **state)
{
        static const bool degraded[_UNIT_STATE_MAX] = {
                        [UNIT_MISSING] = true, [UNIT_STOPPED] = true, [UNIT_DISABLED] = true};

        for (UnitState timer = 0; timer < _UNIT_STATE_MAX; timer++) {
                HealthFacts facts = good_facts();

                facts.backup_timer = timer;
                if (timer == UNIT_ELAPSED)
                        assert_reasons(&facts, HEALTH_DEGRADED, "timer-elapsed");
                else
                        assert_reasons(&facts,
                                        degraded[timer] ? HEALTH_DEGRADED : HEALTH_OK,
                                        degraded[timer] ? "timer-disabled" : "");
                facts.started = false;
                assert_reasons(&facts, HEALTH_OK, "");
        }
}

static void test_clock_that_was_never_set(void **state)
{
        HealthFacts facts = good_facts();

        facts.now_usec = UINT64_C(1704067200) * USEC_PER_SEC;
        facts.newest_backup_usec = facts.now_usec;
        assert_reasons(&facts, HEALTH_OK, "");
        facts.now_usec--;
        assert_reasons(&facts, HEALTH_DEGRADED, "clock-not-sane");
        facts.now_usec = 0;
        facts.future_backup = "backup_20260124_014621";
        assert_reasons(&facts, HEALTH_DEGRADED, "clock-not-sane");
}

static void test_backup_from_the_future(void **state)
{
        HealthFacts facts = good_facts();

        facts.future_backup = "backup_20990124_014621";
        assert_reasons(&facts, HEALTH_DEGRADED, "clock-not-sane");
}

static void test_retention_that_waits_for_somebody(void **state)
{
        HealthFacts facts = good_facts();

        facts.hold_code = "database-emptied";
        facts.hold_text = "Nearly all records are gone";
        assert_reasons(&facts, HEALTH_DEGRADED, "database-emptied");
}

static void test_backups_that_fall_due_at_once(void **state)
{
        HealthFacts facts = good_facts();

        facts.n_due_at_once = 7;
        assert_reasons(&facts, HEALTH_DEGRADED, "backups-due-at-once");
}

static void test_database_that_a_newer_sqlite_has_written(void **state)
{
        HealthFacts facts = good_facts();

        facts.newer_write_version = true;
        assert_reasons(&facts, HEALTH_DEGRADED, "newer-write-version");
}

/* What can be wrong at once, in the order in which it is told; the worst gives the state. */
static void test_everything_at_once(void **state)
{
        HealthFacts facts = good_facts();

        facts.integrity = INTEGRITY_CORRUPT;
        facts.restoring = true;
        facts.has_healthy_backup = false;
        facts.auto_restore_stopped = true;
        facts.database_replaced = true;
        facts.rows_lost = "The automatic restore lost 700 rows";
        facts.repaired = "The index i of t was rebuilt";
        facts.newest_backup_usec = 0;
        facts.last_backup_fault = "The disk is full";
        facts.n_failed_verifications = 2;
        facts.failed_verification = "backup_20260124_014621";
        facts.backup_timer = UNIT_STOPPED;
        facts.refused_unit = "web.service";
        facts.future_backup = "backup_20990124_014621";
        facts.key_fault = "No identity opens it";
        facts.free_bytes = 1;
        facts.placement_fault = FAULT_PERMISSION;
        facts.placement_message = "The database can't be written";
        assert_reasons(&facts,
                        HEALTH_RESTORING,
                        "corrupt restoring no-healthy-backup auto-restore-stopped database-replaced "
                        "restored-rows-lost repaired stale last-backup-failed last-verification-failed "
                        "timer-disabled units-refused "
                        "clock-not-sane "
                        "key-unavailable low-disk-space wrong-permissions");
        facts.restoring = false;
        facts.placement_fault = FAULT_UNSAFE_FILE_SYSTEM;
        assert_reasons(&facts,
                        HEALTH_CORRUPT,
                        "corrupt no-healthy-backup auto-restore-stopped database-replaced "
                        "restored-rows-lost repaired stale last-backup-failed last-verification-failed "
                        "timer-disabled units-refused "
                        "clock-not-sane "
                        "key-unavailable low-disk-space unsafe-file-system");
}

static void test_repaired_is_told_while_all_is_well(void **state)
{
        HealthFacts facts = good_facts();

        facts.repaired = "The index i of t was rebuilt";
        assert_reasons(&facts, HEALTH_OK, "repaired");
}

/* Each fact alone: its state and its code. */
static void test_truth_table(void **state)
{
        static const struct {
                size_t offset;
                HealthState state;
                const char *code;
        } flags[] = {
                        {offsetof(HealthFacts, database_missing), HEALTH_CORRUPT, "database-missing"},
                        {offsetof(HealthFacts, restoring), HEALTH_RESTORING, "restoring"},
                        {offsetof(HealthFacts, auto_restore_stopped),
                                        HEALTH_DEGRADED,
                                        "auto-restore-stopped"},
                        {offsetof(HealthFacts, database_replaced), HEALTH_DEGRADED, "database-replaced"},
        };
        static const struct {
                size_t offset;
                const char *code;
        } texts[] = {
                        {offsetof(HealthFacts, read_error), "read-error"},
                        {offsetof(HealthFacts, last_backup_fault), "last-backup-failed"},
                        {offsetof(HealthFacts, rows_lost), "restored-rows-lost"},
                        {offsetof(HealthFacts, key_fault), "key-unavailable"},
                        {offsetof(HealthFacts, future_backup), "clock-not-sane"},
        };

        for (size_t i = 0; i < ELEMENTSOF(flags); i++) {
                HealthFacts facts = good_facts();

                *(bool *) ((char *) &facts + flags[i].offset) = true;
                assert_reasons(&facts, flags[i].state, flags[i].code);
        }
        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                HealthFacts facts = good_facts();

                *(const char **) ((char *) &facts + texts[i].offset) = "what it is about";
                assert_reasons(&facts, HEALTH_DEGRADED, texts[i].code);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_retention_that_waits_for_somebody),
                        cmocka_unit_test(test_all_is_well),
                        cmocka_unit_test(test_stale_after_cadence_and_a_quarter),
                        cmocka_unit_test(test_stale_when_no_backup_was_ever_made),
                        cmocka_unit_test(test_backups_of_others_are_not_said_to_be_none),
                        cmocka_unit_test(test_not_stale_before_the_start_is_over),
                        cmocka_unit_test(test_corrupt),
                        cmocka_unit_test(test_integrity_follows_from_what_is_damaged),
                        cmocka_unit_test(test_what_is_no_corruption_has_its_reason),
                        cmocka_unit_test(test_deleted_wal_is_a_reason_of_its_own),
                        cmocka_unit_test(test_unknown_integrity_is_no_corruption),
                        cmocka_unit_test(test_each_degradation_has_its_code),
                        cmocka_unit_test(test_worst_reason_gives_the_state_and_all_are_told),
                        cmocka_unit_test(test_same_condition_reads_the_same),
                        cmocka_unit_test(test_words_of_the_interface),
                        cmocka_unit_test(test_recovery_has_its_reasons),
                        cmocka_unit_test(test_timer_that_does_not_run),
                        cmocka_unit_test(test_clock_that_was_never_set),
                        cmocka_unit_test(test_backup_from_the_future),
                        cmocka_unit_test(test_backups_that_fall_due_at_once),
                        cmocka_unit_test(test_database_that_a_newer_sqlite_has_written),
                        cmocka_unit_test(test_everything_at_once),
                        cmocka_unit_test(test_repaired_is_told_while_all_is_well),
                        cmocka_unit_test(test_truth_table),
        };

        return cmocka_run_group_tests_name("health", tests, NULL, NULL);
}
