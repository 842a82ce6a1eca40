/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "room.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/macro.h"
#include "base/test-hook.h"

static void pass_points(void)
{
        TEST_POINT("first");
        TEST_POINT("second");
        TEST_POINT("first");
        TEST_POINT("first-of-all");
}

/* Passes the points in a child, and returns how it ended, for waitpid(). */
static int run(const char *point, const char *action, int options, pid_t *ret_child)
{
        pid_t child = fork();
        int status;

        assert_true(child >= 0);
        if (child == 0) {
                (void) setenv("ORACXPRED_TEST_TRACE", room_path("trace"), 1);
                if (point)
                        (void) setenv("ORACXPRED_TEST_POINT", point, 1);
                if (action)
                        (void) setenv("ORACXPRED_TEST_ACTION", action, 1);
                (void) setenv("ORACXPRED_TEST_GATE", room_path("gate"), 1);
                pass_points();
                _exit(0);
        }
        *ret_child = child;
        if (options < 0)
                return 0;
        assert_int_equal(waitpid(child, &status, options), child);
        return status;
}

static void assert_trace(const char *wanted)
{
        _cleanup_free_ char *trace = room_read("trace");

        assert_string_equal(trace, wanted);
}

static void test_traces_every_point(void **state)
{
        pid_t child;

        assert_int_equal(run(NULL, NULL, 0, &child), 0);
        assert_trace("first\nsecond\nfirst\nfirst-of-all\n");
}

static void test_kills_at_the_nth_passing(void **state)
{
        pid_t child;
        int status = run("first:2", NULL, 0, &child);

        assert_true(WIFSIGNALED(status));
        assert_int_equal(WTERMSIG(status), SIGKILL);
        assert_trace("first\nsecond\nfirst\n");
}

static void test_a_longer_name_is_another_point(void **state)
{
        pid_t child;
        int status = run("first-of-all", "kill", 0, &child);

        assert_true(WIFSIGNALED(status));
        assert_trace("first\nsecond\nfirst\nfirst-of-all\n");
}

static void test_stops_and_goes_on(void **state)
{
        pid_t child;
        int status = run("second", "stop", WUNTRACED, &child);

        assert_true(WIFSTOPPED(status));
        assert_trace("first\nsecond\n");
        assert_int_equal(kill(child, SIGCONT), 0);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
}

static void test_waits_at_the_gate(void **state)
{
        pid_t child;
        int gate_fd, status;

        assert_int_equal(mkfifo(room_path("gate"), 0600), 0);
        (void) run("second", "wait", -1, &child);
        gate_fd = open(room_path("gate"), O_WRONLY | O_CLOEXEC);
        assert_true(gate_fd >= 0);
        assert_trace("first\nsecond\n");
        (void) close(gate_fd);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, room_setup, room_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                        TEST(test_traces_every_point),
                        TEST(test_kills_at_the_nth_passing),
                        TEST(test_a_longer_name_is_another_point),
                        TEST(test_stops_and_goes_on),
                        TEST(test_waits_at_the_gate),
        };
        return cmocka_run_group_tests_name("test-hook", tests, NULL, NULL);
}
