/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include <semaphore.h>

#include "base/progress.h"

static void test_counts_and_steps(void **state)
{
        Progress progress;

        progress_init(&progress);
        assert_null(atomic_load(&progress.step));
        progress_begin(&progress, "copying", 100);
        progress_add(&progress, 30);
        progress_add(&progress, 40);
        assert_string_equal(atomic_load(&progress.step), "copying");
        assert_int_equal(atomic_load(&progress.done_bytes), 70);
        progress_begin(&progress, "checking", 0);
        assert_int_equal(atomic_load(&progress.done_bytes), 0);
        assert_int_equal(atomic_load(&progress.total_bytes), 0);
        progress_done(&progress);
}

static void test_cancelled_is_told(void **state)
{
        _cleanup_fault_ Fault fault = {0};
        Progress progress;

        progress_init(&progress);
        assert_int_equal(progress_check(&progress, &fault), 0);
        progress_cancel(&progress);
        progress_cancel(&progress);
        assert_int_equal(progress_check(&progress, &fault), -ECANCELED);
        assert_int_equal(fault.code, FAULT_CANCELLED);
        progress_done(&progress);
}

static void count_call(void *target)
{
        (*(unsigned *) target)++;
}

static void test_interrupt_is_called(void **state)
{
        unsigned calls = 0;
        ProgressInterrupt interrupt = {.function = count_call, .target = &calls};
        Progress progress;

        progress_init(&progress);
        progress_add_interrupt(&progress, &interrupt);
        assert_int_equal(calls, 0);
        progress_cancel(&progress);
        assert_int_equal(calls, 1);
        progress_remove_interrupt(&progress, &interrupt);
        progress_cancel(&progress);
        assert_int_equal(calls, 1);
        progress_done(&progress);
}

static void test_interrupt_that_comes_late_is_called_at_once(void **state)
{
        unsigned calls = 0;
        ProgressInterrupt interrupt = {.function = count_call, .target = &calls};
        Progress progress;

        progress_init(&progress);
        progress_cancel(&progress);
        progress_add_interrupt(&progress, &interrupt);
        assert_int_equal(calls, 1);
        progress_done(&progress);
}

static void test_all_interrupts_are_called_but_those_taken_back(void **state)
{
        unsigned calls[3] = {0};
        ProgressInterrupt interrupts[3];
        Progress progress;

        progress_init(&progress);
        for (size_t i = 0; i < 3; i++) {
                interrupts[i] = (ProgressInterrupt){.function = count_call, .target = calls + i};
                progress_add_interrupt(&progress, interrupts + i);
        }
        progress_remove_interrupt(&progress, interrupts + 1);
        progress_remove_interrupt(&progress, interrupts + 1);
        progress_cancel(&progress);
        assert_int_equal(calls[0], 1);
        assert_int_equal(calls[1], 0);
        assert_int_equal(calls[2], 1);
        progress_done(&progress);
}

typedef struct Meeting {
        Progress progress;
        ProgressInterrupt interrupt;
        sem_t entered, leave, taken_back;
        _Atomic bool interrupting, overlapped;
} Meeting;

static void interrupt_slowly(void *target)
{
        Meeting *meeting = target;

        atomic_store(&meeting->interrupting, true);
        (void) sem_post(&meeting->entered);
        (void) sem_wait(&meeting->leave);
        atomic_store(&meeting->interrupting, false);
}

static void *take_back(void *argument)
{
        Meeting *meeting = argument;

        progress_remove_interrupt(&meeting->progress, &meeting->interrupt);
        atomic_store(&meeting->overlapped, atomic_load(&meeting->interrupting));
        (void) sem_post(&meeting->taken_back);
        return NULL;
}

static void *cancel(void *argument)
{
        progress_cancel(&((Meeting *) argument)->progress);
        return NULL;
}

/* The worker frees the target right after taking it back. */
static void test_taking_back_waits_for_a_running_interrupt(void **state)
{
        pthread_t canceller, worker;
        Meeting meeting = {.interrupt = {.function = interrupt_slowly, .target = &meeting}};

        progress_init(&meeting.progress);
        assert_int_equal(sem_init(&meeting.entered, 0, 0), 0);
        assert_int_equal(sem_init(&meeting.leave, 0, 0), 0);
        assert_int_equal(sem_init(&meeting.taken_back, 0, 0), 0);
        progress_add_interrupt(&meeting.progress, &meeting.interrupt);
        assert_int_equal(pthread_create(&canceller, NULL, cancel, &meeting), 0);
        assert_int_equal(sem_wait(&meeting.entered), 0);
        assert_int_equal(pthread_create(&worker, NULL, take_back, &meeting), 0);
        assert_int_equal(sem_trywait(&meeting.taken_back), -1);
        (void) sem_post(&meeting.leave);
        assert_int_equal(sem_wait(&meeting.taken_back), 0);
        assert_int_equal(pthread_join(canceller, NULL), 0);
        assert_int_equal(pthread_join(worker, NULL), 0);
        assert_false(atomic_load(&meeting.overlapped));
        progress_done(&meeting.progress);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_counts_and_steps),
                        cmocka_unit_test(test_cancelled_is_told),
                        cmocka_unit_test(test_interrupt_is_called),
                        cmocka_unit_test(test_interrupt_that_comes_late_is_called_at_once),
                        cmocka_unit_test(test_all_interrupts_are_called_but_those_taken_back),
                        cmocka_unit_test(test_taking_back_waits_for_a_running_interrupt),
        };

        return cmocka_run_group_tests_name("progress", tests, NULL, NULL);
}
