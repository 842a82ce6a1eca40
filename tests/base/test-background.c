/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sched.h>
#include <signal.h>

#include "base/background.h"
#include "base/parallel.h"

typedef struct Seen {
        pthread_t thread;
        int policy, inherited_policy;
        bool signals_blocked;
        Progress *progress;
} Seen;

static int look_further(void *userdata, unsigned index, Fault *fault)
{
        Seen *seen = userdata;

        if (index == 1)
                seen->inherited_policy = sched_getscheduler(0);
        return 0;
}

static int look(void *userdata, Progress *progress, Fault *fault)
{
        Seen *seen = userdata;
        sigset_t blocked;

        seen->thread = pthread_self();
        seen->policy = sched_getscheduler(0);
        seen->signals_blocked =
                        pthread_sigmask(SIG_BLOCK, NULL, &blocked) == 0 && sigismember(&blocked, SIGTERM);
        seen->progress = progress;
        assert_int_equal(parallel_run(2, look_further, seen, NULL), 0);
        return fault_set(fault, FAULT_NO_SPACE, "There is no room");
}

static void test_work_runs_lowered_and_leaves_the_caller_as_it_was(void **state)
{
        int before = sched_getscheduler(0);
        _cleanup_fault_ Fault fault = {0};
        Progress progress;
        Seen seen = {0};

        progress_init(&progress);
        assert_int_equal(background_run(look, &seen, &progress, &fault), fault_errno(FAULT_NO_SPACE));
        progress_done(&progress);
        assert_false(pthread_equal(seen.thread, pthread_self()));
        assert_int_equal(seen.policy, SCHED_IDLE);
        assert_int_equal(seen.inherited_policy, SCHED_IDLE);
        assert_true(seen.signals_blocked);
        assert_ptr_equal(seen.progress, &progress);
        assert_int_equal(fault.code, FAULT_NO_SPACE);
        assert_int_equal(sched_getscheduler(0), before);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_work_runs_lowered_and_leaves_the_caller_as_it_was),
        };

        return cmocka_run_group_tests_name("background", tests, NULL, NULL);
}
