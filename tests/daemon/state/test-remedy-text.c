/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "daemon/state/remedy-text.h"

/* 2026-01-24T01:46:21Z */
#define WHEN_USEC (UINT64_C(1769219181) * USEC_PER_SEC)

static TableLoss counted[] = {{.table = (char *) "predictions", .lost = 700, .certainty = LOSS_COUNTED}};
static TableLoss mixed[] = {{.table = (char *) "predictions", .lost = 700, .certainty = LOSS_COUNTED},
                {.table = (char *) "users", .lost = 3, .certainty = LOSS_AT_LEAST},
                {.table = (char *) "logs", .certainty = LOSS_UNKNOWN}};
static TableLoss unknown[] = {{.table = (char *) "logs", .certainty = LOSS_UNKNOWN}};
static TableLoss one[] = {{.table = (char *) "logs", .lost = 1, .certainty = LOSS_COUNTED}};

static void assert_losses(TableLoss *items, size_t n_items, const char *expected)
{
        TableLosses losses = {.items = items, .n_items = n_items};
        _cleanup_free_ char *text = NULL;

        assert_int_equal(remedy_text_losses(&losses, &text), 0);
        assert_string_equal(text, expected);
}

static void test_losses(void **state)
{
        TableLoss many[12];

        assert_losses(counted, 1, "700 rows (predictions 700)");
        assert_losses(mixed, 3, "at least 703 rows (predictions 700, users at least 3, logs unknown)");
        assert_losses(unknown, 1, "an unknown number of rows (logs unknown)");
        assert_losses(one, 1, "1 row (logs 1)");
        for (size_t i = 0; i < ELEMENTSOF(many); i++)
                many[i] = (TableLoss){.table = (char *) "t", .lost = 1, .certainty = LOSS_COUNTED};
        assert_losses(many,
                        ELEMENTSOF(many),
                        "12 rows (t 1, t 1, t 1, t 1, t 1, t 1, t 1, t 1, and 4 tables more)");
}

static void test_reasons(void **state)
{
        char *objects[] = {(char *) "the index i of t", (char *) "the index j of t", NULL};
        Remedy items[] = {{.usec = WHEN_USEC,
                                          .kind = REMEDY_RESTORED,
                                          .source = (char *) "backup_1",
                                          .quarantine = (char *) "/q/1",
                                          .losses = {counted, 1}},
                        {.usec = WHEN_USEC,
                                        .kind = REMEDY_REPAIRED,
                                        .objects = objects,
                                        .quarantine = (char *) "/q/2"},
                        {.usec = WHEN_USEC,
                                        .kind = REMEDY_RESTORED,
                                        .source = (char *) "backup_2",
                                        .pre_restore = (char *) "backup_3",
                                        .losses = {counted, 1}}};
        Remedies remedies = {.items = items, .n_items = 2};
        _cleanup_free_ char *lost = NULL, *repaired = NULL, *twice = NULL, *none = NULL;

        assert_int_equal(remedy_text_rows_lost(&remedies, &lost), 1);
        assert_non_null(strstr(lost,
                        "The automatic restore of backup_1 on 2026-01-24 01:46 UTC lost 700 rows "
                        "(predictions 700)"));
        assert_non_null(strstr(lost, "/q/1"));
        assert_non_null(strstr(lost, "`oracxpredctl acknowledge`"));
        assert_int_equal(remedy_text_repaired(&remedies, &repaired), 1);
        assert_non_null(strstr(repaired, "rebuilt the index i of t, the index j of t; "));
        assert_non_null(strstr(repaired, "/q/2"));

        remedies.n_items = 3;
        assert_int_equal(remedy_text_rows_lost(&remedies, &twice), 1);
        assert_non_null(strstr(twice, "2 automatic restores lost 1400 rows (predictions 1400)"));
        assert_non_null(strstr(twice, "the backup backup_3"));

        for (size_t i = 0; i < ELEMENTSOF(items); i++)
                items[i].acknowledged = true;
        assert_int_equal(remedy_text_rows_lost(&remedies, &none), 0);
        assert_int_equal(remedy_text_repaired(&remedies, &none), 0);
        assert_null(none);
}

static void test_restore_that_cost_nothing_is_no_loss(void **state)
{
        Remedy item = {.usec = WHEN_USEC, .kind = REMEDY_RESTORED, .source = (char *) "backup_1"};
        Remedies remedies = {.items = &item, .n_items = 1};
        _cleanup_free_ char *repaired = NULL, *none = NULL;

        assert_int_equal(remedy_text_rows_lost(&remedies, &none), 0);
        assert_int_equal(remedy_text_repaired(&remedies, &repaired), 1);
        assert_non_null(strstr(repaired, "backup_1 was restored"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_losses),
                        cmocka_unit_test(test_reasons),
                        cmocka_unit_test(test_restore_that_cost_nothing_is_no_loss),
        };

        return cmocka_run_group_tests_name("remedy-text", tests, NULL, NULL);
}
