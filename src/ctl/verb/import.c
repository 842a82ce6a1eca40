/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* import: makes a backup from an export, and on wish restores it. */

#include "base/names.h"
#include "ctl/call/confirm.h"
#include "ctl/call/passed-file.h"
#include "ctl/show/text.h"
#include "ctl/verb/restoring.h"
#include "ctl/verb/verbs.h"

static int append_arguments(sd_bus_message *call, int fd, const char *path, const char *label)
{
        int r = sd_bus_message_append(call, "h", fd);

        if (r >= 0)
                r = sd_bus_message_open_container(call, SD_BUS_TYPE_ARRAY, "{sv}");
        if (r >= 0)
                r = passed_file_append_name(call, path);
        if (r >= 0 && label)
                r = sd_bus_message_append(call, "{sv}", "label", "s", label);
        return r < 0 ? r : sd_bus_message_close_container(call);
}

static int import_file(Session *session, JobWaiter *waiter, json_object **ret_outcome, Fault *fault)
{
        const Arguments *arguments = session->arguments;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        _cleanup_json_ json_object *outcome = NULL;
        _cleanup_free_ char *path = NULL;
        _cleanup_close_ int fd = -EBADF;
        int r = passed_file_open(arguments->operands[0], &fd, &path, fault);

        if (r >= 0)
                r = session_new_call(session, BUS_PATH, BUS_INTERFACE_MANAGER, "Import", &call, fault);
        if (r < 0)
                return r;
        r = append_arguments(call, fd, path, arguments->label);
        if (r < 0)
                return session_set_errno(r, fault);
        r = job_run(waiter, call, "import", &outcome, fault);
        if (r >= 0)
                r = job_outcome_fault(session, outcome, fault);
        if (r >= 0)
                *ret_outcome = TAKE_PTR(outcome);
        return r;
}

static void print_imported(const Session *session, json_object *outcome)
{
        if (session->arguments->no_wait)
                job_print_queued(outcome);
        else if (!session->arguments->quiet) {
                text_print(stdout, document_text(outcome, "Name"));
                (void) puts(session->arguments->given & OPTION_RESTORE ? ": imported"
                                                                       : ": imported; `oracxpredctl "
                                                                         "restore` with this name puts it "
                                                                         "in the database's place");
                (void) fflush(stdout);
        }
}

/* The document of both: the restore's outcome, with the import's within. */
static int restore_imported(Session *session, JobWaiter *waiter, json_object *imported, Fault *fault)
{
        _cleanup_json_ json_object *outcome = NULL;
        int r = restoring_run(session, waiter, document_text(imported, "Name"), &outcome, fault);

        if (r < 0)
                return fault_prefix(fault,
                                r,
                                "%s is imported, but not restored",
                                document_text(imported, "Name"));
        if (document_put(outcome, "Import", json_object_get(imported)) < 0)
                return session_set_errno(-ENOMEM, fault);
        return restoring_print(session, outcome, fault);
}

int verb_import(Session *session, Fault *fault)
{
        const Arguments *arguments = session->arguments;
        bool restore = arguments->given & OPTION_RESTORE;
        _cleanup_(job_waiter_freep) JobWaiter *waiter = NULL;
        _cleanup_json_ json_object *outcome = NULL;
        int r;

        if (restore && arguments->no_wait)
                return fault_set(fault,
                                FAULT_INVALID_ARGUMENT,
                                "--restore has to wait for the import; leave --no-wait out.");
        if (!restore && arguments->given & (OPTION_FORCE | OPTION_YES))
                return fault_set(fault,
                                FAULT_INVALID_ARGUMENT,
                                "--force and --yes are about restoring; give --restore, too.");
        r = passed_file_check_transport(session, "import", fault);
        if (r >= 0 && restore)
                r = confirm_require(session, fault);
        if (r >= 0)
                r = job_waiter_new(session, false, &waiter, fault);
        if (r >= 0)
                r = import_file(session, waiter, &outcome, fault);
        if (r < 0)
                return r;
        if (!session_json(session))
                print_imported(session, outcome);
        if (restore)
                return restore_imported(session, waiter, outcome, fault);
        return session_json(session) ? session_print_document(session, outcome, fault) : 0;
}
