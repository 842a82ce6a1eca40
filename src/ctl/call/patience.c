/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ctl/call/patience.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/names.h"

#define PATIENCE_SECONDS 2
/* More than a service that is alive ever takes for a Ping. */
#define ANSWER_USEC USEC_PER_SEC

#define SYSTEMD_NAME "org.freedesktop.systemd1"
#define UNIT_PATH "/org/freedesktop/systemd1/unit/oracxpredd_2eservice"

struct Patience {
        bool user_bus;
        pthread_t thread;
        pthread_mutex_t mutex; /* guards the next one */
        bool over;
        pthread_cond_t changed;
};

static bool told;

/* Of the unit, or NULL where no systemd answers. Never starts anything. */
static char *unit_property(sd_bus *bus, const char *interface, const char *property)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
        const char *text;
        int r = sd_bus_message_new_method_call(
                        bus, &call, SYSTEMD_NAME, UNIT_PATH, "org.freedesktop.DBus.Properties", "Get");

        if (r >= 0)
                r = sd_bus_message_set_auto_start(call, false);
        if (r >= 0)
                r = sd_bus_message_append(call, "ss", interface, property);
        if (r >= 0)
                r = sd_bus_call(bus, call, ANSWER_USEC, NULL, &reply);
        if (r >= 0)
                r = sd_bus_message_read(reply, "v", "s", &text);
        return r < 0 ? NULL : strdup(text);
}

static bool is_alive(sd_bus *bus)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        int r = sd_bus_message_new_method_call(
                        bus, &call, BUS_NAME, BUS_PATH, "org.freedesktop.DBus.Peer", "Ping");

        if (r >= 0)
                r = sd_bus_message_set_auto_start(call, false);
        return r >= 0 && sd_bus_call(bus, call, ANSWER_USEC, NULL, NULL) >= 0;
}

static void tell(sd_bus *bus)
{
        _cleanup_free_ char *state = unit_property(bus, SYSTEMD_NAME ".Unit", "ActiveState");
        _cleanup_free_ char *status = unit_property(bus, SYSTEMD_NAME ".Service", "StatusText");

        told = true;
        if (state && strcmp(state, "activating") == 0)
                (void) fprintf(stderr,
                                "oracxpredctl: The service is starting%s%s; waiting for it.\n",
                                status && status[0] ? ": " : "",
                                status ? status : "");
        else
                (void) fprintf(stderr,
                                "oracxpredctl: The service has not answered for %d seconds%s%s; waiting for "
                                "it. It may be starting, or be stopped by a signal; `systemctl status "
                                "oracxpredd` says more.\n",
                                PATIENCE_SECONDS,
                                status && status[0] ? ", and last said: " : "",
                                status ? status : "");
}

static bool wait_until_late(Patience *patience)
{
        struct timespec until;
        bool over;
        int r = 0;

        (void) clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += PATIENCE_SECONDS;
        (void) pthread_mutex_lock(&patience->mutex);
        while (!patience->over && r == 0)
                r = pthread_cond_timedwait(&patience->changed, &patience->mutex, &until);
        over = patience->over;
        (void) pthread_mutex_unlock(&patience->mutex);
        return !over;
}

static void *watch(void *userdata)
{
        Patience *patience = userdata;
        sd_bus *bus = NULL;

        if (wait_until_late(patience) &&
                        (patience->user_bus ? sd_bus_open_user(&bus) : sd_bus_open_system(&bus)) >= 0 &&
                        !is_alive(bus))
                tell(bus);
        (void) sd_bus_flush_close_unref(bus);
        return NULL;
}

Patience *patience_begin(const Session *session)
{
        Transport transport = session->arguments->transport;
        Patience *patience;
        pthread_condattr_t attributes;

        if (told || (transport != TRANSPORT_SYSTEM && transport != TRANSPORT_USER))
                return NULL;
        patience = calloc(1, sizeof *patience);
        if (!patience)
                return NULL;
        patience->user_bus = transport == TRANSPORT_USER;
        (void) pthread_condattr_init(&attributes);
        (void) pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
        (void) pthread_cond_init(&patience->changed, &attributes);
        (void) pthread_condattr_destroy(&attributes);
        (void) pthread_mutex_init(&patience->mutex, NULL);
        if (pthread_create(&patience->thread, NULL, watch, patience) != 0) {
                free(patience);
                return NULL;
        }
        return patience;
}

Patience *patience_end(Patience *patience)
{
        if (!patience)
                return NULL;
        (void) pthread_mutex_lock(&patience->mutex);
        patience->over = true;
        (void) pthread_cond_signal(&patience->changed);
        (void) pthread_mutex_unlock(&patience->mutex);
        (void) pthread_join(patience->thread, NULL);
        (void) pthread_cond_destroy(&patience->changed);
        (void) pthread_mutex_destroy(&patience->mutex);
        free(patience);
        return NULL;
}
