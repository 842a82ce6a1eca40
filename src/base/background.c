/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/background.h"

#include <linux/ioprio.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

typedef struct Priority {
        int policy;
        int io;
} Priority;

/* A thread that takes part. */
typedef struct Member {
        Background *background;
        pid_t thread_id;
        struct Member *next; /* the Background's, under its mutex */
} Member;

struct Background {
        BackgroundFunction function;
        void *userdata;
        Progress *progress;
        Fault *fault;
        int result;
        Priority normal; /* the caller's; constant */
        _Atomic bool is_raised;

        pthread_mutex_t mutex; /* guards the list, for a few instructions at a time */
        Member *members;
};

static _Thread_local Member here;

static const Priority lowered = {
                .policy = SCHED_IDLE,
                .io = IOPRIO_PRIO_VALUE(IOPRIO_CLASS_BE, IOPRIO_NR_LEVELS - 1),
};

static Priority priority_of_caller(void)
{
        int policy = sched_getscheduler(0);
        long io = syscall(SYS_ioprio_get, IOPRIO_WHO_PROCESS, 0);

        return (Priority){
                        .policy = policy < 0 ? SCHED_OTHER : policy,
                        .io = io < 0 ? 0 : (int) io, /* 0: by the class of the CPU */
        };
}

/* Linux has both for each thread (sched(7)); what it does not allow is done without. */
static void set_priority(pid_t thread_id, Priority priority)
{
        (void) sched_setscheduler(thread_id, priority.policy, &(const struct sched_param){0});
        (void) syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, thread_id, priority.io);
}

void background_join(Background *background)
{
        bool is_raised;

        if (!background)
                return;
        (void) pthread_mutex_lock(&background->mutex);
        here = (Member){.background = background, .thread_id = gettid(), .next = background->members};
        background->members = &here;
        (void) pthread_mutex_unlock(&background->mutex);
        /* Not under the mutex: once lowered, a thread may wait long for the turn in which to let go of it.
         */
        do {
                is_raised = atomic_load(&background->is_raised);
                set_priority(here.thread_id, is_raised ? background->normal : lowered);
        } while (is_raised != atomic_load(&background->is_raised));
}

Background *background_leave(void)
{
        Background *background = TAKE_PTR(here.background);

        if (!background)
                return NULL;
        /* Before the mutex, for the same reason. */
        set_priority(here.thread_id, background->normal);
        (void) pthread_mutex_lock(&background->mutex);
        for (Member **at = &background->members; *at; at = &(*at)->next)
                if (*at == &here) {
                        *at = here.next;
                        break;
                }
        (void) pthread_mutex_unlock(&background->mutex);
        return background;
}

static void raise_members(void *target)
{
        Background *background = target;

        atomic_store(&background->is_raised, true);
        (void) pthread_mutex_lock(&background->mutex);
        for (const Member *member = background->members; member; member = member->next)
                set_priority(member->thread_id, background->normal);
        (void) pthread_mutex_unlock(&background->mutex);
}

static void *background_thread(void *userdata)
{
        Background *background = userdata;

        background_join(background);
        background->result =
                        background->function(background->userdata, background->progress, background->fault);
        (void) background_leave();
        return NULL;
}

static int start_thread(Background *background, pthread_t *ret)
{
        sigset_t all, before;
        int r;

        (void) sigfillset(&all);
        /* The thread's own doing: blocked, it would end the process without a word. */
        (void) sigdelset(&all, SIGBUS);
        r = pthread_sigmask(SIG_SETMASK, &all, &before);
        if (r != 0)
                return -r;
        r = pthread_create(ret, NULL, background_thread, background);
        (void) pthread_sigmask(SIG_SETMASK, &before, NULL);
        return -r;
}

int background_run(BackgroundFunction function, void *userdata, Progress *progress, Fault *fault)
{
        Background background = {
                        .function = function,
                        .userdata = userdata,
                        .progress = progress,
                        .fault = fault,
                        .normal = priority_of_caller(),
        };
        ProgressInterrupt hurry = {.function = raise_members, .target = &background};
        pthread_t thread;

        (void) pthread_mutex_init(&background.mutex, NULL);
        progress_on_hurry(progress, &hurry);
        if (start_thread(&background, &thread) >= 0) {
                (void) pthread_setname_np(thread, "background");
                (void) pthread_join(thread, NULL);
        } else
                background.result = function(userdata, progress, fault);
        progress_on_hurry(progress, NULL);
        (void) pthread_mutex_destroy(&background.mutex);
        return background.result;
}
