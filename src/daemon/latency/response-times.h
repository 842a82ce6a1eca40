/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How long callers wait, per method: from the moment at which a call is handed to its method to its reply,
 * also when that comes from a worker's result or after polkit was asked. The one place that measures is the
 * vtable itself, every method of which is registered through here; so there are as many histograms as known
 * methods, whatever is called. Belongs to the loop. */

#include <systemd/sd-bus.h>

#include "base/macro.h"

typedef struct Manager Manager;
typedef struct ResponseTimes ResponseTimes;

int response_times_new(ResponseTimes **ret);

/* After the bus is closed and every kept call is released. */
ResponseTimes *response_times_free(ResponseTimes *times);

/* Puts a vtable on the Manager's bus, with the Manager as user data: on the object at `path`, or with a
 * `find` on those below it. */
int response_times_add_vtable(Manager *manager,
                const char *path,
                const char *interface,
                const sd_bus_vtable *vtable,
                sd_bus_object_find_t find);

/* Like sd_bus_message_ref() and _unref(), for a call that is answered after its handler has returned: the
 * last release tells that it was. */
sd_bus_message *response_times_keep(ResponseTimes *times, sd_bus_message *call);
void response_times_release(ResponseTimes *times, sd_bus_message *call);

/* a(sttttttt): method ("Manager.Backup"), count, and in µs the sum, mean, p50, p95, p99 and maximum; only
 * methods that were called. */
int response_times_append(const ResponseTimes *times, sd_bus_message *message);
