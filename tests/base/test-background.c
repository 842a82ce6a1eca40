/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <linux/ioprio.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/background.h"
#include "base/parallel.h"

/* cmocka's asserts jump back to the test, which no other thread may do: what these see is asserted later. */
typedef struct Seen {
        pthread_t thread;
        int policy, inherited_policy, parallel_result;
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
        seen->parallel_result = parallel_run(2, look_further, seen, NULL);
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
        assert_int_equal(seen.parallel_result, 0);
        assert_int_equal(seen.inherited_policy, SCHED_IDLE);
        assert_true(seen.signals_blocked);
        assert_ptr_equal(seen.progress, &progress);
        assert_int_equal(fault.code, FAULT_NO_SPACE);
        assert_int_equal(sched_getscheduler(0), before);
}

static void *come_back(void *userdata)
{
        int *policy = userdata, before = sched_getscheduler(0);

        (void) sched_setscheduler(0, SCHED_IDLE, &(const struct sched_param){0});
        (void) sched_setscheduler(0, before, &(const struct sched_param){0});
        *policy = sched_getscheduler(0);
        return NULL;
}

/* Whether the kernel lets this user's threads out of the idle class: RLIMIT_NICE of many does not. */
static int policy_after_coming_back(void)
{
        int policy = -1;
        pthread_t thread;

        assert_int_equal(pthread_create(&thread, NULL, come_back, &policy), 0);
        assert_int_equal(pthread_join(thread, NULL), 0);
        return policy;
}

typedef struct Waited {
        Progress progress;
        pthread_barrier_t both;
        int policy_before[2], policy_after[2], policy_of_next;
        long io_after[2];
        bool left, left_twice;
} Waited;

static int be_waited_for(void *userdata, unsigned index, Fault *fault)
{
        Waited *waited = userdata;

        waited->policy_before[index] = sched_getscheduler(0);
        (void) pthread_barrier_wait(&waited->both);
        if (index == 1)
                progress_hurry(&waited->progress);
        (void) pthread_barrier_wait(&waited->both);
        waited->policy_after[index] = sched_getscheduler(0);
        waited->io_after[index] = syscall(SYS_ioprio_get, IOPRIO_WHO_PROCESS, 0);
        return 0;
}

static int look_at_policy(void *userdata, unsigned index, Fault *fault)
{
        Waited *waited = userdata;

        if (index == 1)
                waited->policy_of_next = sched_getscheduler(0);
        return 0;
}

static int work_with_others(void *userdata, Progress *progress, Fault *fault)
{
        int r = parallel_run(2, be_waited_for, userdata, fault);

        return r < 0 ? r : parallel_run(2, look_at_policy, userdata, fault);
}

static void run_waited(Waited *waited)
{
        assert_int_equal(pthread_barrier_init(&waited->both, NULL, 2), 0);
        assert_int_equal(background_run(work_with_others, waited, &waited->progress, NULL), 0);
        assert_int_equal(pthread_barrier_destroy(&waited->both), 0);
}

static void test_all_its_threads_are_raised_once_somebody_waits(void **state)
{
        long io = syscall(SYS_ioprio_get, IOPRIO_WHO_PROCESS, 0);
        int raised = policy_after_coming_back();
        Waited waited = {0};

        progress_init(&waited.progress);
        run_waited(&waited);
        for (size_t i = 0; i < 2; i++) {
                assert_int_equal(waited.policy_before[i], SCHED_IDLE);
                assert_int_equal(waited.policy_after[i], raised);
                assert_int_equal(waited.io_after[i], io);
        }
        assert_int_equal(waited.policy_of_next, raised);
        /* It has ended: there is nothing left to raise. */
        progress_hurry(&waited.progress);
        progress_done(&waited.progress);
}

static void test_what_somebody_waits_for_already_is_not_lowered(void **state)
{
        Waited waited = {0};

        progress_init(&waited.progress);
        progress_hurry(&waited.progress);
        run_waited(&waited);
        for (size_t i = 0; i < 2; i++)
                assert_int_equal(waited.policy_before[i], sched_getscheduler(0));
        progress_done(&waited.progress);
}

static int go_away_and_return(void *userdata, Progress *progress, Fault *fault)
{
        Waited *waited = userdata;
        Background *background = background_leave();

        waited->left = background != NULL;
        waited->left_twice = background_leave() != NULL;
        waited->policy_before[0] = sched_getscheduler(0);
        background_join(background);
        waited->policy_before[1] = sched_getscheduler(0);
        (void) background_leave();
        progress_hurry(progress);
        background_join(background);
        waited->policy_after[0] = sched_getscheduler(0);
        return 0;
}

/* So that a thread that it starts meanwhile is born with the usual priority. */
static void test_who_leaves_is_not_lowered_until_he_joins_again(void **state)
{
        int raised = policy_after_coming_back();
        Waited waited = {0};

        assert_null(background_leave());
        background_join(NULL);
        progress_init(&waited.progress);
        assert_int_equal(background_run(go_away_and_return, &waited, &waited.progress, NULL), 0);
        assert_true(waited.left);
        assert_false(waited.left_twice);
        assert_int_equal(waited.policy_before[0], raised);
        assert_int_equal(waited.policy_before[1], SCHED_IDLE);
        assert_int_equal(waited.policy_after[0], raised);
        progress_done(&waited.progress);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_work_runs_lowered_and_leaves_the_caller_as_it_was),
                        cmocka_unit_test(test_all_its_threads_are_raised_once_somebody_waits),
                        cmocka_unit_test(test_what_somebody_waits_for_already_is_not_lowered),
                        cmocka_unit_test(test_who_leaves_is_not_lowered_until_he_joins_again),
        };

        return cmocka_run_group_tests_name("background", tests, NULL, NULL);
}
