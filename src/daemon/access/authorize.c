/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/access/authorize.h"

#include <unistd.h>

#include "base/clock.h"
#include "base/names.h"
#include "daemon/access/grants.h"
#include "daemon/access/polkit.h"
#include "daemon/audit/audit.h"
#include "daemon/bus/bus-argument.h"

/* `polkit` is the name in dbus/org.oracxpred.Persistence1.policy.in. Importing brings data in that the next
 * restore may take, and so it is restoring to polkit. */
static const struct {
        const char *polkit;
        const char *what; /* follows "may not" */
        bool often;       /* an application asks many times a second: see grants.h */
} action_table[_ACTION_MAX] = {
                [ACTION_BACKUP] = {BUS_NAME ".backup", "take backups"},
                [ACTION_VERIFY] = {BUS_NAME ".verify", "verify backups or the database"},
                [ACTION_DELETE] = {BUS_NAME ".delete", "remove backups"},
                [ACTION_CONFIGURE] = {BUS_NAME ".configure", "configure the service"},
                [ACTION_RESTORE] = {BUS_NAME ".restore", "restore the database"},
                [ACTION_EXPORT] = {BUS_NAME ".export", "export the database"},
                [ACTION_IMPORT] = {BUS_NAME ".restore", "import a database"},
                [ACTION_MANAGE_ACCOUNTS] = {BUS_NAME ".manage-accounts",
                                "manage the application's accounts"},
                [ACTION_READ_LOGS] = {BUS_NAME ".read-logs", "read the application's logs"},
                [ACTION_APPEND_LOGS] = {BUS_NAME ".append-logs", "append to the application's logs", true},
                [ACTION_USE_PREDICTIONS] = {BUS_NAME ".use-predictions", "use the predictions", true},
                [ACTION_REPORT] = {BUS_NAME ".report-corruption", "report corruption"},
};

static Polkit *authority;
static Grants grants;

void authorize_through(Polkit *polkit)
{
        authority = polkit;
}

static bool is_privileged(const Caller *caller)
{
        return caller->uid == 0 || caller->uid == geteuid();
}

static int refuse(sd_bus_message *message,
                Action action,
                Verdict verdict,
                const Caller *caller,
                sd_bus_error *error)
{
        const char *what = action_table[action].what, *polkit = action_table[action].polkit;

        audit_refused(caller, sd_bus_message_get_member(message), what);
        if (verdict == VERDICT_DENIED)
                return bus_error(error,
                                SD_BUS_ERROR_ACCESS_DENIED,
                                "You may not %s: polkit does not allow you %s; root may",
                                what,
                                polkit);
        if (verdict != VERDICT_CHALLENGE)
                return bus_error(error,
                                SD_BUS_ERROR_ACCESS_DENIED,
                                "You may not %s: only root and the service's own user may%s",
                                what,
                                verdict == VERDICT_PENDING
                                                ? ", since a property's change can't wait for polkit"
                                : authority ? ", since polkit gives no answer"
                                            : "");
        return bus_error(error,
                        SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED,
                        "You may not %s without a password (%s), and %s",
                        what,
                        polkit,
                        sd_bus_message_get_allow_interactive_authorization(message) > 0
                                        ? "no agent is there to ask for it"
                                        : "the call does not allow to ask for it");
}

static int ask(sd_bus_message *message,
                Action action,
                const char *backup,
                const Caller *caller,
                Verdict *ret,
                sd_bus_error *error)
{
        const char *sender = sd_bus_message_get_sender(message),
                   *method = sd_bus_message_get_member(message);
        const char *polkit = action_table[action].polkit;
        _cleanup_fault_ Fault fault = {0};
        bool often = action_table[action].often;
        /* A password that somebody typed is good for the one call, unless polkit itself says more. */
        bool lasting = often && sd_bus_message_get_allow_interactive_authorization(message) <= 0;
        bool granted;

        if (!authority) {
                *ret = VERDICT_NONE;
                return 0;
        }
        granted = often && grants_have(&grants, sender, polkit, method, clock_monotonic_usec());
        if (polkit_take_answer(authority, message, polkit, ret)) {
                if (lasting && !granted && *ret == VERDICT_ALLOWED)
                        grants_add(&grants, sender, polkit, method, clock_monotonic_usec());
                return 0;
        }
        if (!granted && polkit_ask(authority, message, caller->uid, polkit, backup, lasting, &fault) < 0)
                return bus_fault(error, &fault);
        *ret = granted ? VERDICT_ALLOWED : VERDICT_PENDING;
        return 0;
}

int authorize_backup(
                sd_bus_message *message, Action action, const char *backup, Caller *ret, sd_bus_error *error)
{
        Verdict verdict;
        Caller caller;
        int r;

        r = caller_of(message, &caller, error);
        if (r < 0)
                return r;
        if (!is_privileged(&caller)) {
                r = ask(message, action, backup && backup[0] ? backup : NULL, &caller, &verdict, error);
                if (r < 0)
                        return r;
                if (verdict == VERDICT_PENDING)
                        return 0;
                if (verdict != VERDICT_ALLOWED && !(verdict == VERDICT_NONE && action == ACTION_REPORT &&
                                                                  caller_is_in_own_group(message)))
                        return refuse(message, action, verdict, &caller, error);
        }
        *ret = caller;
        return 1;
}

int authorize(sd_bus_message *message, Action action, Caller *ret, sd_bus_error *error)
{
        return authorize_backup(message, action, NULL, ret, error);
}

int authorize_at_once(sd_bus_message *message, Action action, Caller *ret, sd_bus_error *error)
{
        Caller caller;
        int r;

        r = caller_of(message, &caller, error);
        if (r < 0)
                return r;
        if (!is_privileged(&caller))
                return refuse(message, action, VERDICT_PENDING, &caller, error);
        *ret = caller;
        return 1;
}
