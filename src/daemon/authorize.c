/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/authorize.h"

#include <unistd.h>

#include "daemon/event.h"

static const char *const action_table[_ACTION_MAX] = {
                [ACTION_BACKUP] = "take backups",
                [ACTION_VERIFY] = "verify backups or the database",
                [ACTION_DELETE] = "remove backups",
                [ACTION_CONFIGURE] = "configure the service",
                [ACTION_RESTORE] = "restore the database",
                [ACTION_EXPORT] = "export the database",
                [ACTION_IMPORT] = "import a database",
                [ACTION_MANAGE_ACCOUNTS] = "manage the application's accounts",
                [ACTION_READ_LOGS] = "read the application's logs",
                [ACTION_APPEND_LOGS] = "append to the application's logs",
                [ACTION_USE_PREDICTIONS] = "use the predictions",
                [ACTION_REPORT] = "report corruption",
};

/* Cut to fit: the kernel's own limits are lower. */
static void keep_text(char *ret, size_t size, const char *text)
{
        (void) snprintf(ret, size, "%s", text);
}

/* Read from /proc: an answer may be missing, and may be another process's by now. */
static void describe_process(sd_bus_message *message, Caller *caller)
{
        __attribute__((cleanup(sd_bus_creds_unrefp))) sd_bus_creds *creds = NULL;
        const char *text;

        if (sd_bus_query_sender_creds(message,
                            SD_BUS_CREDS_PID | SD_BUS_CREDS_COMM | SD_BUS_CREDS_UNIT | SD_BUS_CREDS_SESSION |
                                            SD_BUS_CREDS_AUGMENT,
                            &creds) < 0)
                return;
        if (sd_bus_creds_get_comm(creds, &text) >= 0)
                keep_text(caller->process, sizeof caller->process, text);
        if (sd_bus_creds_get_unit(creds, &text) >= 0)
                keep_text(caller->unit, sizeof caller->unit, text);
        if (sd_bus_creds_get_session(creds, &text) >= 0)
                keep_text(caller->session, sizeof caller->session, text);
}

int caller_of(sd_bus_message *message, Caller *ret, sd_bus_error *error)
{
        __attribute__((cleanup(sd_bus_creds_unrefp))) sd_bus_creds *creds = NULL;
        Caller caller = caller_self();
        int r;

        r = sd_bus_query_sender_creds(message, SD_BUS_CREDS_EUID | SD_BUS_CREDS_PID, &creds);
        if (r >= 0)
                r = sd_bus_creds_get_euid(creds, &caller.uid);
        if (r < 0 || caller.uid == UID_INVALID)
                return sd_bus_error_set(
                                error, SD_BUS_ERROR_ACCESS_DENIED, "The bus does not tell who you are");
        /* Only for the log. */
        if (sd_bus_creds_get_pid(creds, &caller.pid) < 0)
                caller.pid = 0;
        describe_process(message, &caller);
        *ret = caller;
        return 0;
}

/* By what the kernel says of the process, since a group may be had without being in the group database. */
static bool is_in_own_group(sd_bus_message *message)
{
        __attribute__((cleanup(sd_bus_creds_unrefp))) sd_bus_creds *creds = NULL;
        const gid_t *groups;
        gid_t group;
        int n;

        if (sd_bus_query_sender_creds(message,
                            SD_BUS_CREDS_EGID | SD_BUS_CREDS_SUPPLEMENTARY_GIDS | SD_BUS_CREDS_AUGMENT,
                            &creds) < 0)
                return false;
        if (sd_bus_creds_get_egid(creds, &group) >= 0 && group == getegid())
                return true;
        n = sd_bus_creds_get_supplementary_gids(creds, &groups);
        for (int i = 0; i < n; i++)
                if (groups[i] == getegid())
                        return true;
        return false;
}

int authorize(sd_bus_message *message, Action action, Caller *ret, sd_bus_error *error)
{
        Caller caller;
        int r;

        r = caller_of(message, &caller, error);
        if (r < 0)
                return r;
        if (caller.uid != 0 && caller.uid != geteuid() &&
                        !(action == ACTION_REPORT && is_in_own_group(message))) {
                event_refused(&caller, sd_bus_message_get_member(message), action_table[action]);
                return sd_bus_error_setf(error,
                                SD_BUS_ERROR_ACCESS_DENIED,
                                "You may not %s: only root and the service's own user may",
                                action_table[action]);
        }
        *ret = caller;
        return 1;
}
