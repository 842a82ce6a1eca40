/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "../base/room.h"

#include <string.h>

#include "backup/restore/rescue-weigh.h"

static void test_every_case(void **state)
{
        static const MaxLoss share = {.share = 0.01, .is_share = true}, rows = {.rows = 5}, none = {0},
                             all = {.share = 1, .is_share = true};
        static const struct {
                RescueFacts facts;
                const MaxLoss *max_loss;
                RescueHold hold;
        } cases[] = {
                        {{.rows = 1000}, &share, RESCUE_GO},
                        {{.rows = 0}, &share, RESCUE_GO},
                        {{.rows = 990, .rows_lost = 10}, &share, RESCUE_GO},
                        {{.rows = 989, .rows_lost = 11}, &share, RESCUE_HOLD_LOSS},
                        {{.rows = 0, .rows_lost = 1}, &share, RESCUE_HOLD_LOSS},
                        {{.rows = 0, .rows_lost = 1}, &all, RESCUE_GO},
                        {{.rows = 9, .rows_lost = 5}, &rows, RESCUE_GO},
                        {{.rows = 900, .rows_lost = 6}, &rows, RESCUE_HOLD_LOSS},
                        {{.rows = 900, .rows_lost = 1}, &none, RESCUE_HOLD_LOSS},
                        {{.rows = 900}, &none, RESCUE_GO},
                        {{.rows = 900, .source_is_initial = true}, &all, RESCUE_HOLD_INITIAL},
                        {{.rows = 900, .source_is_of_another = true}, &all, RESCUE_HOLD_ANOTHER},
                        {{.rows = 900, .newer_is_encrypted = true}, &all, RESCUE_HOLD_ENCRYPTED},
                        {{.newer_is_encrypted = true, .source_is_initial = true},
                                        &all,
                                        RESCUE_HOLD_ENCRYPTED},
                        {{.rows = 900, .new_dangling = 1}, &all, RESCUE_HOLD_REFERENCES},
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                assert_int_equal(rescue_weigh(&cases[i].facts, cases[i].max_loss), cases[i].hold);
}

static void test_every_hold_has_a_name_and_a_way_out(void **state)
{
        const RescueFacts facts = {.rows = 90, .rows_lost = 10};

        for (RescueHold hold = RESCUE_GO + 1; hold < _RESCUE_HOLD_MAX; hold++) {
                _cleanup_fault_ Fault fault = {0};

                assert_non_null(rescue_hold_to_string(hold));
                assert_true(rescue_hold_fault(hold, &facts, "backup_1", &fault) < 0);
                assert_int_equal(fault.code, FAULT_NEEDS_DECISION);
                assert_non_null(strstr(fault.message, "10 of 100 rows"));
                assert_non_null(strstr(fault.message, "oracxpredctl restore"));
        }
        assert_null(rescue_hold_to_string(_RESCUE_HOLD_INVALID));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_every_case),
                        cmocka_unit_test(test_every_hold_has_a_name_and_a_way_out),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
