/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "backup/remedy/table-loss.h"

#define NONE UINT64_MAX

typedef struct Case {
        uint64_t survived; /* NONE: the table was not in what could be read */
        bool is_whole;
        bool schema_whole;
        uint64_t known, now; /* NONE: not there */
        bool lost_any;
        uint64_t lost;
        LossCertainty certainty;
} Case;

static const Case cases[] = {
                /* Counted to the end: what was known before does not matter. */
                {700, true, true, NONE, 300, true, 400, LOSS_COUNTED},
                {700, true, true, 9000, 300, true, 400, LOSS_COUNTED},
                {700, true, true, 700, 700, false, 0, LOSS_COUNTED},
                {300, true, true, 700, 700, false, 0, LOSS_COUNTED},
                {5, true, true, NONE, NONE, true, 5, LOSS_COUNTED},
                {0, true, true, NONE, NONE, false, 0, LOSS_COUNTED},
                /* Counted in part: the higher of the two is a lower bound. */
                {400, false, true, NONE, 300, true, 100, LOSS_AT_LEAST},
                {400, false, true, 500, 300, true, 200, LOSS_AT_LEAST},
                {400, false, true, 350, 300, true, 100, LOSS_AT_LEAST},
                {100, false, true, 300, 300, true, 0, LOSS_UNKNOWN},
                {0, false, true, NONE, 300, true, 0, LOSS_UNKNOWN},
                /* Not in what could be read: dropped by the application, or nobody knows. */
                {NONE, false, true, 700, 300, false, 0, LOSS_COUNTED},
                {NONE, false, false, 700, 300, true, 400, LOSS_AT_LEAST},
                {NONE, false, false, 300, 300, true, 0, LOSS_UNKNOWN},
                {NONE, false, false, NONE, 300, true, 0, LOSS_UNKNOWN},
};

static void test_every_case(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                const Case *one = cases + i;
                SurvivingTable survivor = {
                                .name = (char *) "t", .rows = one->survived, .is_whole = one->is_whole};
                SurvivingRows survivors = {.tables = &survivor,
                                .n_tables = one->survived != NONE,
                                .is_whole = one->schema_whole};
                TableCount known = {.name = (char *) "t", .rows = one->known};
                TableCount now = {.name = (char *) "t", .rows = one->now};
                _cleanup_(table_losses_done) TableLosses losses = {0};

                assert_int_equal(table_losses_compare(&survivors,
                                                 &known,
                                                 one->known != NONE,
                                                 &now,
                                                 one->now != NONE,
                                                 &losses),
                                0);
                if (losses.n_items != one->lost_any)
                        fail_msg("case %zu tells %zu tables", i, losses.n_items);
                if (!one->lost_any)
                        continue;
                assert_string_equal(losses.items[0].table, "t");
                if (losses.items[0].lost != one->lost || losses.items[0].certainty != one->certainty)
                        fail_msg("case %zu is %u, %s",
                                        i,
                                        (unsigned) losses.items[0].lost,
                                        loss_certainty_to_string(losses.items[0].certainty));
        }
}

static void test_without_a_database_what_was_known_counts(void **state)
{
        TableCount known[] = {{(char *) "a", 5}, {(char *) "b", 7}}, now[] = {{(char *) "a", 2}};
        _cleanup_(table_losses_done) TableLosses losses = {0};

        assert_int_equal(table_losses_compare(NULL, known, 2, now, 1, &losses), 0);
        assert_int_equal(losses.n_items, 2);
        assert_int_equal(losses.items[0].lost, 7);
        assert_int_equal(losses.items[1].lost, 3);
        assert_int_equal(losses.items[1].certainty, LOSS_AT_LEAST);
}

static void test_losses_of_one_table_add_up(void **state)
{
        _cleanup_(table_losses_done) TableLosses losses = {0};
        TableLoss loss = {.table = (char *) "a", .lost = 3, .rescued = 2, .certainty = LOSS_COUNTED};

        assert_int_equal(table_losses_merge(&losses, &loss), 0);
        assert_int_equal(table_losses_merge(&losses, &loss), 0);
        assert_int_equal(losses.n_items, 1);
        assert_int_equal(losses.items[0].lost, 6);
        assert_int_equal(losses.items[0].rescued, 4);
        assert_int_equal(losses.items[0].certainty, LOSS_COUNTED);
        loss.lost = 0;
        loss.certainty = LOSS_UNKNOWN;
        assert_int_equal(table_losses_merge(&losses, &loss), 0);
        assert_int_equal(losses.items[0].lost, 6);
        assert_int_equal(losses.items[0].certainty, LOSS_AT_LEAST);
}

static void test_very_many_tables_are_told_together(void **state)
{
        _cleanup_(table_losses_done) TableLosses losses = {0};

        for (unsigned i = 0; i < 2 * TABLE_LOSSES_MAX; i++) {
                char name[16];
                TableLoss loss = {.table = name, .lost = 1, .certainty = LOSS_COUNTED};

                (void) snprintf(name, sizeof name, "t%u", i);
                assert_int_equal(table_losses_merge(&losses, &loss), 0);
        }
        assert_int_equal(losses.n_items, TABLE_LOSSES_MAX + 1);
        assert_string_equal(losses.items[TABLE_LOSSES_MAX].table, TABLE_LOSS_OTHERS);
        assert_int_equal(losses.items[TABLE_LOSSES_MAX].lost, TABLE_LOSSES_MAX);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_every_case),
                        cmocka_unit_test(test_without_a_database_what_was_known_counts),
                        cmocka_unit_test(test_losses_of_one_table_add_up),
                        cmocka_unit_test(test_very_many_tables_are_told_together),
        };

        return cmocka_run_group_tests_name("table-loss", tests, NULL, NULL);
}
