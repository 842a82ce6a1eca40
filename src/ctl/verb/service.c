/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* doctor and reload: the service itself. */

#include <string.h>

#include "base/names.h"
#include "ctl/show/terminal.h"
#include "ctl/show/text.h"
#include "ctl/verb/verbs.h"

/* Between what every tool has (0 to 3) and the faults (from 10 on, base/fault.c). */
#define EXIT_DOCTOR_WARNING 4
#define EXIT_DOCTOR_FAULT 5

static int diagnose(Session *session, json_object **ret, Fault *fault)
{
        static const char *const keys[] = {"Check", "Result", "Finding", "WayOut", NULL};
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
        _cleanup_json_ json_object *rows = NULL;
        int r = session_new_call(session, BUS_PATH, BUS_INTERFACE_MANAGER, "Diagnose", &call, fault);

        if (r < 0)
                return r;
        /* It looks at files and may wait for its turn. */
        r = session_call(session, call, UINT64_MAX, "a(ssss)", &reply, fault);
        if (r < 0)
                return r;
        r = document_read(reply, &rows);
        if (r >= 0)
                r = document_name_fields(rows, keys, ret);
        return r < 0 ? session_set_errno(r, fault) : 0;
}

static int exit_status(json_object *findings)
{
        int worst = 0;

        for (size_t i = 0; i < json_object_array_length(findings); i++) {
                json_object *row = json_object_array_get_idx(findings, i);
                const char *result = document_text(row, "Result");

                if (strcmp(result, "warning") == 0 && document_text(row, "WayOut")[0] == '\0')
                        continue; /* nobody can change it here */
                if (strcmp(result, "warning") == 0)
                        worst = MAX_OF(worst, EXIT_DOCTOR_WARNING);
                else if (strcmp(result, "ok") != 0)
                        worst = EXIT_DOCTOR_FAULT;
        }
        return worst;
}

static int print_findings(Session *session, json_object *findings, Fault *fault)
{
        static const char *const names[] = {"CHECK", "RESULT", "FINDING", NULL};
        _cleanup_(table_freep) Table *table = table_new(names);
        size_t n = json_object_array_length(findings), n_warnings = 0, n_faults = 0;
        int r;

        if (!table)
                return session_set_errno(-ENOMEM, fault);
        for (size_t i = 0; i < n; i++) {
                json_object *row = json_object_array_get_idx(findings, i);
                const char *result = document_text(row, "Result"), *way_out = document_text(row, "WayOut");
                bool ok = strcmp(result, "ok") == 0, warning = strcmp(result, "warning") == 0;

                n_warnings += warning;
                n_faults += !ok && !warning;
                table_add(table, STYLE_PLAIN, document_text(row, "Check"));
                table_add(table, ok ? STYLE_GOOD : warning ? STYLE_WARNING : STYLE_BAD, result);
                table_add(table, STYLE_PLAIN, document_text(row, "Finding"));
                if (way_out[0] != '\0') {
                        table_add(table, STYLE_PLAIN, "");
                        table_add(table, STYLE_PLAIN, "");
                        table_addf(table, STYLE_PLAIN, "-> %s", way_out);
                }
        }
        terminal_open_pager(session->arguments->no_pager);
        r = session_print_table(session, table, fault);
        if (r < 0)
                return r;
        session_print_legend(session,
                        "%zu checks: %zu ok, %zu warning%s, %zu fault%s.",
                        n,
                        n - n_warnings - n_faults,
                        n_warnings,
                        n_warnings == 1 ? "" : "s",
                        n_faults,
                        n_faults == 1 ? "" : "s");
        return 0;
}

int verb_doctor(Session *session, Fault *fault)
{
        _cleanup_json_ json_object *findings = NULL;
        int r = diagnose(session, &findings, fault);

        if (r < 0)
                return r;
        if (session_json(session))
                r = session_print_document(session, findings, fault);
        else if (!session->arguments->quiet)
                r = print_findings(session, findings, fault);
        return r < 0 ? r : exit_status(findings);
}

/* Lines that were ignored are no failure of the reload, but who reloads wants to know now. */
static int report_ignored_lines(Session *session, Fault *fault)
{
        _cleanup_json_ json_object *properties = NULL;
        json_object *lines;
        int r = session_get_properties(session, BUS_PATH, BUS_INTERFACE_MANAGER, &properties, fault);

        if (r < 0)
                return r;
        lines = document_member(properties, "ConfigurationFaults");
        if (!json_object_is_type(lines, json_type_array) || json_object_array_length(lines) == 0)
                return 0;
        for (size_t i = 0; i < json_object_array_length(lines); i++) {
                text_print(stderr, json_object_get_string(json_object_array_get_idx(lines, i)));
                (void) fputc('\n', stderr);
        }
        return fault_set(fault,
                        FAULT_CONFIGURATION,
                        "The configuration was read again; the lines above were ignored.");
}

int verb_reload(Session *session, Fault *fault)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        int r = session_new_call(session, BUS_PATH, BUS_INTERFACE_MANAGER, "Reload", &call, fault);

        if (r < 0)
                return r;
        r = session_call(session, call, 0, "", NULL, fault);
        return r < 0 ? r : report_ignored_lines(session, fault);
}
