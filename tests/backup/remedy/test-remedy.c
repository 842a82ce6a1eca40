/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "restore-fixture.h"

#include <fcntl.h>
#include <string.h>

#include "backup/remedy/remedy.h"

#define FILE_PATH "state/remedies.json"

static TableLoss losses[] = {
                {.table = (char *) "users", .lost = 3, .rescued = 2, .certainty = LOSS_AT_LEAST}};

static Remedy restored(uint64_t usec)
{
        return (Remedy){.usec = usec,
                        .kind = REMEDY_RESTORED,
                        .source = (char *) "backup_20260101_000000",
                        .quarantine = (char *) "/q",
                        .losses = {.items = losses, .n_items = 1}};
}

static void append(const Remedy *remedy)
{
        _cleanup_(remedies_done) Remedies list = {0};
        _cleanup_fault_ Fault fault = {0};

        assert_int_equal(remedy_append(restore_fixture_state_directory(), remedy, &list, &fault), 0);
}

static Remedies load(void)
{
        Remedies list = {0};
        _cleanup_fault_ Fault fault = {0};

        assert_int_equal(remedies_load(restore_fixture_state_directory(), &list, &fault), 0);
        return list;
}

static void test_what_is_appended_is_read(void **state)
{
        char *objects[] = {(char *) "index i of t", NULL};
        Remedy repaired = {.usec = 5, .kind = REMEDY_REPAIRED, .objects = objects}, lost = restored(7);
        _cleanup_(remedies_done) Remedies none = load(), list = {0};

        assert_int_equal(none.n_items, 0);
        append(&repaired);
        append(&lost);
        list = load();
        assert_int_equal(list.n_items, 2);
        assert_int_equal(list.items[0].kind, REMEDY_REPAIRED);
        assert_string_equal(list.items[0].objects[0], "index i of t");
        assert_null(list.items[0].objects[1]);
        assert_false(remedy_lost_rows(list.items));
        assert_int_equal(list.items[1].id, list.items[0].id + 1);
        assert_string_equal(list.items[1].source, "backup_20260101_000000");
        assert_string_equal(list.items[1].quarantine, "/q");
        assert_null(list.items[1].pre_restore);
        assert_int_equal(list.items[1].losses.items[0].lost, 3);
        assert_int_equal(list.items[1].losses.items[0].rescued, 2);
        assert_int_equal(list.items[1].losses.items[0].certainty, LOSS_AT_LEAST);
        assert_true(remedy_lost_rows(list.items + 1));
        assert_ptr_equal(remedies_find(&list, REMEDY_RESTORED, 7), list.items + 1);
        assert_null(remedies_find(&list, REMEDY_REPAIRED, 7));
}

static void test_only_what_was_seen_is_acknowledged(void **state)
{
        Remedy remedy = restored(1);
        _cleanup_(remedies_done) Remedies list = {0}, before = {0};
        _cleanup_fault_ Fault fault = {0};

        append(&remedy);
        append(&remedy);
        before = load();
        assert_int_equal(remedies_acknowledge(restore_fixture_state_directory(),
                                         before.items[0].id,
                                         &list,
                                         &fault),
                        0);
        assert_true(list.revision > before.revision);
        assert_true(list.items[0].acknowledged);
        assert_false(list.items[1].acknowledged);
}

static void test_a_long_list_keeps_every_number(void **state)
{
        uint64_t lost = 0;
        _cleanup_(remedies_done) Remedies list = {0};

        for (unsigned i = 0; i < 100; i++) {
                Remedy remedy = restored(i);

                if (i % 2 == 0)
                        remedy = (Remedy){.usec = i, .kind = REMEDY_REPAIRED};
                append(&remedy);
        }
        list = load();
        assert_true(list.n_items < 100);
        for (size_t i = 0; i < list.n_items; i++)
                for (size_t j = 0; j < list.items[i].losses.n_items; j++)
                        lost += list.items[i].losses.items[j].lost;
        assert_int_equal(lost, 50 * losses[0].lost);
        assert_int_equal(list.items[list.n_items - 1].usec, 99);
}

static void test_acknowledged_ones_make_room_first(void **state)
{
        Remedy remedy = restored(1);
        _cleanup_(remedies_done) Remedies list = {0};
        _cleanup_fault_ Fault fault = {0};
        size_t n_new = 0;

        append(&remedy);
        assert_int_equal(remedies_acknowledge(restore_fixture_state_directory(), UINT64_MAX, &list, &fault),
                        0);
        for (unsigned i = 0; i < 32; i++) {
                remedy.usec = 100 + i;
                append(&remedy);
        }
        remedies_done(&list);
        list = load();
        for (size_t i = 0; i < list.n_items; i++)
                n_new += !list.items[i].acknowledged;
        assert_int_equal(n_new, 32);
        assert_int_equal(list.items[0].usec, 100);
}

static void test_what_can_not_be_understood_is_told_and_begun_anew(void **state)
{
        static const char *const texts[] = {"{\"remedies\": 5}",
                        "{\"remedies\": [{\"id\": 1, \"kind\": \"cured\"}]}",
                        "{\"remedies\": [{\"id\": 1, \"kind\": \"restored\", \"tables\": [{}]}]}",
                        "no document"};

        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                _cleanup_(remedies_done) Remedies list = {0};
                _cleanup_fault_ Fault fault = {0};
                Remedy remedy = restored(1);

                fixture_write(fixture_path(FILE_PATH), texts[i], strlen(texts[i]));
                assert_int_equal(remedies_load(restore_fixture_state_directory(), &list, &fault),
                                fault_errno(FAULT_CORRUPT));
                append(&remedy);
                list = load();
                assert_int_equal(list.n_items, 1);
        }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, restore_fixture_setup, restore_fixture_teardown)
        const struct CMUnitTest tests[] = {
                        TEST(test_what_is_appended_is_read),
                        TEST(test_only_what_was_seen_is_acknowledged),
                        TEST(test_a_long_list_keeps_every_number),
                        TEST(test_acknowledged_ones_make_room_first),
                        TEST(test_what_can_not_be_understood_is_told_and_begun_anew),
        };

        return cmocka_run_group_tests_name("remedy", tests, NULL, NULL);
}
