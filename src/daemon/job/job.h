/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One piece of long work from the request to JobRemoved: who asked, how far it is, how it ended. Belongs to
 * the loop, except for `task`, `progress` and `fault`, which are the worker's while the job runs. */

#include <systemd/sd-bus.h>

#include "daemon/job/operation.h"
#include "daemon/loop/lane.h"

typedef enum JobState {
        JOB_QUEUED,
        JOB_RUNNING,
        JOB_CANCELLING,
        _JOB_STATE_MAX,
        _JOB_STATE_INVALID = -EINVAL,
} JobState;

const char *job_state_to_string(JobState state);

/* What one user may have queued or running at a time, and all of them together: one can't take it all. */
#define JOBS_PER_CALLER_MAX 8
#define JOBS_MAX 32

struct Job {
        Work work;
        Job *next; /* in the Manager's list, by id */
        Manager *manager;
        const Operation *operation;
        void *task; /* the operation's; owned */

        uint32_t id;
        JobState state;
        Caller caller;
        bool unattended; /* the timer's: nobody wants a record of each that went well */
        char *backup;    /* its name; NULL for the live database */
        uint64_t queued_usec;
        uint64_t started_usec;

        Progress progress;
        Fault fault; /* how it ended; FAULT_NONE when done */

        char **files; /* stored files that the worker changes: what inotify says of them is our own */
        size_t n_files;
        char *leased;            /* the stored file that the job keeps from being removed, or NULL */
        sd_bus_message *message; /* the call that is answered when the job ends, or NULL */

        /* What the last PropertiesChanged said. */
        uint64_t told_done_bytes, told_total_bytes;
        const char *told_step;
};

typedef enum JobPlace {
        JOB_LAST,       /* bounded */
        JOB_UNATTENDED, /* the same, for the timer, where nobody sits and waits */
        JOB_NEXT,       /* the service's own follow-up of the running job */
} JobPlace;

/* Makes a job on the bulk lane, emits InterfacesAdded and JobNew. Takes `task` over in every case. `backup`
 * may be NULL. BUSY when too many wait or the service is stopping. Behind what runs lowered (background.h)
 * somebody's job does not wait longer than it must: it is raised. */
int job_queue(Manager *manager,
                const Operation *operation,
                void *task,
                const char *backup,
                const Caller *caller,
                JobPlace place,
                Job **ret,
                Fault *fault);

/* Whether somebody sits and waits for it: neither a timer has asked for it nor the service itself. */
bool job_is_attended(const Job *job);

/* Says which files the worker is going to change. */
int job_claim_file(Job *job, const char *file);

/* Reads the claimed ones again, and lets go of them; the end of the job does it by itself. */
void job_release_claims(Job *job);

/* Keeps the entry from being removed until the job ends. */
int job_lease(Job *job, const char *file);

Job *manager_find_job(const Manager *manager, uint32_t id);

/* Asks the job to stop. One that still waits ends at once: the pointer is not valid afterwards. */
void job_cancel(Job *job);

/* Frees a job without a word; for shutting down, when no worker is left. */
Job *job_free(Job *job);

/* Properties of a Job as the bus shows them. */
const char *job_step(const Job *job);

/* What the first job that runs is doing, for people: "Backing up NAME: copying". NULL when none runs, or
 * when out of memory. The caller frees it. */
char *job_describe_running(const Manager *manager);
