/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/latency/response-times.h"

#include <string.h>

#include "base/clock.h"
#include "daemon/latency/histogram.h"
#include "daemon/manager.h"

typedef struct Method {
        const char *interface;
        const char *name;
        sd_bus_message_handler_t handler;
        Histogram *histogram; /* NULL until the first reply */
} Method;

/* A vtable of ours, each handler replaced by on_call(). */
typedef struct Measured {
        struct Measured *next;
        sd_bus_vtable *vtable;
        Method *methods;
        size_t n_methods;
} Measured;

/* A call between its arrival and its reply. */
typedef struct Call {
        struct Call *next;
        sd_bus_message *message; /* borrowed: who keeps the call has the reference */
        Method *method;
        uint64_t arrived_usec;
        unsigned n_keepers;
} Call;

struct ResponseTimes {
        Measured *measured;
        Call *calls;  /* those that are kept */
        Call current; /* the one whose handler runs; no message outside of handlers */
};

int response_times_new(ResponseTimes **ret)
{
        *ret = calloc(1, sizeof(ResponseTimes));
        return *ret ? 0 : -ENOMEM;
}

static void measured_free(Measured *measured)
{
        for (size_t i = 0; measured->methods && i < measured->n_methods; i++)
                free(measured->methods[i].histogram);
        free(measured->methods);
        free(measured->vtable);
        free(measured);
}

ResponseTimes *response_times_free(ResponseTimes *times)
{
        if (!times)
                return NULL;
        while (times->measured) {
                Measured *measured = times->measured;

                times->measured = measured->next;
                measured_free(measured);
        }
        while (times->calls) {
                Call *call = times->calls;

                times->calls = call->next;
                free(call);
        }
        free(times);
        return NULL;
}

static Method *find_method(const ResponseTimes *times, sd_bus_message *message)
{
        const char *interface = sd_bus_message_get_interface(message),
                   *member = sd_bus_message_get_member(message);

        for (const Measured *measured = times->measured; measured; measured = measured->next)
                for (size_t i = 0; i < measured->n_methods; i++) {
                        Method *method = measured->methods + i;

                        /* sd-bus hands no call over that leaves the interface out: several interfaces have
                         * members of one name, whose handlers expect different objects. */
                        if (interface && strcmp(method->name, member) == 0 &&
                                        strcmp(method->interface, interface) == 0)
                                return method;
                }
        return NULL;
}

static Call *find_call(const ResponseTimes *times, const sd_bus_message *message)
{
        for (Call *call = times->calls; call; call = call->next)
                if (call->message == message)
                        return call;
        return NULL;
}

static void forget_call(ResponseTimes *times, const Call *call)
{
        for (Call **link = &times->calls; *link; link = &(*link)->next)
                if (*link == call) {
                        *link = call->next;
                        break;
                }
        free((Call *) call);
}

static void count(Method *method, uint64_t arrived_usec)
{
        if (!method->histogram)
                method->histogram = calloc(1, sizeof(Histogram));
        if (method->histogram)
                histogram_add(method->histogram, clock_monotonic_usec() - arrived_usec);
}

static int on_call(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        /* What was registered, while `userdata` is the object that was found at the path. */
        Manager *manager =
                        sd_bus_slot_get_userdata(sd_bus_get_current_slot(sd_bus_message_get_bus(message)));
        ResponseTimes *times = manager->response_times;
        Method *method = find_method(times, message);
        Call *call = find_call(times, message);
        int r;

        if (!method)
                return -ENOENT;
        /* One that comes back from polkit has arrived before. */
        times->current = (Call){
                        .message = message,
                        .method = method,
                        .arrived_usec = call ? call->arrived_usec : clock_monotonic_usec(),
        };
        r = method->handler(message, userdata, error);
        call = find_call(times, message);
        if (!call || call->n_keepers == 0 || r < 0 || sd_bus_error_is_set(error)) {
                count(method, times->current.arrived_usec);
                if (call)
                        forget_call(times, call);
        }
        times->current = (Call){0};
        return r;
}

sd_bus_message *response_times_keep(ResponseTimes *times, sd_bus_message *message)
{
        Call *call = find_call(times, message);

        if (!call && times->current.message == message && (call = malloc(sizeof *call))) {
                *call = times->current;
                call->next = times->calls;
                times->calls = call;
        }
        if (call)
                call->n_keepers++;
        return sd_bus_message_ref(message);
}

void response_times_release(ResponseTimes *times, sd_bus_message *message)
{
        Call *call = message ? find_call(times, message) : NULL;

        /* While its handler runs, on_call() sees to it. */
        if (call && --call->n_keepers == 0 && times->current.message != message) {
                count(call->method, call->arrived_usec);
                forget_call(times, call);
        }
        (void) sd_bus_message_unref(message);
}

static size_t vtable_length(const sd_bus_vtable *vtable)
{
        size_t n = 1;

        while (vtable[n - 1].type != _SD_BUS_VTABLE_END)
                n++;
        return n;
}

static Measured *measure(const char *interface, const sd_bus_vtable *vtable)
{
        size_t length = vtable_length(vtable);
        Measured *measured = calloc(1, sizeof *measured);

        if (!measured)
                return NULL;
        measured->vtable = calloc(length, sizeof *vtable);
        measured->methods = calloc(length, sizeof *measured->methods);
        if (!measured->vtable || !measured->methods) {
                measured_free(measured);
                return NULL;
        }
        memcpy(measured->vtable, vtable, length * sizeof *vtable);
        for (size_t i = 0; i < length; i++) {
                sd_bus_vtable *row = measured->vtable + i;

                if (row->type != _SD_BUS_VTABLE_METHOD)
                        continue;
                measured->methods[measured->n_methods++] = (Method){
                                .interface = interface,
                                .name = row->x.method.member,
                                .handler = row->x.method.handler,
                };
                row->x.method.handler = on_call;
        }
        return measured;
}

int response_times_add_vtable(Manager *manager,
                const char *path,
                const char *interface,
                const sd_bus_vtable *vtable,
                sd_bus_object_find_t find)
{
        Measured *measured = measure(interface, vtable);

        if (!measured)
                return -ENOMEM;
        measured->next = manager->response_times->measured;
        manager->response_times->measured = measured;
        return find ? sd_bus_add_fallback_vtable(
                                      manager->bus, NULL, path, interface, measured->vtable, find, manager)
                    : sd_bus_add_object_vtable(
                                      manager->bus, NULL, path, interface, measured->vtable, manager);
}

static int append_method(const Method *method, sd_bus_message *message)
{
        const Histogram *histogram = method->histogram;
        const char *interface = strrchr(method->interface, '.');
        char name[128];

        (void) snprintf(name,
                        sizeof name,
                        "%s.%s",
                        interface ? interface + 1 : method->interface,
                        method->name);
        return sd_bus_message_append(message,
                        "(sttttttt)",
                        name,
                        histogram->count,
                        histogram->total_usec,
                        histogram_mean_usec(histogram),
                        histogram_quantile_usec(histogram, 50),
                        histogram_quantile_usec(histogram, 95),
                        histogram_quantile_usec(histogram, 99),
                        histogram->maximum_usec);
}

int response_times_append(const ResponseTimes *times, sd_bus_message *message)
{
        int r = sd_bus_message_open_container(message, 'a', "(sttttttt)");

        for (const Measured *measured = times->measured; r >= 0 && measured; measured = measured->next)
                for (size_t i = 0; r >= 0 && i < measured->n_methods; i++)
                        if (measured->methods[i].histogram)
                                r = append_method(measured->methods + i, message);
        return r < 0 ? r : sd_bus_message_close_container(message);
}
