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

static sd_bus *inquiries;
static Polkit *authority;
static Grants grants;

void authorize_through(sd_bus *inquiry_bus, Polkit *polkit)
{
        inquiries = inquiry_bus;
        authority = polkit;
}

static int inquire(sd_bus_message *message, uint64_t mask, sd_bus_creds **ret)
{
        const char *sender = sd_bus_message_get_sender(message);

        return sender ? sd_bus_get_name_creds(inquiries, sender, mask, ret) : -ENODATA;
}

/* Cut to fit: the kernel's own limits are lower. */
static void keep_text(char *ret, size_t size, const char *text)
{
        (void) snprintf(ret, size, "%s", text);
}

static void describe_process(sd_bus_creds *creds, Caller *caller)
{
        const char *text;

        if (sd_bus_creds_get_pid(creds, &caller->pid) < 0)
                caller->pid = 0;
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
        const uint64_t told = SD_BUS_CREDS_EUID | SD_BUS_CREDS_PID;
        Caller caller = caller_self();
        int r;

        /* What the bus doesn't tell is read from /proc, which may be of another process by now. */
        r = inquire(message,
                        told | SD_BUS_CREDS_COMM | SD_BUS_CREDS_UNIT | SD_BUS_CREDS_SESSION |
                                        SD_BUS_CREDS_AUGMENT,
                        &creds);
        if (r < 0)
                r = inquire(message, told, &creds);
        if (r >= 0 && !(sd_bus_creds_get_augmented_mask(creds) & SD_BUS_CREDS_EUID))
                r = sd_bus_creds_get_euid(creds, &caller.uid);
        if (r < 0 || caller.uid == UID_INVALID)
                return sd_bus_error_set(
                                error, SD_BUS_ERROR_ACCESS_DENIED, "The bus does not tell who you are");
        describe_process(creds, &caller);
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

        if (inquire(message,
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
                return sd_bus_error_setf(error,
                                SD_BUS_ERROR_ACCESS_DENIED,
                                "You may not %s: polkit does not allow you %s; root may",
                                what,
                                polkit);
        if (verdict != VERDICT_CHALLENGE)
                return sd_bus_error_setf(error,
                                SD_BUS_ERROR_ACCESS_DENIED,
                                "You may not %s: only root and the service's own user may%s",
                                what,
                                verdict == VERDICT_PENDING
                                                ? ", since a property's change can't wait for polkit"
                                : authority ? ", since polkit gives no answer"
                                            : "");
        return sd_bus_error_setf(error,
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
                                                                  is_in_own_group(message)))
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
