/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ctl/verb/restoring.h"

#include <string.h>

#include "base/names.h"
#include "ctl/call/backup-objects.h"
#include "ctl/call/confirm.h"
#include "ctl/call/passed-file.h"
#include "ctl/show/text.h"
#include "ctl/view/plan.h"

int restoring_agree(Session *session, json_object *plan, const char *question, Fault *fault)
{
        bool forced = session->arguments->given & OPTION_FORCE;
        const char *refused = document_text(plan, "Refused");
        int r = session_json(session) ? 0 : plan_print(session, plan, fault);

        if (r < 0)
                return r;
        if (document_flag(plan, "RefusedInUse") && !forced)
                return fault_set(fault,
                                FAULT_DATABASE_IN_USE,
                                "The database file has to be replaced, and other processes have it open. "
                                "Stop them, name their units in ApplicationUnits=, or give --force.");
        if (refused[0] != '\0' && !forced)
                return fault_set(fault, FAULT_CORRUPT, "%s", refused);
        if (!session_json(session))
                (void) fputc('\n', stdout);
        return confirm_ask(session, question, RESTORING_KEPT, fault);
}

/* What a person has agreed to is one backup by its name, not whichever is the newest when the job begins. */
static int agree(Session *session, const char *name, char **ret_name, Fault *fault)
{
        _cleanup_json_ json_object *plan = NULL;
        _cleanup_free_ char *question = NULL, *chosen = NULL;
        int r = plan_get(session, name, &plan, fault);

        if (r < 0)
                return r;
        chosen = strdup(document_text(plan, "Name"));
        if (!chosen || asprintf(&question, "Replace the database with %s?", chosen) < 0) {
                question = NULL;
                return session_set_errno(-ENOMEM, fault);
        }
        r = restoring_agree(session, plan, question, fault);
        if (r >= 0)
                *ret_name = TAKE_PTR(chosen);
        return r;
}

int restoring_end_options(const Session *session, sd_bus_message *call, Fault *fault)
{
        int r = session->arguments->given & OPTION_FORCE
                                ? sd_bus_message_append(call, "{sv}", "force", "b", true)
                                : 0;

        if (r >= 0 && session->arguments->given & OPTION_RESCUE)
                r = sd_bus_message_append(call, "{sv}", "rescue", "b", true);
        if (r < 0)
                return session_set_errno(r, fault);
        r = passed_file_append_keys(session, call, fault);
        if (r < 0)
                return r;
        r = sd_bus_message_close_container(call);
        return r < 0 ? session_set_errno(r, fault) : 0;
}

int restoring_send(JobWaiter *waiter,
                sd_bus_message *call,
                const Session *session,
                const char *operation,
                json_object **ret_outcome,
                Fault *fault)
{
        _cleanup_json_ json_object *outcome = NULL;
        int r = job_run(waiter, call, operation, &outcome, fault);

        if (r >= 0)
                r = job_outcome_fault(session, outcome, fault);
        if (r >= 0)
                *ret_outcome = TAKE_PTR(outcome);
        return r;
}

int restoring_run(Session *session,
                JobWaiter *waiter,
                const char *name,
                json_object **ret_outcome,
                Fault *fault)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        _cleanup_free_ char *agreed = NULL;
        int r;

        if (confirm_asks(session)) {
                r = agree(session, name, &agreed, fault);
                if (r < 0)
                        return r;
                name = agreed;
        }
        r = session_new_call(session, BUS_PATH, BUS_INTERFACE_MANAGER, "Restore", &call, fault);
        if (r < 0)
                return r;
        r = sd_bus_message_append(call, "s", name);
        if (r >= 0)
                r = sd_bus_message_open_container(call, SD_BUS_TYPE_ARRAY, "{sv}");
        if (r < 0)
                return session_set_errno(r, fault);
        r = restoring_end_options(session, call, fault);
        if (r < 0)
                return r;
        r = restoring_send(waiter, call, session, "restore", ret_outcome, fault);
        return r < 0 && name[0] != '\0' ? backup_objects_explain(name, fault) : r;
}

/* What the service can't tell is not promised. */
static bool can_undo(Session *session)
{
        _cleanup_json_ json_object *properties = NULL;

        return session_get_properties(session, BUS_PATH, BUS_INTERFACE_MANAGER, &properties, NULL) >= 0 &&
               document_flag(properties, "CanUndoRestore");
}

static void print_way_back(Session *session, json_object *outcome)
{
        const char *saved_as = document_text(outcome, "SavedAs"),
                   *quarantine = document_text(outcome, "Quarantine");

        if (saved_as[0] == '\0' && quarantine[0] == '\0')
                return;
        (void) fputs("What was there before is kept ", stdout);
        if (saved_as[0] != '\0') {
                (void) fputs("as ", stdout);
                text_print(stdout, saved_as);
        } else {
                (void) fputs("in ", stdout);
                text_print(stdout, quarantine);
        }
        (void) puts(can_undo(session) ? "; `oracxpredctl undo` brings it back."
                                      : "; `oracxpredctl undo --dry-run` shows what bringing it back "
                                        "needs.");
}

int restoring_print(Session *session, json_object *outcome, Fault *fault)
{
        bool replaced = strcmp(document_text(outcome, "Method"), "replace") == 0;

        if (session_json(session))
                return session_print_document(session, outcome, fault);
        if (session->arguments->no_wait)
                job_print_queued(outcome);
        else if (!session->arguments->quiet) {
                text_print(stdout, document_text(outcome, "Name"));
                (void) puts(replaced ? ": restored, as a new file in the place of the old one"
                                     : ": restored in place; connected processes go on with it");
                print_way_back(session, outcome);
        }
        return 0;
}
