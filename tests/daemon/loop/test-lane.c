/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <string.h>

#include "daemon/loop/lane.h"

/* Plain fields on purpose: the thread sanitizer says whether the lane hands them over properly. */
typedef struct Piece {
        Work work;
        struct Bench *bench;
        char name;
        int refuse;      /* what start() returns */
        unsigned again;  /* how often finish() submits it once more */
        sem_t *held;     /* run() waits for it */
        unsigned n_runs; /* written by the worker, read by the loop */
        bool on_worker, signals_blocked;
} Piece;

typedef struct Bench {
        sd_event *event;
        Lane *lane;
        pthread_t loop_thread;
        char log[64]; /* the loop's: s start, f finish, with the piece's name */
        unsigned n_awaited;
} Bench;

static Piece *piece_of(Work *work)
{
        return (Piece *) ((char *) work - offsetof(Piece, work));
}

static void note(Piece *piece, char what)
{
        Bench *bench = piece->bench;

        assert_true(pthread_equal(pthread_self(), bench->loop_thread));
        (void) snprintf(bench->log + strlen(bench->log),
                        sizeof(bench->log) - strlen(bench->log),
                        "%c%c ",
                        what,
                        piece->name);
}

static int piece_start(Work *work)
{
        Piece *piece = piece_of(work);

        note(piece, 's');
        return piece->refuse;
}

static void piece_run(Work *work)
{
        Piece *piece = piece_of(work);
        sigset_t blocked;

        if (piece->held)
                while (sem_wait(piece->held) < 0)
                        ;
        piece->n_runs++;
        piece->on_worker = !pthread_equal(pthread_self(), piece->bench->loop_thread);
        piece->signals_blocked = pthread_sigmask(SIG_BLOCK, NULL, &blocked) == 0 &&
                                 sigismember(&blocked, SIGTERM) && sigismember(&blocked, SIGUSR1);
}

static void piece_finish(Work *work)
{
        Piece *piece = piece_of(work);
        Bench *bench = piece->bench;

        note(piece, 'f');
        if (piece->again > 0) {
                piece->again--;
                lane_submit_first(bench->lane, work);
        } else if (--bench->n_awaited == 0)
                (void) sd_event_exit(bench->event, 0);
}

static Piece piece_new(Bench *bench, char name)
{
        return (Piece){
                        .work = {.start = piece_start, .run = piece_run, .finish = piece_finish},
                        .bench = bench,
                        .name = name,
        };
}

static int setup(void **state)
{
        Bench *bench = calloc(1, sizeof(Bench));

        bench->loop_thread = pthread_self();
        assert_true(sd_event_new(&bench->event) >= 0);
        assert_int_equal(lane_new(bench->event, "test", 2, &bench->lane, NULL), 0);
        *state = bench;
        return 0;
}

static int teardown(void **state)
{
        Bench *bench = *state;

        (void) lane_free(bench->lane);
        (void) sd_event_unref(bench->event);
        free(bench);
        return 0;
}

static void run_all(Bench *bench, unsigned n_awaited)
{
        bench->n_awaited = n_awaited;
        assert_int_equal(sd_event_loop(bench->event), 0);
}

static void test_work_runs_in_the_worker_and_ends_on_the_loop(void **state)
{
        Bench *bench = *state;
        Piece a = piece_new(bench, 'a');

        assert_int_equal(lane_submit(bench->lane, &a.work), 0);
        assert_string_equal(bench->log, "");
        run_all(bench, 1);
        assert_string_equal(bench->log, "sa fa ");
        assert_int_equal(a.n_runs, 1);
        assert_true(a.on_worker);
        assert_true(a.signals_blocked);
}

static void test_one_after_the_other(void **state)
{
        Bench *bench = *state;
        Piece a = piece_new(bench, 'a'), b = piece_new(bench, 'b');

        assert_int_equal(lane_submit(bench->lane, &a.work), 0);
        assert_int_equal(lane_submit(bench->lane, &b.work), 0);
        run_all(bench, 2);
        assert_string_equal(bench->log, "sa fa sb fb ");
}

static void test_queue_is_bounded(void **state)
{
        Bench *bench = *state;
        Piece a = piece_new(bench, 'a'), b = piece_new(bench, 'b'), c = piece_new(bench, 'c');

        assert_int_equal(lane_submit(bench->lane, &a.work), 0);
        assert_int_equal(lane_submit(bench->lane, &b.work), 0);
        assert_int_equal(lane_submit(bench->lane, &c.work), -EBUSY);
        run_all(bench, 2);
        assert_int_equal(c.n_runs, 0);
        assert_int_equal(lane_submit(bench->lane, &c.work), 0);
}

static void test_what_follows_goes_before_what_waits(void **state)
{
        Bench *bench = *state;
        Piece a = piece_new(bench, 'a'), b = piece_new(bench, 'b');

        a.again = 2;
        assert_int_equal(lane_submit(bench->lane, &a.work), 0);
        assert_int_equal(lane_submit(bench->lane, &b.work), 0);
        run_all(bench, 2);
        assert_string_equal(bench->log, "sa fa sa fa sa fa sb fb ");
        assert_int_equal(a.n_runs, 3);
}

static void test_refused_start_skips_the_run(void **state)
{
        Bench *bench = *state;
        Piece a = piece_new(bench, 'a'), b = piece_new(bench, 'b');

        a.refuse = -ENOENT;
        assert_int_equal(lane_submit(bench->lane, &a.work), 0);
        assert_int_equal(lane_submit(bench->lane, &b.work), 0);
        run_all(bench, 2);
        assert_string_equal(bench->log, "sa fa sb fb ");
        assert_int_equal(a.n_runs, 0);
        assert_int_equal(b.n_runs, 1);
}

static void test_only_what_waits_is_withdrawn(void **state)
{
        Bench *bench = *state;
        Piece a = piece_new(bench, 'a'), b = piece_new(bench, 'b');
        sem_t held;

        (void) sem_init(&held, 0, 0);
        a.held = &held;
        assert_int_equal(lane_submit(bench->lane, &a.work), 0);
        assert_int_equal(lane_submit(bench->lane, &b.work), 0);
        while (bench->log[0] == '\0')
                assert_true(sd_event_run(bench->event, UINT64_MAX) >= 0);
        assert_false(lane_withdraw(bench->lane, &a.work));
        assert_true(lane_withdraw(bench->lane, &b.work));
        assert_false(lane_withdraw(bench->lane, &b.work));
        (void) sem_post(&held);
        run_all(bench, 1);
        assert_string_equal(bench->log, "sa fa ");
        (void) sem_destroy(&held);
}

/* The owner of the work frees it after this, so the worker must be through with it. */
static void test_free_waits_for_the_worker(void **state)
{
        Bench *bench = *state;
        Piece a = piece_new(bench, 'a'), b = piece_new(bench, 'b');

        assert_int_equal(lane_submit(bench->lane, &a.work), 0);
        assert_int_equal(lane_submit(bench->lane, &b.work), 0);
        while (bench->log[0] == '\0')
                assert_true(sd_event_run(bench->event, UINT64_MAX) >= 0);
        bench->lane = lane_free(bench->lane);
        assert_int_equal(a.n_runs, 1);
        assert_int_equal(b.n_runs, 0);
        assert_string_equal(bench->log, "sa ");
}

static void test_two_lanes_do_not_wait_for_each_other(void **state)
{
        Bench *bench = *state, other = {.event = bench->event, .loop_thread = bench->loop_thread};
        Piece slow = piece_new(bench, 'a'), quick = piece_new(&other, 'b');
        sem_t held;

        (void) sem_init(&held, 0, 0);
        slow.held = &held;
        assert_int_equal(lane_new(bench->event, "other", 1, &other.lane, NULL), 0);
        assert_int_equal(lane_submit(bench->lane, &slow.work), 0);
        assert_int_equal(lane_submit(other.lane, &quick.work), 0);
        other.n_awaited = 2;
        while (!strstr(other.log, "fb"))
                assert_true(sd_event_run(bench->event, UINT64_MAX) >= 0);
        assert_null(strstr(bench->log, "fa"));
        (void) sem_post(&held);
        run_all(bench, 1);
        (void) lane_free(other.lane);
        (void) sem_destroy(&held);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                        TEST(test_work_runs_in_the_worker_and_ends_on_the_loop),
                        TEST(test_one_after_the_other),
                        TEST(test_queue_is_bounded),
                        TEST(test_what_follows_goes_before_what_waits),
                        TEST(test_refused_start_skips_the_run),
                        TEST(test_only_what_waits_is_withdrawn),
                        TEST(test_free_waits_for_the_worker),
                        TEST(test_two_lanes_do_not_wait_for_each_other),
        };

        return cmocka_run_group_tests_name("lane", tests, NULL, NULL);
}
