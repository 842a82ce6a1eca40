/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Who sent a message.
 *
 * What has to be asked about a caller goes over a second connection, which has no name that anybody could
 * call. On the one that has, a caller could fill the bus's queue to the service, and the answer would be
 * thrown away while the loop waits for it. */

#include <sys/types.h>
#include <systemd/sd-bus.h>

#include "base/macro.h"

#define UID_INVALID ((uid_t) -1)

/* Who asked. The bus vouches for uid and pid. The rest, "" when unknown, the kernel tells of the process
 * that has the pid by now: it is for logs alone, and bytes of the process's own choosing. */
typedef struct Caller {
        uid_t uid; /* UID_INVALID for the service itself */
        pid_t pid; /* 0 when unknown or the service itself */
        char process[16];
        char unit[256];
        char session[64];
} Caller;

static inline Caller caller_self(void)
{
        return (Caller){.uid = UID_INVALID};
}

/* Reads who sent the message. Used alone only where everybody may call, to bound what one of them can queue.
 */
int caller_of(sd_bus_message *message, Caller *ret, sd_bus_error *error);

/* True for a process that ran in the service's own group when it connected, as the kernel told the bus: a
 * group may be had without being in the group database, and the pid may be another process's by now. */
bool caller_is_in_own_group(sd_bus_message *message);

/* The connection to ask over. Borrowed. */
void caller_inquire_through(sd_bus *bus);
