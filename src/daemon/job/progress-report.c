/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/job/progress-report.h"

#include <inttypes.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#include "base/clock.h"
#include "base/journal.h"
#include "daemon/job/job-signal.h"
#include "daemon/loop/one-shot.h"
#include "daemon/state/condition.h"

/* What is asked for, and how often: the margin is for a loaded machine. */
#define EXTEND_USEC (60 * USEC_PER_SEC)
#define EXTEND_INTERVAL_USEC (10 * USEC_PER_SEC)

static void report_job(Job *job)
{
        uint64_t done_bytes = atomic_load(&job->progress.done_bytes);
        uint64_t total_bytes = atomic_load(&job->progress.total_bytes);
        const char *step = job_step(job);
        bool step_changed = !job->told_step || strcmp(job->told_step, step) != 0;

        if (!step_changed && done_bytes == job->told_done_bytes && total_bytes == job->told_total_bytes)
                return;
        job->told_done_bytes = done_bytes;
        job->told_total_bytes = total_bytes;
        job->told_step = step;
        if (step_changed)
                job_emit_changed(job, "Step", "DoneBytes", "TotalBytes", NULL);
        else
                job_emit_changed(job, "DoneBytes", "TotalBytes", NULL);
}

static void extend_timeout(Manager *manager)
{
        uint64_t now_usec = clock_monotonic_usec();

        if (manager->ready_told || now_usec < manager->timeout_extended_usec + EXTEND_INTERVAL_USEC)
                return;
        manager->timeout_extended_usec = now_usec;
        (void) sd_notifyf(false, "EXTEND_TIMEOUT_USEC=%" PRIu64, EXTEND_USEC);
}

static int on_progress(sd_event_source *source, uint64_t usec, void *userdata)
{
        Manager *manager = userdata;
        bool running = false;

        for (Job *job = manager->jobs; job; job = job->next)
                if (job->state != JOB_QUEUED) {
                        running = true;
                        report_job(job);
                }
        if (!running)
                return 0;
        extend_timeout(manager);
        manager_update_status(manager);
        progress_report_begin(manager);
        return 0;
}

void progress_report_begin(Manager *manager)
{
        one_shot_arm(manager->event,
                        &manager->progress_event_source,
                        PROGRESS_REPORT_INTERVAL_USEC,
                        on_progress,
                        manager);
}
