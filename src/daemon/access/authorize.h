/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Who may do what: every method that does more than read asks here, and nowhere else. Root and the service's
 * own user may do everything; for everybody else polkit decides, by the policy in dbus/ and the rules beside
 * it. Without an answer from polkit the service's group (the application) may report corruption, and nobody
 * may do anything else. Loop only. */

#include "daemon/bus/caller.h"

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

typedef struct Polkit Polkit;

/* Who decides; NULL for nobody. Borrowed. */
void authorize_through(Polkit *polkit);

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
