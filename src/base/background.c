/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/background.h"

#include <linux/ioprio.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

typedef struct Background {
        BackgroundFunction function;
        void *userdata;
        Progress *progress;
        Fault *fault;
        int result;
} Background;

static void *background_thread(void *userdata)
{
        Background *background = userdata;

        /* 0 is the calling thread in both: Linux has priorities for each thread (sched(7)). */
        (void) sched_setscheduler(0, SCHED_IDLE, &(const struct sched_param){0});
        (void) syscall(SYS_ioprio_set,
                        IOPRIO_WHO_PROCESS,
                        0,
                        IOPRIO_PRIO_VALUE(IOPRIO_CLASS_BE, IOPRIO_NR_LEVELS - 1));
        background->result =
                        background->function(background->userdata, background->progress, background->fault);
        return NULL;
}

int background_run(BackgroundFunction function, void *userdata, Progress *progress, Fault *fault)
{
        Background background = {
                        .function = function, .userdata = userdata, .progress = progress, .fault = fault};
        pthread_t thread;
        sigset_t all, before;
        int r;

        (void) sigfillset(&all);
        r = pthread_sigmask(SIG_SETMASK, &all, &before);
        if (r == 0) {
                r = pthread_create(&thread, NULL, background_thread, &background);
                (void) pthread_sigmask(SIG_SETMASK, &before, NULL);
        }
        if (r != 0)
                return function(userdata, progress, fault);
        (void) pthread_setname_np(thread, "background");
        (void) pthread_join(thread, NULL);
        return background.result;
}
