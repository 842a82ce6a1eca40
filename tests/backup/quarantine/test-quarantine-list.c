/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "../database/fixture.h"

#include <string.h>
#include <sys/stat.h>

#include "backup/quarantine/quarantine-list.h"

static void test_every_worth(void **state)
{
        RescueTable kept = {.rows = 5, .rows_rescued = 2}, lost = {.rows_lost = 1},
                    perhaps = {.rows_unknown = 1}, older = {.rows_kept = 1},
                    deleted = {.rows_kept = 1, .sound = true}, dark = {.unreadable = true};
        const struct {
                QuarantineItem item;
                QuarantineWorth expected;
        } cases[] = {
                        {{0}, QUARANTINE_UNJUDGED},
                        {{.has_record = true,
                                         .record.report = {.tables = &kept,
                                                         .n_tables = 1,
                                                         .schema_sound = true}},
                                        QUARANTINE_SPENT},
                        {{.has_record = true, .record.report = {.tables = &kept, .n_tables = 1}},
                                        QUARANTINE_ROWS},
                        {{.has_record = true,
                                         .record.report = {.tables = &lost,
                                                         .n_tables = 1,
                                                         .schema_sound = true}},
                                        QUARANTINE_ROWS},
                        {{.has_record = true,
                                         .record.report = {.tables = &perhaps,
                                                         .n_tables = 1,
                                                         .schema_sound = true}},
                                        QUARANTINE_ROWS},
                        {{.has_record = true,
                                         .record.report = {.tables = &older,
                                                         .n_tables = 1,
                                                         .schema_sound = true}},
                                        QUARANTINE_ROWS},
                        {{.has_record = true,
                                         .record.report = {.tables = &dark,
                                                         .n_tables = 1,
                                                         .schema_sound = true}},
                                        QUARANTINE_ROWS},
                        {{.has_record = true,
                                         .record.report = {.tables = &deleted,
                                                         .n_tables = 1,
                                                         .schema_sound = true}},
                                        QUARANTINE_SPENT},
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                assert_int_equal(quarantine_worth(&cases[i].item), cases[i].expected);
}

#define SPENT .has_record = true, .record.report.schema_sound = true

/* Newest first. */
static void test_only_the_oldest_spent_ones_are_dropped(void **state)
{
        QuarantineItem items[] = {
                        {.bytes = 10, SPENT},
                        {.bytes = 10},
                        {.bytes = 10, SPENT},
                        {.bytes = 10, SPENT, .needed = true},
                        {.bytes = 10, SPENT},
                        {SPENT},
        };
        const QuarantineList list = {.items = items, .n_items = ELEMENTSOF(items)};
        const struct {
                uint64_t max_bytes, left_bytes;
                const char *dropped; /* a letter for each item */
        } cases[] = {
                        {UINT64_MAX, 50, "......"},
                        {50, 50, "......"},
                        {49, 40, "....x."},
                        {40, 40, "....x."},
                        {39, 30, "..x.x."},
                        {21, 20, "x.x.x."},
                        {0, 20, "x.x.x."},
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                bool drop[ELEMENTSOF(items)];

                assert_int_equal(quarantine_plan(&list, cases[i].max_bytes, drop), cases[i].left_bytes);
                for (size_t j = 0; j < ELEMENTSOF(items); j++)
                        assert_int_equal(drop[j], cases[i].dropped[j] == 'x');
        }
}

static void test_folders_are_listed_newest_first(void **state)
{
        const char *path = fixture_path("quarantine");
        _cleanup_(quarantine_list_done) QuarantineList list = {0};
        RescueRecord record = {.source = (char *) "initial_backup", .report.schema_sound = true};
        _cleanup_fault_ Fault fault = {0};

        assert_int_equal(quarantine_list_load(path, &list, &fault), 0);
        assert_int_equal(list.n_items, 0);
        fixture_run("mkdir -p %s/20260124_014621 %s/20260125_000000 %s/.20260126_000000.tmp %s/other; "
                    "ln -s other %s/20260127_000000; head -c 8192 /dev/urandom "
                    ">%s/20260124_014621/oracxpred.db",
                        path,
                        path,
                        path,
                        path,
                        path,
                        path);
        assert_int_equal(
                        rescue_record_store(fixture_path("quarantine/20260125_000000"), &record, &fault), 0);
        assert_int_equal(quarantine_list_load(path, &list, &fault), 0);
        assert_int_equal(list.n_items, 2);
        assert_string_equal(list.items[0].name, "20260125_000000");
        assert_true(list.items[0].has_record);
        assert_int_equal(quarantine_worth(&list.items[0]), QUARANTINE_SPENT);
        assert_string_equal(list.items[1].name, "20260124_014621");
        assert_true(list.items[1].bytes >= 8192);
        assert_ptr_equal(quarantine_list_find(&list, "20260124_014621"), &list.items[1]);
        assert_null(quarantine_list_find(&list, "20260127_000000"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_every_worth),
                        cmocka_unit_test(test_only_the_oldest_spent_ones_are_dropped),
                        cmocka_unit_test_setup_teardown(test_folders_are_listed_newest_first,
                                        fixture_setup,
                                        fixture_teardown),
        };

        return cmocka_run_group_tests_name("quarantine-list", tests, NULL, NULL);
}
