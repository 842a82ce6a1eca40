/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "restore-fixture.h"

#include "backup/repair/repair-intent.h"

#define NOW_USEC (UINT64_C(20000) * USEC_PER_DAY)

static char *same[] = {(char *) "the index i of t", NULL};
static char *other[] = {(char *) "the index j of t", NULL};

typedef struct Case {
        RemedyKind kind;
        bool acknowledged;
        char **objects; /* of the earlier remedy; NULL for none */
        uint64_t usec;
        char **in_vain; /* of the last attempt; NULL for none */
        RepairDecision decision;
} Case;

static const Case cases[] = {
                {REMEDY_REPAIRED, false, NULL, 0, NULL, REPAIR_GO},
                {REMEDY_REPAIRED, false, other, NOW_USEC - 1, NULL, REPAIR_GO},
                {REMEDY_RESTORED, false, same, NOW_USEC - 1, NULL, REPAIR_GO},
                /* Until somebody has seen it, however long ago. */
                {REMEDY_REPAIRED, false, same, 1, NULL, REPAIR_AGAIN},
                {REMEDY_REPAIRED, true, same, NOW_USEC - REPAIR_LOOP_GUARD_USEC, NULL, REPAIR_GO},
                {REMEDY_REPAIRED, true, same, NOW_USEC - REPAIR_LOOP_GUARD_USEC + 1, NULL, REPAIR_AGAIN},
                /* The clock has jumped back. */
                {REMEDY_REPAIRED, true, same, NOW_USEC + 1, NULL, REPAIR_AGAIN},
                {REMEDY_REPAIRED, false, NULL, 0, same, REPAIR_IN_VAIN},
                {REMEDY_REPAIRED, false, NULL, 0, other, REPAIR_GO},
};

static void test_every_case(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                const Case *one = cases + i;
                Remedy remedy = {.kind = one->kind,
                                .acknowledged = one->acknowledged,
                                .objects = one->objects,
                                .usec = one->usec};
                Remedies remedies = {.items = &remedy, .n_items = one->objects ? 1 : 0};
                Remedy intent = {.objects = one->in_vain, .acknowledged = one->in_vain};

                if (repair_decide(&remedies, &intent, same, NOW_USEC) != one->decision)
                        fail_msg("case %zu", i);
        }
}

static void test_attempt_that_was_cut_off_is_no_reason(void **state)
{
        Remedies none = {0};
        Remedy intent = {.objects = same, .usec = NOW_USEC};

        assert_int_equal(repair_decide(&none, &intent, same, NOW_USEC), REPAIR_GO);
}

static void settle(size_t n_expected)
{
        _cleanup_(remedies_done) Remedies list = {0}, stored = {0};
        _cleanup_(remedy_done) Remedy intent = {0};
        const char *directory = restore_fixture_state_directory();

        assert_int_equal(repair_intent_settle(directory, &list, NULL), 0);
        assert_int_equal(remedies_load(directory, &stored, NULL), 0);
        assert_int_equal(stored.n_items, n_expected);
        repair_intent_load(directory, &intent);
        assert_int_equal(intent.usec, 0);
}

static void test_sound_database_makes_it_a_remedy_once(void **state)
{
        Remedy intent = {.kind = REMEDY_REPAIRED, .objects = same, .usec = NOW_USEC};
        const char *directory = restore_fixture_state_directory();

        settle(0);
        assert_int_equal(repair_intent_store(directory, &intent, NULL), 0);
        settle(1);
        assert_int_equal(repair_intent_store(directory, &intent, NULL), 0);
        settle(1);
        intent.usec++;
        intent.acknowledged = true;
        assert_int_equal(repair_intent_store(directory, &intent, NULL), 0);
        settle(1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, restore_fixture_setup, restore_fixture_teardown)
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_every_case),
                        cmocka_unit_test(test_attempt_that_was_cut_off_is_no_reason),
                        TEST(test_sound_database_makes_it_a_remedy_once),
        };

        return cmocka_run_group_tests_name("repair-intent", tests, NULL, NULL);
}
