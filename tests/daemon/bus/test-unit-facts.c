/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/bus/unit-facts.h"

static UnitState judge(const char *load, const char *active, const char *file)
{
        UnitFacts facts = {0};

        unit_facts_set(&facts, "Description", "Something else");
        if (load)
                unit_facts_set(&facts, "LoadState", load);
        if (active)
                unit_facts_set(&facts, "ActiveState", active);
        if (file)
                unit_facts_set(&facts, "UnitFileState", file);
        return unit_facts_judge(&facts);
}

static void test_what_systemd_says_is_judged(void **state)
{
        assert_int_equal(judge(NULL, NULL, NULL), UNIT_UNKNOWN);
        assert_int_equal(judge("not-found", "inactive", ""), UNIT_MISSING);
        assert_int_equal(judge("loaded", "inactive", "enabled"), UNIT_STOPPED);
        assert_int_equal(judge("loaded", "failed", "enabled"), UNIT_STOPPED);
        assert_int_equal(judge("loaded", "active", "enabled"), UNIT_ACTIVE);
        assert_int_equal(judge("loaded", "active", "enabled-runtime"), UNIT_ACTIVE);
        assert_int_equal(judge("loaded", "activating", "enabled"), UNIT_ACTIVE);
        assert_int_equal(judge("loaded", "active", "disabled"), UNIT_DISABLED);
        assert_int_equal(judge("loaded", "active", "masked-runtime"), UNIT_DISABLED);
        assert_int_equal(judge("masked", "inactive", "masked"), UNIT_STOPPED);
        /* Somebody else starts those: another unit, or a generator. */
        assert_int_equal(judge("loaded", "active", "static"), UNIT_ACTIVE);
        assert_int_equal(judge("loaded", "active", ""), UNIT_ACTIVE);
}

/* With systemd 252 a calendar in local time has none in zones whose summer time begins at midnight. */
static void test_a_timer_without_a_next_elapse(void **state)
{
        UnitFacts facts = {.known = true, .active = true, .enabled = true};

        unit_facts_set(&facts, "SubState", "waiting");
        assert_int_equal(unit_facts_judge(&facts), UNIT_ACTIVE);
        unit_facts_set(&facts, "SubState", "elapsed");
        assert_int_equal(unit_facts_judge(&facts), UNIT_ELAPSED);
        unit_facts_set(&facts, "ActiveState", "inactive");
        assert_int_equal(unit_facts_judge(&facts), UNIT_STOPPED);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_what_systemd_says_is_judged),
                        cmocka_unit_test(test_a_timer_without_a_next_elapse),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
