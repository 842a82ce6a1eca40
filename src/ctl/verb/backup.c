/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* backup: takes one, and says what came of it. The timer's unit runs the same verb with --automatic. */

#include "base/names.h"
#include "base/quantity.h"
#include "ctl/call/backup-objects.h"
#include "ctl/call/job.h"
#include "ctl/show/text.h"
#include "ctl/verb/verbs.h"

static int append_options(sd_bus_message *call, const Arguments *arguments)
{
        int r = sd_bus_message_open_container(call, SD_BUS_TYPE_ARRAY, "{sv}");

        if (r >= 0 && arguments->given & OPTION_LABEL)
                r = sd_bus_message_append(call, "{sv}", "label", "s", arguments->label);
        if (r >= 0 && arguments->given & OPTION_KEEP)
                r = sd_bus_message_append(call, "{sv}", "keep", "b", true);
        if (r >= 0 && arguments->given & OPTION_AUTOMATIC)
                r = sd_bus_message_append(call, "{sv}", "automatic", "b", true);
        return r < 0 ? r : sd_bus_message_close_container(call);
}

/* Puts the properties of the new backup into the outcome. Not being told them, because somebody has removed
 * it already or the service stops, does not make the backup a failure. */
static int add_properties(Session *session, json_object *outcome)
{
        _cleanup_json_ json_object *properties = NULL;
        _cleanup_free_ char *path = NULL;
        _cleanup_fault_ Fault ignored = {0};

        if (backup_objects_path(document_text(outcome, "Name"), &path, &ignored) < 0 ||
                        session_get_properties(session, path, BUS_INTERFACE_BACKUP, &properties, &ignored) <
                                        0)
                return 0;
        json_object_object_foreach (properties, key, value) {
                if (document_put(outcome, key, json_object_get(value)) < 0)
                        return -ENOMEM;
        }
        return 0;
}

static void print_backup(json_object *backup)
{
        char size[QUANTITY_MAX], stored[QUANTITY_MAX], duration[QUANTITY_MAX];

        text_print(stdout, document_text(backup, "Name"));
        if (!document_member(backup, "DatabaseBytes")) {
                (void) puts(": made");
                return;
        }
        quantity_format_size(document_number(backup, "DatabaseBytes"), size);
        quantity_format_size(document_number(backup, "StoredBytes"), stored);
        quantity_format_span(document_number(backup, "DurationUSec"), duration);
        (void) printf(": %s, stored in %s, %s, took %s\n",
                        size,
                        stored,
                        document_number(backup, "VerifiedUSec") > 0 ? "verified" : "not verified",
                        duration);
}

int verb_backup(Session *session, Fault *fault)
{
        _cleanup_(job_waiter_freep) JobWaiter *waiter = NULL;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        _cleanup_json_ json_object *outcome = NULL;
        _cleanup_fault_ Fault failed = {0};
        int r = job_waiter_new(session, false, &waiter, fault);

        if (r < 0)
                return r;
        r = session_new_call(session, BUS_PATH, BUS_INTERFACE_MANAGER, "Backup", &call, fault);
        if (r < 0)
                return r;
        r = append_options(call, session->arguments);
        if (r < 0)
                return session_set_errno(r, fault);
        r = job_run(waiter, call, "backup", &outcome, fault);
        if (r < 0)
                return r;

        (void) job_outcome_fault(session, outcome, &failed);
        if (document_text(outcome, "Name")[0] != '\0') {
                r = add_properties(session, outcome);
                if (r < 0)
                        return session_set_errno(r, fault);
        }
        if (session_json(session))
                r = session_print_document(session, outcome, fault);
        else if (session->arguments->no_wait)
                job_print_queued(outcome);
        else if (failed.code == FAULT_NONE && !session->arguments->quiet)
                print_backup(outcome);
        if (r < 0 || failed.code == FAULT_NONE)
                return r;
        fault_move(fault, &failed);
        return fault_errno(fault->code);
}
