/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/loop/lane.h"

#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>

#include "base/clock.h"

/* Work that took longer may have freed enough to be worth giving back. */
#define LONG_WORK_USEC (5 * USEC_PER_MSEC)

struct Lane {
        /* The loop's alone. */
        sd_event_source *finished_event_source;
        sd_event_source *dispatch_event_source;
        Work *first;
        size_t n_waiting;
        size_t capacity;
        Work *current;
        pthread_t thread;
        bool thread_started;

        /* Written by the worker, read by the loop. */
        int finished_fd;

        /* Shared, under the mutex. */
        pthread_mutex_t mutex;
        pthread_cond_t handed_over;
        Work *assigned; /* NULL once the worker is through with it */
        bool stop;
};

static void *lane_thread(void *userdata)
{
        Lane *lane = userdata;

        (void) pthread_mutex_lock(&lane->mutex);
        for (;;) {
                uint64_t begun_usec;
                Work *work;

                while (!lane->assigned && !lane->stop)
                        (void) pthread_cond_wait(&lane->handed_over, &lane->mutex);
                if (!lane->assigned)
                        break;
                work = lane->assigned;
                (void) pthread_mutex_unlock(&lane->mutex);

                begun_usec = clock_monotonic_usec();
                work->run(work);
                /* What lies free between what is still in use, in this thread's arena and in those that the
                 * work's own threads left. */
                if (clock_monotonic_usec() - begun_usec >= LONG_WORK_USEC)
                        (void) malloc_trim(0);

                (void) pthread_mutex_lock(&lane->mutex);
                lane->assigned = NULL;
                (void) eventfd_write(lane->finished_fd, 1);
        }
        (void) pthread_mutex_unlock(&lane->mutex);
        return NULL;
}

static void lane_wake(Lane *lane)
{
        if (lane->first && !lane->current)
                (void) sd_event_source_set_enabled(lane->dispatch_event_source, SD_EVENT_ONESHOT);
}

static int lane_on_dispatch(sd_event_source *source, void *userdata)
{
        Lane *lane = userdata;
        Work *work = lane->first;

        if (lane->current || !work)
                return 0;

        lane->first = TAKE_PTR(work->next);
        lane->n_waiting--;
        lane->current = work;
        if (work->start && work->start(work) < 0) {
                lane->current = NULL;
                work->finish(work);
                lane_wake(lane);
                return 0;
        }

        (void) pthread_mutex_lock(&lane->mutex);
        lane->assigned = work;
        (void) pthread_cond_signal(&lane->handed_over);
        (void) pthread_mutex_unlock(&lane->mutex);
        return 0;
}

static int lane_on_finished(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
        Lane *lane = userdata;
        eventfd_t count;
        bool busy;

        (void) eventfd_read(fd, &count);
        (void) pthread_mutex_lock(&lane->mutex);
        busy = lane->assigned;
        (void) pthread_mutex_unlock(&lane->mutex);
        if (busy || !lane->current)
                return 0;

        Work *work = TAKE_PTR(lane->current);
        work->finish(work);
        lane_wake(lane);
        return 0;
}

/* The worker inherits a mask that blocks everything: signals are the loop's. */
static int lane_start_thread(Lane *lane, const char *name)
{
        sigset_t all, before;
        int r;

        (void) sigfillset(&all);
        /* The thread's own doing: blocked, it would end the process without a word. */
        (void) sigdelset(&all, SIGBUS);
        r = pthread_sigmask(SIG_SETMASK, &all, &before);
        if (r != 0)
                return -r;
        r = pthread_create(&lane->thread, NULL, lane_thread, lane);
        (void) pthread_sigmask(SIG_SETMASK, &before, NULL);
        if (r != 0)
                return -r;
        lane->thread_started = true;
        (void) pthread_setname_np(lane->thread, name);
        return 0;
}

int lane_new(sd_event *event, const char *name, size_t capacity, Lane **ret, Fault *fault)
{
        _cleanup_(lane_freep) Lane *lane = NULL;
        int r;

        lane = calloc(1, sizeof(Lane));
        if (!lane)
                return fault_set_errno(fault, ENOMEM, "Starting the worker thread '%s'", name);
        lane->capacity = capacity;
        (void) pthread_mutex_init(&lane->mutex, NULL);
        (void) pthread_cond_init(&lane->handed_over, NULL);

        lane->finished_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        r = lane->finished_fd < 0 ? -errno : 0;
        if (r >= 0)
                r = sd_event_add_io(event,
                                &lane->finished_event_source,
                                lane->finished_fd,
                                EPOLLIN,
                                lane_on_finished,
                                lane);
        if (r >= 0)
                r = sd_event_add_defer(event, &lane->dispatch_event_source, lane_on_dispatch, lane);
        if (r >= 0)
                r = sd_event_source_set_enabled(lane->dispatch_event_source, SD_EVENT_OFF);
        if (r >= 0)
                r = lane_start_thread(lane, name);
        if (r < 0)
                return fault_set_errno(fault, r, "Starting the worker thread '%s'", name);

        *ret = TAKE_PTR(lane);
        return 0;
}

Lane *lane_free(Lane *lane)
{
        if (!lane)
                return NULL;

        if (lane->thread_started) {
                (void) pthread_mutex_lock(&lane->mutex);
                lane->stop = true;
                (void) pthread_cond_signal(&lane->handed_over);
                (void) pthread_mutex_unlock(&lane->mutex);
                (void) pthread_join(lane->thread, NULL);
        }
        (void) sd_event_source_disable_unref(lane->finished_event_source);
        (void) sd_event_source_disable_unref(lane->dispatch_event_source);
        closep(&lane->finished_fd);
        (void) pthread_cond_destroy(&lane->handed_over);
        (void) pthread_mutex_destroy(&lane->mutex);
        free(lane);
        return NULL;
}

int lane_submit(Lane *lane, Work *work)
{
        Work **end = &lane->first;

        if (lane->n_waiting >= lane->capacity)
                return -EBUSY;
        while (*end)
                end = &(*end)->next;
        work->next = NULL;
        *end = work;
        lane->n_waiting++;
        lane_wake(lane);
        return 0;
}

void lane_submit_first(Lane *lane, Work *work)
{
        work->next = lane->first;
        lane->first = work;
        lane->n_waiting++;
        lane_wake(lane);
}

bool lane_withdraw(Lane *lane, Work *work)
{
        for (Work **link = &lane->first; *link; link = &(*link)->next)
                if (*link == work) {
                        *link = TAKE_PTR(work->next);
                        lane->n_waiting--;
                        return true;
                }
        return false;
}
