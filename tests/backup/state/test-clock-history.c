/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup-fixture.h"

#include <string.h>

#include "backup/state/clock-history.h"
#include "backup/state/restore-state.h"
#include "base/names.h"

#define START (UINT64_C(1769219181) * USEC_PER_SEC)
#define YEARS (UINT64_C(30) * 365 * USEC_PER_DAY)

/* So much after the start on each clock. */
static void see(ClockHistory *history, int64_t wall_usec, uint64_t boot_usec, const char *boot_id)
{
        ClockSighting now = {.wall_usec = (uint64_t) ((int64_t) START + wall_usec), .boot_usec = boot_usec};

        (void) strcpy(now.boot_id, boot_id);
        clock_history_see(history, &now);
}

static uint64_t elapsed(const ClockHistory *history, uint64_t since_usec)
{
        bool known;

        return clock_history_elapsed(history, START + since_usec, &known);
}

static void test_time_that_passes_is_no_leap(void **state)
{
        ClockHistory history = {0};

        for (unsigned hour = 0; hour < 100; hour++)
                see(&history, hour * USEC_PER_HOUR + hour % 7 * USEC_PER_SEC, hour * USEC_PER_HOUR, "a");
        assert_int_equal(history.n_leaps, 0);
        assert_int_equal(elapsed(&history, 0), 99 * USEC_PER_HOUR + USEC_PER_SEC);
}

static void test_a_leap_ahead_is_no_time(void **state)
{
        ClockHistory history = {0};
        const uint64_t leapt_usec = 2 * USEC_PER_HOUR + YEARS;

        see(&history, 0, 0, "a");
        see(&history, USEC_PER_HOUR, USEC_PER_HOUR, "a");
        see(&history, (int64_t) leapt_usec, 2 * USEC_PER_HOUR, "a");
        assert_int_equal(history.n_leaps, 1);
        assert_int_equal(elapsed(&history, 0), 2 * USEC_PER_HOUR);
        /* What is made from then on ages as ever. */
        see(&history, (int64_t) (leapt_usec + 5 * USEC_PER_HOUR), 7 * USEC_PER_HOUR, "a");
        assert_int_equal(elapsed(&history, leapt_usec), 5 * USEC_PER_HOUR);
        assert_int_equal(elapsed(&history, 0), 7 * USEC_PER_HOUR);
        /* Set right: as if it had never been. */
        see(&history, (int64_t) (8 * USEC_PER_HOUR), 8 * USEC_PER_HOUR, "a");
        assert_int_equal(history.n_leaps, 0);
        assert_int_equal(elapsed(&history, 0), 8 * USEC_PER_HOUR);
        assert_int_equal(elapsed(&history, leapt_usec), 0);
        /* Nor does setting it back alone make anything older. */
        see(&history, -(int64_t) YEARS, 9 * USEC_PER_HOUR, "a");
        assert_int_equal(history.n_leaps, 0);
}

static void test_a_machine_that_was_off_has_aged_by_a_day_at_most(void **state)
{
        ClockHistory history = {0};

        see(&history, 0, 90 * USEC_PER_DAY, "a");
        see(&history, (int64_t) (12 * USEC_PER_HOUR), 0, "b");
        assert_int_equal(elapsed(&history, 0), 12 * USEC_PER_HOUR);
        see(&history, (int64_t) (12 * USEC_PER_HOUR + 30 * USEC_PER_DAY), 0, "c");
        assert_int_equal(elapsed(&history, 0), 12 * USEC_PER_HOUR + USEC_PER_DAY);
        assert_int_equal(elapsed(&history, 12 * USEC_PER_HOUR), USEC_PER_DAY);
}

static void test_many_leaps_make_nothing_older(void **state)
{
        ClockHistory history = {0};
        uint64_t wall_usec = 0;

        see(&history, 0, 0, "a");
        for (unsigned i = 1; i <= 3 * CLOCK_LEAPS_MAX; i++) {
                wall_usec += USEC_PER_DAY;
                see(&history, (int64_t) wall_usec, i * USEC_PER_MINUTE, "a");
                for (uint64_t then_usec = 0; then_usec < wall_usec; then_usec += USEC_PER_DAY)
                        assert_in_range(elapsed(&history, then_usec), 0, i * USEC_PER_MINUTE);
        }
        assert_int_equal(history.n_leaps, CLOCK_LEAPS_MAX);
        assert_int_equal(elapsed(&history, 0), 3 * CLOCK_LEAPS_MAX * USEC_PER_MINUTE);
}

static void test_what_began_before_the_watch_is_not_known(void **state)
{
        ClockHistory history = {0};
        bool known = true;

        see(&history, 0, 0, "a");
        (void) clock_history_elapsed(&history, START - 1, &known);
        assert_false(known);
        (void) clock_history_elapsed(&history, START, &known);
        assert_true(known);
}

static void test_it_is_read_as_it_was_written(void **state)
{
        const char *directory = backup_fixture_directory();
        ClockHistory written = {0}, read = {.n_leaps = 9};
        json_object *document;

        clock_history_load(directory, &read);
        assert_int_equal(read.first_usec, 0);
        see(&written, 0, 0, "0123456789abcdef0123456789abcdef");
        for (unsigned i = 1; i <= CLOCK_LEAPS_MAX; i++)
                see(&written, (int64_t) (i * YEARS), i, "0123456789abcdef0123456789abcdef");
        document = clock_history_format(&written);
        assert_int_equal(restore_state_store(directory, CLOCK_HISTORY_FILE, document, NULL), 0);
        (void) json_object_put(document);
        clock_history_load(directory, &read);
        assert_int_equal(read.first_usec, written.first_usec);
        assert_int_equal(read.last.wall_usec, written.last.wall_usec);
        assert_int_equal(read.last.boot_usec, written.last.boot_usec);
        assert_string_equal(read.last.boot_id, written.last.boot_id);
        assert_int_equal(read.n_leaps, written.n_leaps);
        assert_memory_equal(read.leaps, written.leaps, written.n_leaps * sizeof *read.leaps);

        fixture_write(backup_fixture_path(CLOCK_HISTORY_FILE),
                        "{\"first_usec\": 3, \"boot_id\": \"a\", \"leaps\": \"1-2\"}",
                        49);
        clock_history_load(directory, &read);
        assert_int_equal(read.first_usec, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_time_that_passes_is_no_leap),
                        cmocka_unit_test(test_a_leap_ahead_is_no_time),
                        cmocka_unit_test(test_a_machine_that_was_off_has_aged_by_a_day_at_most),
                        cmocka_unit_test(test_many_leaps_make_nothing_older),
                        cmocka_unit_test(test_what_began_before_the_watch_is_not_known),
                        cmocka_unit_test_setup_teardown(test_it_is_read_as_it_was_written,
                                        backup_fixture_setup,
                                        backup_fixture_teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
