/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/parallel.h"

#include <signal.h>

#include "base/background.h"

typedef struct Run {
        ParallelFunction function;
        void *userdata;
        Background *background; /* what all of them take part in, or NULL */

        pthread_mutex_t mutex; /* guards the rest */
        int result;
        Fault fault; /* of the call that failed first */
} Run;

typedef struct Member {
        Run *run;
        unsigned index;
        pthread_t thread;
} Member;

static void call(Run *run, unsigned index)
{
        _cleanup_fault_ Fault fault = {0};
        int r = run->function(run->userdata, index, &fault);

        if (r >= 0)
                return;
        (void) pthread_mutex_lock(&run->mutex);
        if (run->result >= 0) {
                run->result = r;
                fault_move(&run->fault, &fault);
        }
        (void) pthread_mutex_unlock(&run->mutex);
}

static void *member_thread(void *userdata)
{
        const Member *member = userdata;

        background_join(member->run->background);
        call(member->run, member->index);
        (void) background_leave();
        return NULL;
}

/* A new thread inherits the mask. Returns how many there are; what is missing is no fault. */
static unsigned start_members(Run *run, Member *members, unsigned n_wanted)
{
        sigset_t all, before;
        unsigned n = 0;

        (void) sigfillset(&all);
        /* The thread's own doing: blocked, it would end the process without a word. */
        (void) sigdelset(&all, SIGBUS);
        if (pthread_sigmask(SIG_SETMASK, &all, &before) != 0)
                return 0;
        for (; n < n_wanted; n++) {
                members[n] = (Member){.run = run, .index = n + 1};
                if (pthread_create(&members[n].thread, NULL, member_thread, members + n) != 0)
                        break;
                (void) pthread_setname_np(members[n].thread, "parallel");
        }
        (void) pthread_sigmask(SIG_SETMASK, &before, NULL);
        return n;
}

int parallel_run(unsigned n_threads, ParallelFunction function, void *userdata, Fault *fault)
{
        _cleanup_free_ Member *members = NULL;
        Run run = {.function = function, .userdata = userdata};
        unsigned n_started = 0;

        (void) pthread_mutex_init(&run.mutex, NULL);
        if (n_threads > 1)
                members = calloc(n_threads - 1, sizeof *members);
        if (members) {
                run.background = background_leave();
                n_started = start_members(&run, members, n_threads - 1);
                background_join(run.background);
        }
        call(&run, 0);
        for (unsigned index = n_started + 1; index < n_threads; index++)
                call(&run, index);
        for (unsigned i = 0; i < n_started; i++)
                (void) pthread_join(members[i].thread, NULL);
        (void) pthread_mutex_destroy(&run.mutex);
        if (fault && run.result < 0)
                fault_move(fault, &run.fault);
        fault_done(&run.fault);
        return run.result;
}

void sequence_init(Sequence *sequence)
{
        *sequence = (Sequence){0};
        (void) pthread_mutex_init(&sequence->mutex, NULL);
        (void) pthread_cond_init(&sequence->moved, NULL);
}

void sequence_done(Sequence *sequence)
{
        (void) pthread_cond_destroy(&sequence->moved);
        (void) pthread_mutex_destroy(&sequence->mutex);
}

bool sequence_enter(Sequence *sequence, uint64_t number)
{
        bool entered;

        (void) pthread_mutex_lock(&sequence->mutex);
        while (!sequence->stopped && sequence->next != number)
                (void) pthread_cond_wait(&sequence->moved, &sequence->mutex);
        entered = !sequence->stopped;
        (void) pthread_mutex_unlock(&sequence->mutex);
        return entered;
}

void sequence_leave(Sequence *sequence)
{
        (void) pthread_mutex_lock(&sequence->mutex);
        sequence->next++;
        (void) pthread_cond_broadcast(&sequence->moved);
        (void) pthread_mutex_unlock(&sequence->mutex);
}

void sequence_stop(Sequence *sequence)
{
        (void) pthread_mutex_lock(&sequence->mutex);
        sequence->stopped = true;
        (void) pthread_cond_broadcast(&sequence->moved);
        (void) pthread_mutex_unlock(&sequence->mutex);
}
