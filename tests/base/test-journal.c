/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "room.h"

#include <fcntl.h>
#include <string.h>

#include "base/journal.h"

/* Runs `work` with stderr going to a file, and returns what came. */
static char *capture(void (*work)(void))
{
        _cleanup_close_ int saved_fd = dup(STDERR_FILENO);
        _cleanup_close_ int fd = open(room_path("stderr"), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

        assert_true(dup2(fd, STDERR_FILENO) >= 0);
        work();
        (void) fflush(stderr);
        assert_true(dup2(saved_fd, STDERR_FILENO) >= 0);
        return room_read("stderr");
}

static int setup(void **state)
{
        assert_int_equal(journal_set_target("console"), 0);
        assert_int_equal(journal_set_max_level(LOG_INFO), 0);
        return room_setup(state);
}

static void write_each_level(void)
{
        const JournalField fields[] = {{"ORACXPRED_JOB", "7"}, {"ORACXPRED_FILE", NULL}};

        journal_line(LOG_DEBUG, "debug");
        journal_line(LOG_INFO, "info %d", 1);
        journal_event(LOG_ERR, "a49ed3bf4690487da8a7973f0ccd22f6", fields, "error");
}

static void test_one_line_an_entry_up_to_the_level(void **state)
{
        _cleanup_free_ char *all = NULL, *most = NULL, *few = NULL;

        most = capture(write_each_level);
        assert_string_equal(most, "info 1\nerror\n");
        assert_int_equal(journal_set_max_level(LOG_DEBUG), 0);
        all = capture(write_each_level);
        assert_string_equal(all, "debug\ninfo 1\nerror\n");
        assert_int_equal(journal_set_max_level(LOG_CRIT), 0);
        few = capture(write_each_level);
        assert_string_equal(few, "");
}

static void write_a_forgery(void)
{
        journal_line(LOG_INFO, "label %s", "x\nroot logged in\x1b[2J\x7f\xe2\x80\xae");
}

static void test_no_value_starts_a_new_line(void **state)
{
        _cleanup_free_ char *text = capture(write_a_forgery);

        assert_string_equal(text, "label x?root logged in?[2J????\n");
}

static void test_targets(void **state)
{
        assert_string_equal(journal_target(), "console");
        assert_int_equal(journal_set_target("kmsg"), -EINVAL);
        assert_string_equal(journal_target(), "console");
        assert_int_equal(journal_set_target("journal"), 0);
        assert_string_equal(journal_target(), "journal");
}

/* Only while stderr is the very stream that systemd connected. */
static void test_auto_believes_only_the_right_stream(void **state)
{
        assert_int_equal(unsetenv("JOURNAL_STREAM"), 0);
        assert_int_equal(journal_set_target("auto"), 0);
        assert_string_equal(journal_target(), "console");
        assert_int_equal(setenv("JOURNAL_STREAM", "1:1", 1), 0);
        assert_int_equal(journal_set_target("auto"), 0);
        assert_string_equal(journal_target(), "console");
        assert_int_equal(setenv("JOURNAL_STREAM", "rubbish", 1), 0);
        assert_int_equal(journal_set_target("auto"), 0);
        assert_string_equal(journal_target(), "console");
        assert_int_equal(unsetenv("JOURNAL_STREAM"), 0);
}

static void test_levels_are_bounded(void **state)
{
        assert_int_equal(journal_set_max_level(-1), -EINVAL);
        assert_int_equal(journal_set_max_level(8), -EINVAL);
        assert_int_equal(journal_max_level(), LOG_INFO);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, room_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                        TEST(test_one_line_an_entry_up_to_the_level),
                        TEST(test_no_value_starts_a_new_line),
                        TEST(test_targets),
                        TEST(test_auto_believes_only_the_right_stream),
                        TEST(test_levels_are_bounded),
        };

        return cmocka_run_group_tests_name("journal", tests, NULL, NULL);
}
