/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <semaphore.h>
#include <string.h>

#include "daemon/catalogue/collection.h"
#include "daemon/job/job.h"
#include "manager-fixture.h"

typedef struct Bench {
        Manager manager;
        sem_t held;      /* the worker waits here */
        char ended[256]; /* how each job ended, in their order */
        unsigned n_freed;
} Bench;

static Bench *bench;

typedef struct Task {
        bool hold;
        FaultCode refuse, fail;
} Task;

static int task_start(Job *job, void *userdata, Fault *fault)
{
        Task *task = userdata;

        return task->refuse == FAULT_NONE ? 0 : fault_set(fault, task->refuse, "refused");
}

static int task_run(void *userdata, Progress *progress, Fault *fault)
{
        Task *task = userdata;

        if (task->hold)
                while (sem_wait(&bench->held) < 0)
                        ;
        if (task->fail != FAULT_NONE)
                return fault_set(fault, task->fail, "failed");
        return progress_check(progress, fault);
}

static int task_finish(Job *job, void *userdata)
{
        size_t length = strlen(bench->ended);

        (void) snprintf(bench->ended + length,
                        sizeof(bench->ended) - length,
                        "%u:%s ",
                        job->id,
                        job->fault.code == FAULT_NONE ? "done" : fault_name(job->fault.code));
        return 0;
}

static void task_free(void *userdata)
{
        bench->n_freed++;
        free(userdata);
}

static const Operation operation = {
                .name = "test",
                .doing = "Testing",
                .start = task_start,
                .run = task_run,
                .finish = task_finish,
                .free_task = task_free,
};

static const Operation urgent_operation = {
                .name = "urgent-test",
                .doing = "Testing",
                .urgent = true,
                .start = task_start,
                .run = task_run,
                .finish = task_finish,
                .free_task = task_free,
};

static int queue_kind(
                const Operation *kind, uid_t uid, const Task *task, JobPlace place, Job **ret, Fault *fault)
{
        Caller caller = {.uid = uid};
        Task *copy = malloc(sizeof(Task));

        *copy = *task;
        return job_queue(&bench->manager, kind, copy, NULL, &caller, place, ret, fault);
}

static int queue_as(uid_t uid, const Task *task, JobPlace place, Job **ret, Fault *fault)
{
        return queue_kind(&operation, uid, task, place, ret, fault);
}

static Job *queue(const Task *task)
{
        Job *job;

        assert_int_equal(queue_as(UID_INVALID, task, JOB_LAST, &job, NULL), 0);
        return job;
}

static void run_until_idle(void)
{
        while (bench->manager.jobs)
                assert_true(sd_event_run(bench->manager.event, UINT64_MAX) >= 0);
}

static void run_until_running(const Job *job)
{
        while (job->state == JOB_QUEUED)
                assert_true(sd_event_run(bench->manager.event, UINT64_MAX) >= 0);
}

static int setup(void **state)
{
        bench = calloc(1, sizeof(Bench));
        (void) sem_init(&bench->held, 0, 0);
        manager_fixture_begin(&bench->manager, (char *) "/nonexistent/oracxpred.db", JOBS_MAX + 8);
        return 0;
}

static int teardown(void **state)
{
        manager_fixture_end(&bench->manager);
        (void) sem_destroy(&bench->held);
        free(bench);
        return 0;
}

static void test_jobs_run_in_their_order_and_vanish(void **state)
{
        const Task task = {0}, failing = {.fail = FAULT_NO_SPACE}, refused = {.refuse = FAULT_NOT_FOUND};
        Job *first = queue(&task);

        assert_int_equal(first->id, 1);
        assert_int_equal(first->state, JOB_QUEUED);
        assert_int_equal(first->started_usec, 0);
        assert_string_equal(job_step(first), "waiting");
        (void) queue(&failing);
        (void) queue(&refused);
        assert_ptr_equal(manager_find_job(&bench->manager, 1), first);
        assert_null(manager_find_job(&bench->manager, 4));
        assert_int_equal(bench->manager.n_jobs, 3);
        run_until_idle();
        assert_string_equal(bench->ended, "1:done 2:NoSpace 3:NotFound ");
        assert_int_equal(bench->n_freed, 3);
        assert_null(manager_find_job(&bench->manager, 1));
}

static void test_follow_up_goes_before_what_waits(void **state)
{
        const Task task = {0};

        (void) queue(&task);
        (void) queue(&task);
        assert_int_equal(queue_as(UID_INVALID, &task, JOB_NEXT, NULL, NULL), 0);
        run_until_idle();
        assert_string_equal(bench->ended, "3:done 1:done 2:done ");
}

static void test_one_caller_has_a_bound(void **state)
{
        const Task task = {0};
        _cleanup_fault_ Fault fault = {0};

        for (unsigned i = 0; i < JOBS_PER_CALLER_MAX; i++)
                assert_int_equal(queue_as(1000, &task, JOB_LAST, NULL, NULL), 0);
        assert_int_equal(queue_as(1000, &task, JOB_LAST, NULL, &fault), fault_errno(FAULT_BUSY));
        assert_int_equal(fault.code, FAULT_BUSY);
        /* What was not queued is not leaked, and shuts nobody else out. */
        assert_int_equal(bench->n_freed, 1);
        assert_int_equal(bench->manager.n_jobs, JOBS_PER_CALLER_MAX);
        assert_int_equal(queue_as(1001, &task, JOB_LAST, NULL, NULL), 0);
        run_until_idle();
        assert_int_equal(queue_as(1000, &task, JOB_LAST, NULL, NULL), 0);
        run_until_idle();
}

static void test_all_callers_have_a_bound(void **state)
{
        const Task task = {0};

        for (unsigned i = 0; i < JOBS_MAX; i++)
                assert_int_equal(queue_as(1000 + i, &task, JOB_LAST, NULL, NULL), 0);
        assert_int_equal(queue_as(5000, &task, JOB_LAST, NULL, NULL), fault_errno(FAULT_BUSY));
        /* The service's own follow-up is not kept out by the callers. */
        assert_int_equal(queue_as(UID_INVALID, &task, JOB_NEXT, NULL, NULL), 0);
        run_until_idle();
}

static void test_nothing_is_queued_while_stopping(void **state)
{
        const Task task = {0};

        bench->manager.stopping = true;
        assert_int_equal(queue_as(0, &task, JOB_LAST, NULL, NULL), fault_errno(FAULT_BUSY));
        assert_int_equal(bench->n_freed, 1);
}

static void test_waiting_job_is_cancelled_at_once(void **state)
{
        const Task held = {.hold = true}, task = {0};
        Job *first = queue(&held), *second = queue(&task);

        run_until_running(first);
        job_cancel(second);
        assert_string_equal(bench->ended, "2:Cancelled ");
        assert_int_equal(bench->manager.n_jobs, 1);
        (void) sem_post(&bench->held);
        run_until_idle();
        assert_string_equal(bench->ended, "2:Cancelled 1:done ");
}

static void test_running_job_is_asked_to_stop(void **state)
{
        const Task held = {.hold = true};
        Job *job = queue(&held);

        run_until_running(job);
        assert_true(job->started_usec > 0);
        job_cancel(job);
        assert_int_equal(job->state, JOB_CANCELLING);
        job_cancel(job);
        (void) sem_post(&bench->held);
        run_until_idle();
        assert_string_equal(bench->ended, "1:Cancelled ");
}

static void test_what_somebody_waits_behind_hurries(void **state)
{
        const Task held = {.hold = true}, task = {0};
        Job *running, *waiting, *attended, *last;

        assert_int_equal(queue_as(1000, &held, JOB_UNATTENDED, &running, NULL), 0);
        run_until_running(running);
        assert_int_equal(queue_as(1000, &task, JOB_UNATTENDED, &waiting, NULL), 0);
        (void) queue(&task);
        assert_false(running->progress.hurried);
        assert_int_equal(queue_as(1000, &task, JOB_LAST, &attended, NULL), 0);
        assert_true(running->progress.hurried);
        assert_true(waiting->progress.hurried);
        assert_int_equal(queue_as(1000, &task, JOB_UNATTENDED, &last, NULL), 0);
        assert_false(attended->progress.hurried);
        assert_false(last->progress.hurried);
        /* The bound on the bytes is the administrator's. */
        assert_false(running->progress.urgent);
        (void) sem_post(&bench->held);
        run_until_idle();
}

/* An automatic restore, for instance: nobody sits before a terminal, and the application has no database. */
static void test_what_is_urgent_has_everything_ahead_at_full_speed(void **state)
{
        const Task held = {.hold = true}, task = {0};
        Job *running, *urgent;

        assert_int_equal(queue_as(1000, &held, JOB_UNATTENDED, &running, NULL), 0);
        run_until_running(running);
        assert_int_equal(queue_kind(&urgent_operation, UID_INVALID, &task, JOB_NEXT, &urgent, NULL), 0);
        assert_true(running->progress.hurried);
        assert_true(running->progress.urgent);
        assert_false(urgent->progress.hurried);
        (void) sem_post(&bench->held);
        run_until_idle();
}

static void test_claimed_files_are_known_until_the_end(void **state)
{
        const Task held = {.hold = true};
        Job *job = queue(&held);

        assert_int_equal(job_claim_file(job, "backup_20260124_014621.db.gz"), 0);
        assert_int_equal(job_claim_file(job, "initial_backup.db"), 0);
        assert_true(collection_is_claimed(&bench->manager, "initial_backup.db"));
        assert_true(collection_is_claimed(&bench->manager, "backup_20260124_014621.db.gz"));
        assert_false(collection_is_claimed(&bench->manager, "backup_20260124_014621.db"));
        (void) sem_post(&bench->held);
        run_until_idle();
        assert_false(collection_is_claimed(&bench->manager, "initial_backup.db"));
}

static void test_leased_backup_is_let_go_at_the_end(void **state)
{
        const Task held = {.hold = true};
        Manifest *manifest;
        Job *first = queue(&held), *second = queue(&held);
        CatalogueEntry *entry;

        assert_int_equal(manifest_new(&manifest), 0);
        manifest->file = strdup("backup_20260124_014621.db.gz");
        manifest->name = strdup("backup_20260124_014621");
        assert_int_equal(catalogue_put(bench->manager.catalogue, manifest), 0);
        assert_int_equal(job_lease(first, manifest->file), 0);
        assert_int_equal(job_lease(second, manifest->file), 0);
        entry = catalogue_find(bench->manager.catalogue, manifest->file);
        assert_int_equal(entry->leases, 2);
        job_cancel(second);
        assert_int_equal(entry->leases, 1);
        (void) sem_post(&bench->held);
        run_until_idle();
        assert_int_equal(entry->leases, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                        TEST(test_jobs_run_in_their_order_and_vanish),
                        TEST(test_follow_up_goes_before_what_waits),
                        TEST(test_one_caller_has_a_bound),
                        TEST(test_all_callers_have_a_bound),
                        TEST(test_nothing_is_queued_while_stopping),
                        TEST(test_waiting_job_is_cancelled_at_once),
                        TEST(test_running_job_is_asked_to_stop),
                        TEST(test_what_somebody_waits_behind_hurries),
                        TEST(test_what_is_urgent_has_everything_ahead_at_full_speed),
                        TEST(test_claimed_files_are_known_until_the_end),
                        TEST(test_leased_backup_is_let_go_at_the_end),
        };

        return cmocka_run_group_tests_name("job", tests, NULL, NULL);
}
