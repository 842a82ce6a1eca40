/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup-fixture.h"

#include "backup/restore/replacement-verdict.h"

static const struct {
        ReplacementFacts facts;
        ReplacementVerdict verdict;
} cases[] = {
                /* The units were being stopped. */
                {{.phase = REPLACEMENT_STOPPING, .main_present = true, .prepared_whole = true},
                                REPLACEMENT_BACK},
                {{.phase = REPLACEMENT_STOPPING, .in_force = true, .main_present = true}, REPLACEMENT_BACK},
                /* Everything was done but to start them. */
                {{.phase = REPLACEMENT_STARTING, .main_present = true}, REPLACEMENT_DONE},
                {{.phase = REPLACEMENT_STARTING}, REPLACEMENT_DONE},
                {{.phase = REPLACEMENT_MOVING,
                                 .in_force = true,
                                 .main_present = true,
                                 .saved = true,
                                 .main_saved = true},
                                REPLACEMENT_DONE},
                /* The move had not come to the main file. */
                {{.phase = REPLACEMENT_MOVING, .main_present = true, .saved = true, .prepared_whole = true},
                                REPLACEMENT_BACK},
                {{.phase = REPLACEMENT_MOVING,
                                 .main_present = true,
                                 .main_empty = true,
                                 .saved = true,
                                 .prepared_whole = true},
                                REPLACEMENT_BACK},
                /* It lies at both places. */
                {{.phase = REPLACEMENT_MOVING,
                                 .main_present = true,
                                 .saved = true,
                                 .main_saved = true,
                                 .main_same = true,
                                 .prepared_whole = true},
                                REPLACEMENT_BACK},
                /* It was moved. */
                {{.phase = REPLACEMENT_MOVING, .saved = true, .main_saved = true, .prepared_whole = true},
                                REPLACEMENT_FORWARD},
                {{.phase = REPLACEMENT_MOVING, .saved = true, .main_saved = true}, REPLACEMENT_BACK},
                /* There was none. */
                {{.phase = REPLACEMENT_MOVING, .prepared_whole = true}, REPLACEMENT_FORWARD},
                {{.phase = REPLACEMENT_MOVING}, REPLACEMENT_BACK},
                {{.phase = REPLACEMENT_MOVING, .saved = true, .prepared_whole = true}, REPLACEMENT_FORWARD},
                /* Another one is there since. */
                {{.phase = REPLACEMENT_MOVING,
                                 .main_present = true,
                                 .saved = true,
                                 .main_saved = true,
                                 .prepared_whole = true},
                                REPLACEMENT_LEAVE},
                {{.phase = REPLACEMENT_MOVING, .main_present = true, .prepared_whole = true},
                                REPLACEMENT_LEAVE},
                {{.phase = REPLACEMENT_MOVING,
                                 .main_present = true,
                                 .main_empty = true,
                                 .saved = true,
                                 .main_saved = true,
                                 .prepared_whole = true},
                                REPLACEMENT_FORWARD},
                {{.phase = REPLACEMENT_MOVING,
                                 .main_present = true,
                                 .main_empty = true,
                                 .prepared_whole = true},
                                REPLACEMENT_FORWARD},
                {{.phase = REPLACEMENT_MOVING,
                                 .main_present = true,
                                 .main_empty = true,
                                 .saved = true,
                                 .main_saved = true},
                                REPLACEMENT_LEAVE},
                /* The file can't be moved: nothing has changed before the writing, and then it is one, or a
                   mix. */
                {{.phase = REPLACEMENT_MOVING,
                                 .fixed = true,
                                 .main_present = true,
                                 .saved = true,
                                 .main_saved = true,
                                 .prepared_whole = true},
                                REPLACEMENT_BACK},
                {{.phase = REPLACEMENT_MOVING, .fixed = true, .in_force = true, .main_present = true},
                                REPLACEMENT_BACK},
                {{.phase = REPLACEMENT_WRITING,
                                 .fixed = true,
                                 .in_force = true,
                                 .main_present = true,
                                 .saved = true,
                                 .main_saved = true},
                                REPLACEMENT_DONE},
                {{.phase = REPLACEMENT_WRITING,
                                 .fixed = true,
                                 .main_present = true,
                                 .saved = true,
                                 .main_saved = true,
                                 .main_same = true,
                                 .prepared_whole = true},
                                REPLACEMENT_BACK},
                {{.phase = REPLACEMENT_WRITING,
                                 .fixed = true,
                                 .main_present = true,
                                 .saved = true,
                                 .main_saved = true,
                                 .prepared_whole = true},
                                REPLACEMENT_FORWARD},
                {{.phase = REPLACEMENT_WRITING,
                                 .fixed = true,
                                 .main_present = true,
                                 .saved = true,
                                 .main_saved = true},
                                REPLACEMENT_BACK},
};

static void test_verdicts(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                if (replacement_judge(&cases[i].facts) != cases[i].verdict)
                        fail_msg("case %zu: %d instead of %d",
                                        i,
                                        (int) replacement_judge(&cases[i].facts),
                                        (int) cases[i].verdict);
}

int main(void)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test(test_verdicts)};

        return cmocka_run_group_tests_name("replacement-verdict", tests, NULL, NULL);
}
