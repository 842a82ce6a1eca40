/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/loop/gate.h"

typedef struct Scene {
        Gate gate;
        Progress progress;
        Fault fault;
        int result;
        pthread_t closer;
} Scene;

static int setup(void **state)
{
        Scene *scene = calloc(1, sizeof(Scene));

        gate_init(&scene->gate);
        progress_init(&scene->progress);
        *state = scene;
        return 0;
}

static int teardown(void **state)
{
        Scene *scene = *state;

        fault_done(&scene->fault);
        progress_done(&scene->progress);
        gate_done(&scene->gate);
        free(scene);
        return 0;
}

static void *closing(void *userdata)
{
        Scene *scene = userdata;

        scene->result = gate_close(&scene->gate, &scene->progress, &scene->fault);
        return NULL;
}

/* Returns when the closer has shut the gate, and so waits for who is inside. */
static void start_closing(Scene *scene)
{
        bool closed = false;

        assert_int_equal(pthread_create(&scene->closer, NULL, closing, scene), 0);
        while (!closed) {
                (void) pthread_mutex_lock(&scene->gate.mutex);
                closed = scene->gate.closed;
                (void) pthread_mutex_unlock(&scene->gate.mutex);
        }
}

static void test_many_may_be_inside(void **state)
{
        Scene *scene = *state;

        assert_int_equal(gate_enter(&scene->gate, NULL), 0);
        assert_int_equal(gate_enter(&scene->gate, NULL), 0);
        gate_leave(&scene->gate);
        gate_leave(&scene->gate);
        assert_int_equal(gate_close(&scene->gate, &scene->progress, NULL), 0);
}

static void test_closed_gate_lets_nobody_in_until_it_opens(void **state)
{
        Scene *scene = *state;
        _cleanup_fault_ Fault fault = {0};

        assert_int_equal(gate_close(&scene->gate, &scene->progress, NULL), 0);
        assert_true(gate_enter(&scene->gate, &fault) < 0);
        assert_int_equal(fault.code, FAULT_BUSY);
        gate_open(&scene->gate);
        assert_int_equal(gate_enter(&scene->gate, NULL), 0);
}

static void test_closing_waits_for_who_is_inside(void **state)
{
        Scene *scene = *state;

        assert_int_equal(gate_enter(&scene->gate, NULL), 0);
        scene->result = -1;
        start_closing(scene);
        assert_int_equal(scene->result, -1);
        assert_true(gate_enter(&scene->gate, NULL) < 0);
        gate_leave(&scene->gate);
        (void) pthread_join(scene->closer, NULL);
        assert_int_equal(scene->result, 0);
}

static void test_cancellation_ends_the_wait_and_opens(void **state)
{
        Scene *scene = *state;

        assert_int_equal(gate_enter(&scene->gate, NULL), 0);
        start_closing(scene);
        progress_cancel(&scene->progress);
        (void) pthread_join(scene->closer, NULL);
        assert_true(scene->result < 0);
        assert_int_equal(scene->fault.code, FAULT_CANCELLED);
        assert_int_equal(gate_enter(&scene->gate, NULL), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test_setup_teardown(test_many_may_be_inside, setup, teardown),
                        cmocka_unit_test_setup_teardown(
                                        test_closed_gate_lets_nobody_in_until_it_opens, setup, teardown),
                        cmocka_unit_test_setup_teardown(
                                        test_closing_waits_for_who_is_inside, setup, teardown),
                        cmocka_unit_test_setup_teardown(
                                        test_cancellation_ends_the_wait_and_opens, setup, teardown),
        };

        return cmocka_run_group_tests_name("gate", tests, NULL, NULL);
}
