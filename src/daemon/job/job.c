/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/job/job.h"

#include <string.h>

#include "base/clock.h"
#include "daemon/audit/audit.h"
#include "daemon/bus/bus-argument.h"
#include "daemon/catalogue/backup-place.h"
#include "daemon/catalogue/collection.h"
#include "daemon/job/job-event.h"
#include "daemon/job/job-signal.h"
#include "daemon/job/progress-report.h"
#include "daemon/latency/response-times.h"
#include "daemon/manager.h"
#include "daemon/records/maintenance.h"
#include "daemon/state/condition.h"
#include "daemon/state/property-changes.h"

static const char *const job_state_table[_JOB_STATE_MAX] = {
                [JOB_QUEUED] = "queued",
                [JOB_RUNNING] = "running",
                [JOB_CANCELLING] = "cancelling",
};

const char *job_state_to_string(JobState state)
{
        return state >= 0 && state < _JOB_STATE_MAX ? job_state_table[state] : NULL;
}

const char *job_step(const Job *job)
{
        const char *step = atomic_load(&job->progress.step);

        if (job->state == JOB_QUEUED)
                return "waiting";
        return step ? step : "starting";
}

char *job_describe_running(const Manager *manager)
{
        const Job *job = manager->jobs;
        char *text = NULL;

        while (job && job->state == JOB_QUEUED)
                job = job->next;
        if (job && asprintf(&text,
                                   "%s%s%s: %s",
                                   job->operation->doing,
                                   job->backup ? " " : "",
                                   job->backup ? job->backup : "",
                                   job_step(job)) < 0)
                text = NULL;
        return text;
}

Job *job_free(Job *job)
{
        if (!job)
                return NULL;
        if (job->task)
                job->operation->free_task(job->task);
        response_times_release(job->manager->response_times, job->message);
        for (size_t i = 0; i < job->n_files; i++) {
                collection_unclaim(job->manager, job->files[i]);
                free(job->files[i]);
        }
        free(job->files);
        free(job->leased);
        free(job->backup);
        fault_done(&job->fault);
        progress_done(&job->progress);
        free(job);
        return NULL;
}

DEFINE_CLEANUP(Job *, job_free);

static Job *job_of(Work *work)
{
        return (Job *) ((char *) work - offsetof(Job, work));
}

static int job_start(Work *work)
{
        Job *job = job_of(work);
        int r;

        if (job->state == JOB_QUEUED) {
                job->state = JOB_RUNNING;
                job->manager->n_running_jobs++;
                job->started_usec = clock_now_usec();
                job_emit_changed(job, "State", "Step", "StartedUSec", NULL);
        }
        r = progress_check(&job->progress, &job->fault);
        if (r >= 0 && job->operation->needs_backups)
                r = backup_place_require(job->manager, true, &job->fault);
        if (r >= 0 && job->operation->start)
                r = job->operation->start(job, job->task, &job->fault);
        if (r < 0 && job->fault.code == FAULT_NONE)
                r = fault_set_errno(&job->fault, r, "%s", job->operation->doing);
        if (r >= 0)
                progress_report_begin(job->manager);
        manager_update_status(job->manager);
        return r;
}

static void job_run(Work *work)
{
        Job *job = job_of(work);
        int r = job->operation->run(job->task, &job->progress, &job->fault);

        if (r < 0 && job->fault.code == FAULT_NONE)
                (void) fault_set_errno(&job->fault, r, "%s", job->operation->doing);
}

void job_release_claims(Job *job)
{
        for (size_t i = 0; i < job->n_files; i++) {
                char *file = TAKE_PTR(job->files[i]);

                collection_unclaim(job->manager, file);
                /* Whatever the worker left, also when it failed half-way, is what counts from now on. */
                collection_refresh(job->manager, file);
                free(file);
        }
        job->n_files = 0;
}

static void job_unlink(Job *job)
{
        for (Job **link = &job->manager->jobs; *link; link = &(*link)->next)
                if (*link == job) {
                        *link = TAKE_PTR(job->next);
                        job->manager->n_jobs--;
                        if (job->state != JOB_QUEUED)
                                job->manager->n_running_jobs--;
                        return;
                }
}

static void audit_job(const Job *job)
{
        /* What the service does by itself is told by its events. A row about each of the timer's backups
         * would be a change of the database, too, and none of them would find it unchanged. */
        if (job->unattended && job->fault.code == FAULT_NONE)
                return;
        if (job->caller.uid != UID_INVALID)
                audit_call(&job->caller, job->operation->name, job->backup, &job->fault);
}

static void job_end(Job *job)
{
        Manager *manager = job->manager;

        job_figures_count(&manager->job_figures, job->operation->name, &job->fault, clock_now_usec());
        if (job->fault.code != FAULT_NONE)
                event_job_failed(job, job->leased);
        audit_job(job);
        audit_resume(); /* the job may have been what was in the way */
        if (job->leased)
                collection_release(manager, job->leased);
        job_release_claims(job);
        job_unlink(job);
        manager_changed(manager, CHANGE_JOBS);
        manager_update_health(manager);
        manager_update_status(manager);
        manager_flush_changes(manager);
        if (job->message && job->fault.code != FAULT_NONE)
                (void) bus_reply_fault(job->message, &job->fault);
        job_emit_removed(job);
        (void) job_free(job);
        manager_settle_when_idle(manager);
}

static void job_finish(Work *work)
{
        Job *job = job_of(work);
        int r;

        r = job->operation->finish(job, job->task);
        if (r < 0 && job->fault.code == FAULT_NONE)
                (void) fault_set_errno(&job->fault, r, "%s", job->operation->doing);
        if (r > 0)
                lane_submit_first(job->manager->bulk_lane, &job->work);
        else
                job_end(job);
}

static int job_check_bounds(const Manager *manager, const Caller *caller, Fault *fault)
{
        unsigned n_own = 0;

        if (manager->stopping)
                return fault_set(fault, FAULT_BUSY, "The service is stopping");
        for (const Job *job = manager->jobs; job; job = job->next)
                n_own += job->caller.uid == caller->uid;
        if (manager->n_jobs >= JOBS_MAX)
                return fault_set(fault,
                                FAULT_BUSY,
                                "%u jobs wait already; try again when some have ended",
                                manager->n_jobs);
        if (caller->uid != UID_INVALID && n_own >= JOBS_PER_CALLER_MAX)
                return fault_set(fault,
                                FAULT_BUSY,
                                "%u jobs of yours wait already; try again when some have ended",
                                n_own);
        return 0;
}

static void job_link(Job *job)
{
        Job **end = &job->manager->jobs;

        while (*end)
                end = &(*end)->next;
        *end = job;
        job->manager->n_jobs++;
}

bool job_is_attended(const Job *job)
{
        return !job->unattended && job->caller.uid != UID_INVALID;
}

/* Who sits before the terminal waits for all that is ahead in the lane, and the application for what is
 * urgent. A follow-up that gets in between later is never lowered. */
static void hurry_what_is_ahead(const Job *job)
{
        for (Job *ahead = job->manager->jobs; ahead != job; ahead = ahead->next)
                if (job->operation->urgent)
                        progress_urge(&ahead->progress);
                else if (job_is_attended(job))
                        progress_hurry(&ahead->progress);
}

int job_queue(Manager *manager,
                const Operation *operation,
                void *task,
                const char *backup,
                const Caller *caller,
                JobPlace place,
                Job **ret,
                Fault *fault)
{
        _cleanup_(job_freep) Job *job = NULL;
        int r;

        job = calloc(1, sizeof(Job));
        if (!job) {
                operation->free_task(task);
                return fault_set_errno(fault, ENOMEM, "Making a job");
        }
        progress_init(&job->progress);
        job->work = (Work){.start = job_start, .run = job_run, .finish = job_finish};
        job->manager = manager;
        job->operation = operation;
        job->task = task;
        job->caller = *caller;
        job->unattended = place == JOB_UNATTENDED;
        job->queued_usec = clock_now_usec();
        if (backup && !(job->backup = strdup(backup)))
                return fault_set_errno(fault, ENOMEM, "Making a job");

        r = place == JOB_NEXT ? 0 : job_check_bounds(manager, caller, fault);
        if (r < 0)
                return r;
        if (place == JOB_NEXT)
                lane_submit_first(manager->bulk_lane, &job->work);
        else if (lane_submit(manager->bulk_lane, &job->work) < 0)
                return fault_set(fault, FAULT_BUSY, "Too many jobs wait already; try again later");
        maintenance_make_way(manager->maintenance);

        /* Numbers are not given twice, even after the four thousand millionth. */
        do
                job->id = ++manager->last_job_id;
        while (job->id == 0 || manager_find_job(manager, job->id));
        job_link(job);
        hurry_what_is_ahead(job);
        manager_changed(manager, CHANGE_JOBS);
        job_emit_added(job);
        if (ret)
                *ret = job;
        (void) TAKE_PTR(job);
        return 0;
}

int job_claim_file(Job *job, const char *file)
{
        char **files = reallocarray(job->files, job->n_files + 1, sizeof(char *));
        char *copy = strdup(file);

        if (files)
                job->files = files;
        if (!files || !copy || collection_claim(job->manager, file) < 0) {
                free(copy);
                return -ENOMEM;
        }
        files[job->n_files++] = copy;
        return 0;
}

int job_lease(Job *job, const char *file)
{
        job->leased = strdup(file);
        if (!job->leased)
                return -ENOMEM;
        collection_lease(job->manager, file);
        return 0;
}

Job *manager_find_job(const Manager *manager, uint32_t id)
{
        for (Job *job = manager->jobs; job; job = job->next)
                if (job->id == id)
                        return job;
        return NULL;
}

void job_cancel(Job *job)
{
        progress_cancel(&job->progress);
        if (lane_withdraw(job->manager->bulk_lane, &job->work)) {
                (void) progress_check(&job->progress, &job->fault);
                job_finish(&job->work);
                return;
        }
        if (job->state == JOB_RUNNING) {
                job->state = JOB_CANCELLING;
                job_emit_changed(job, "State", NULL);
        }
}
