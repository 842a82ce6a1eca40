/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>

#include "base/parallel.h"

#define THREADS 4
#define NUMBERS 1000

typedef struct Work {
        atomic_uint calls[THREADS];
        atomic_uint next;
        atomic_uint unblocked_signals;
        sem_t met;
        Sequence sequence;
        unsigned out[NUMBERS];
        unsigned n_out;
        unsigned fail_at; /* a number; NUMBERS for none */
} Work;

static void begin(Work *work)
{
        memset(work, 0, sizeof *work);
        work->fail_at = NUMBERS;
        assert_int_equal(sem_init(&work->met, 0, 0), 0);
        sequence_init(&work->sequence);
}

static void end(Work *work)
{
        sequence_done(&work->sequence);
        assert_int_equal(sem_destroy(&work->met), 0);
}

static int note_call(void *userdata, unsigned index, Fault *fault)
{
        Work *work = userdata;
        sigset_t blocked;

        (void) atomic_fetch_add(work->calls + index, 1);
        if (index > 0 && pthread_sigmask(SIG_BLOCK, NULL, &blocked) == 0)
                (void) atomic_fetch_add(&work->unblocked_signals, sigismember(&blocked, SIGTERM) != 1);
        return 0;
}

static void test_each_index_is_called_once_with_signals_blocked(void **state)
{
        sigset_t before, after;
        Work work;

        begin(&work);
        assert_int_equal(pthread_sigmask(SIG_BLOCK, NULL, &before), 0);
        assert_int_equal(parallel_run(THREADS, note_call, &work, NULL), 0);
        for (unsigned i = 0; i < THREADS; i++)
                assert_int_equal(atomic_load(work.calls + i), 1);
        assert_int_equal(atomic_load(&work.unblocked_signals), 0);
        assert_int_equal(pthread_sigmask(SIG_BLOCK, NULL, &after), 0);
        assert_int_equal(sigismember(&after, SIGTERM), sigismember(&before, SIGTERM));

        assert_int_equal(parallel_run(0, note_call, &work, NULL), 0);
        assert_int_equal(atomic_load(work.calls), 2);
        end(&work);
}

/* The first waits until the second has come: alone it would wait for ever. */
static int meet(void *userdata, unsigned index, Fault *fault)
{
        Work *work = userdata;

        return index == 0 ? sem_wait(&work->met) : sem_post(&work->met);
}

static void test_they_run_at_the_same_time(void **state)
{
        Work work;

        begin(&work);
        assert_int_equal(parallel_run(2, meet, &work, NULL), 0);
        end(&work);
}

static int put_in_order(void *userdata, unsigned index, Fault *fault)
{
        Work *work = userdata;
        unsigned number;

        while ((number = atomic_fetch_add(&work->next, 1)) < NUMBERS) {
                if (number == work->fail_at) {
                        sequence_stop(&work->sequence);
                        return fault_set(fault, FAULT_IO, "number %u", number);
                }
                if (!sequence_enter(&work->sequence, number))
                        return 0;
                work->out[work->n_out++] = number;
                sequence_leave(&work->sequence);
        }
        return 0;
}

static void test_a_sequence_keeps_the_order(void **state)
{
        Work work;

        begin(&work);
        assert_int_equal(parallel_run(THREADS, put_in_order, &work, NULL), 0);
        assert_int_equal(work.n_out, NUMBERS);
        for (unsigned i = 0; i < NUMBERS; i++)
                assert_int_equal(work.out[i], i);
        end(&work);
}

static void test_a_failure_stops_the_others_and_is_told(void **state)
{
        _cleanup_fault_ Fault fault = {0};
        Work work;

        begin(&work);
        work.fail_at = 0; /* everybody else waits for this one */
        assert_int_equal(parallel_run(THREADS, put_in_order, &work, &fault), -EIO);
        assert_int_equal(fault.code, FAULT_IO);
        assert_string_equal(fault.message, "number 0");
        assert_int_equal(work.n_out, 0);
        end(&work);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_each_index_is_called_once_with_signals_blocked),
                        cmocka_unit_test(test_they_run_at_the_same_time),
                        cmocka_unit_test(test_a_sequence_keeps_the_order),
                        cmocka_unit_test(test_a_failure_stops_the_others_and_is_told),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
