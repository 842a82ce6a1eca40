/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Who may do what: every method that does more than read asks here, and nowhere else. Root and the service's
 * own user may do everything; for everybody else polkit decides, by the policy in dbus/ and the rules beside
 * it. Without an answer from polkit the service's group (the application) may report corruption, and nobody
 * may do anything else. Loop only.
 *
 * What has to be asked about a caller goes over a second connection, which has no name that anybody could
 * call. On the one that has, a caller could fill the bus's queue to the service, and the answer would be
 * thrown away while the loop waits for it. */

#include <sys/types.h>
#include <systemd/sd-bus.h>

#include "base/macro.h"

#define UID_INVALID ((uid_t) -1)

/* One per kind of risk. */
typedef enum Action {
        ACTION_BACKUP,
        ACTION_VERIFY,
        ACTION_DELETE,
        ACTION_CONFIGURE,
        ACTION_RESTORE,
        ACTION_EXPORT,
        ACTION_IMPORT,
        ACTION_MANAGE_ACCOUNTS,
        ACTION_READ_LOGS,
        ACTION_APPEND_LOGS,
        ACTION_USE_PREDICTIONS,
        ACTION_REPORT, /* of corruption: the members of the service's group may, too */
        _ACTION_MAX,
        _ACTION_INVALID = -EINVAL,
} Action;

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

typedef struct Polkit Polkit;

/* Whom to ask about callers, and who decides; NULL for the second: nobody. Borrowed. */
void authorize_through(sd_bus *inquiry_bus, Polkit *polkit);

/* > 0: go on, with *ret filled. 0: the answer is not there yet, and the message will be dispatched again
 * when it is; the handler returns 1 and must not have changed anything. Negative: refused (or the caller
 * can't be told), with *error filled; a refusal is logged. A handler asks once, after it has read all
 * arguments: the place of reading is lost. */
int authorize(sd_bus_message *message, Action action, Caller *ret, sd_bus_error *error);

/* The same about one backup (NULL or "": none), whose name polkit's rules then see. */
int authorize_backup(sd_bus_message *message,
                Action action,
                const char *backup,
                Caller *ret,
                sd_bus_error *error);

/* Lets in root and the service's own user alone: for properties, whose setters can't wait. Never 0. */
int authorize_at_once(sd_bus_message *message, Action action, Caller *ret, sd_bus_error *error);
