/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "../base/room.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/macro.h"
#include "daemon/configuration/state-lock.h"

static void test_holder_is_named(void **state)
{
        _cleanup_close_ int first = -EBADF;
        _cleanup_fault_ Fault fault = {0};
        _cleanup_free_ char *text = NULL, *wanted = NULL;
        int second = -EBADF;

        assert_int_equal(state_lock_acquire(room_fd(), "/the/state", &first, NULL), 0);
        text = room_read(".lock");
        assert_int_equal(strtol(text, NULL, 10), getpid());
        /* Locks of the open file, not of the process: a second open of our own counts as another. */
        assert_int_equal(state_lock_acquire(room_fd(), "/the/state", &second, &fault),
                        fault_errno(FAULT_ALREADY_RUNNING));
        assert_int_equal(second, -EBADF);
        assert_true(asprintf(&wanted, "process %ld (%.15s", (long) getpid(), program_invocation_short_name) >
                        0);
        assert_non_null(strstr(fault.message, "/the/state"));
        assert_non_null(strstr(fault.message, wanted));
}

static void test_lock_goes_with_its_holder(void **state)
{
        _cleanup_close_ int fd = -EBADF;
        int status, ready[2];
        char byte;
        pid_t pid;

        assert_int_equal(pipe(ready), 0);
        pid = fork();
        if (pid == 0) {
                int held;

                if (state_lock_acquire(room_fd(), "/the/state", &held, NULL) < 0 ||
                                write(ready[1], "x", 1) != 1)
                        _exit(1);
                (void) pause();
                _exit(0);
        }
        assert_int_equal(read(ready[0], &byte, 1), 1);
        assert_int_equal(state_lock_acquire(room_fd(), "/the/state", &fd, NULL),
                        fault_errno(FAULT_ALREADY_RUNNING));
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(state_lock_acquire(room_fd(), "/the/state", &fd, NULL), 0);
        (void) close(ready[0]);
        (void) close(ready[1]);
}

/* A longer pid of an earlier holder leaves no digit behind. */
static void test_old_content_is_overwritten(void **state)
{
        _cleanup_close_ int fd = -EBADF;
        _cleanup_free_ char *text = NULL, *wanted = NULL;

        room_write(".lock", "99999999999999");
        assert_int_equal(state_lock_acquire(room_fd(), "/the/state", &fd, NULL), 0);
        text = room_read(".lock");
        assert_true(asprintf(&wanted, "%ld\n", (long) getpid()) > 0);
        assert_string_equal(text, wanted);
}

static void test_odd_lock_files_are_refused(void **state)
{
        _cleanup_fault_ Fault fault = {0};
        int fd = -EBADF;

        assert_int_equal(symlinkat("elsewhere", room_fd(), ".lock"), 0);
        assert_true(state_lock_acquire(room_fd(), "/the/state", &fd, &fault) < 0);
        assert_non_null(strstr(fault.message, "/the/state/.lock"));
        assert_int_equal(unlinkat(room_fd(), ".lock", 0), 0);
        assert_int_equal(mkdirat(room_fd(), ".lock", 0700), 0);
        assert_true(state_lock_acquire(room_fd(), "/the/state", &fd, &fault) < 0);
        assert_int_equal(fd, -EBADF);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, room_setup, room_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                        TEST(test_holder_is_named),
                        TEST(test_lock_goes_with_its_holder),
                        TEST(test_old_content_is_overwritten),
                        TEST(test_odd_lock_files_are_refused),
        };

        return cmocka_run_group_tests_name("state-lock", tests, NULL, NULL);
}
