/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* export: the database as one JSON document, into a file or to standard output. */

#include <signal.h>
#include <string.h>

#include "base/names.h"
#include "base/quantity.h"
#include "ctl/call/export-output.h"
#include "ctl/call/job.h"
#include "ctl/call/passed-file.h"
#include "ctl/show/text.h"
#include "ctl/verb/verbs.h"

static int append_tables(sd_bus_message *call, const Arguments *arguments)
{
        int r = sd_bus_message_open_container(call, SD_BUS_TYPE_DICT_ENTRY, "sv");

        if (r >= 0)
                r = sd_bus_message_append(call, "s", "tables");
        if (r >= 0)
                r = sd_bus_message_open_container(call, SD_BUS_TYPE_VARIANT, "as");
        if (r >= 0)
                r = sd_bus_message_open_container(call, SD_BUS_TYPE_ARRAY, "s");
        for (size_t i = 0; r >= 0 && i < arguments->n_tables; i++)
                r = sd_bus_message_append(call, "s", arguments->tables[i]);
        for (int depth = 0; r >= 0 && depth < 3; depth++)
                r = sd_bus_message_close_container(call);
        return r;
}

static int append_arguments(sd_bus_message *call, const Arguments *arguments, int fd)
{
        int r = sd_bus_message_append(call, "h", fd);

        if (r >= 0)
                r = sd_bus_message_open_container(call, SD_BUS_TYPE_ARRAY, "{sv}");
        if (r >= 0 && arguments->n_tables > 0)
                r = append_tables(call, arguments);
        if (r >= 0 && arguments->style)
                r = sd_bus_message_append(call, "{sv}", "style", "s", arguments->style);
        if (r >= 0 && arguments->given & OPTION_REDACT)
                r = sd_bus_message_append(call, "{sv}", "redact", "b", true);
        return r < 0 ? r : sd_bus_message_close_container(call);
}

/* The call, and with it its duplicate of the descriptor, is gone when this returns. */
static int export_to(Session *session, JobWaiter *waiter, int fd, json_object **ret_outcome, Fault *fault)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        _cleanup_json_ json_object *outcome = NULL;
        int r = session_new_call(session, BUS_PATH, BUS_INTERFACE_MANAGER, "Export", &call, fault);

        if (r < 0)
                return r;
        r = append_arguments(call, session->arguments, fd);
        if (r < 0)
                return session_set_errno(r, fault);
        r = job_run(waiter, call, "export", &outcome, fault);
        if (r >= 0)
                r = job_outcome_fault(session, outcome, fault);
        if (r >= 0)
                *ret_outcome = TAKE_PTR(outcome);
        return r;
}

/* As any program that writes to a pipe whose reader has seen enough. */
static void die_of_broken_pipe(void)
{
        (void) signal(SIGPIPE, SIG_DFL);
        (void) raise(SIGPIPE);
}

static int report(Session *session, const char *path, json_object *outcome, uint64_t bytes, Fault *fault)
{
        char size[QUANTITY_MAX];

        if (session_json(session)) {
                if (document_put(outcome, "File", json_object_new_string(path)) < 0 ||
                                document_put(outcome, "Bytes", json_object_new_uint64(bytes)) < 0)
                        return session_set_errno(-ENOMEM, fault);
                return session_print_document(session, outcome, fault);
        }
        if (session->arguments->quiet)
                return 0;
        quantity_format_size(bytes, size);
        text_print(stdout, path);
        (void) printf(": %s\n", size);
        return 0;
}

int verb_export(Session *session, Fault *fault)
{
        const Arguments *arguments = session->arguments;
        const char *path = arguments->n_operands > 0 ? arguments->operands[0] : "-";
        bool standard = strcmp(path, "-") == 0;
        _cleanup_(job_waiter_freep) JobWaiter *waiter = NULL;
        _cleanup_(export_output_done) ExportOutput output = EXPORT_OUTPUT_INIT;
        _cleanup_json_ json_object *outcome = NULL;
        uint64_t bytes;
        int r;

        if (standard && session_json(session))
                return fault_set(fault,
                                FAULT_INVALID_ARGUMENT,
                                "With --json, standard output is for what came of it. Name a file for the "
                                "export.");
        r = passed_file_check_transport(session, "export", fault);
        if (r >= 0)
                r = job_waiter_new(session, false, &waiter, fault);
        /* Before there is a file that an interruption would leave behind. */
        if (r >= 0)
                r = job_waiter_own(waiter, standard && isatty(STDOUT_FILENO), fault);
        if (r >= 0)
                r = standard ? export_output_open_standard(&output, job_waiter_event(waiter), fault)
                             : export_output_open_file(&output, path, fault);
        if (r >= 0)
                r = export_to(session, waiter, output.fd, &outcome, fault);
        if (r < 0 && export_output_reader_left(&output))
                die_of_broken_pipe();
        if (r >= 0)
                r = export_output_finish(&output, &bytes, fault);
        if (r < 0 || standard)
                return r;
        return report(session, path, outcome, bytes, fault);
}
