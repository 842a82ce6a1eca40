/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/background.h"

#include <linux/ioprio.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LOWEST_NICE 19

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

        /* 0 is the calling thread in both: Linux has priorities for each thread. */
        (void) setpriority(PRIO_PROCESS, 0, LOWEST_NICE);
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
