/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* cleanup: what goes by retention's decision. */

#include <string.h>

#include "base/names.h"
#include "ctl/show/terminal.h"
#include "ctl/verb/verbs.h"

static int apply_retention(Session *session, json_object **ret, Fault *fault)
{
        static const char *const keys[] = {"Name", "Decision", "Reason", NULL};
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
        _cleanup_json_ json_object *rows = NULL;
        int r = session_new_call(session, BUS_PATH, BUS_INTERFACE_MANAGER, "Cleanup", &call, fault);

        if (r < 0)
                return r;
        if (session->arguments->given & OPTION_DRY_RUN)
                r = sd_bus_message_append(call, "a{sv}", 1, "dry-run", "b", true);
        else
                r = sd_bus_message_append(call, "a{sv}", 0);
        if (r < 0)
                return session_set_errno(r, fault);
        /* It may wait for its turn behind a long backup; a service that goes away ends the call. */
        r = session_call(session, call, UINT64_MAX, "a(sss)", &reply, fault);
        if (r < 0)
                return r;
        r = document_read(reply, &rows);
        if (r >= 0)
                r = document_name_fields(rows, keys, ret);
        return r < 0 ? session_set_errno(r, fault) : 0;
}

static int print_decisions(Session *session, json_object *decisions, Fault *fault)
{
        static const char *const names[] = {"NAME", "DECISION", "REASON", NULL};
        _cleanup_(table_freep) Table *table = table_new(names);
        size_t n = json_object_array_length(decisions), n_dropped = 0;
        int r;

        if (!table)
                return session_set_errno(-ENOMEM, fault);
        for (size_t i = 0; i < n; i++) {
                json_object *decision = json_object_array_get_idx(decisions, i);
                bool drop = strcmp(document_text(decision, "Decision"), "drop") == 0;

                table_add(table, STYLE_PLAIN, document_text(decision, "Name"));
                table_add(table, drop ? STYLE_WARNING : STYLE_PLAIN, document_text(decision, "Decision"));
                table_add(table, STYLE_PLAIN, document_text(decision, "Reason"));
                n_dropped += drop;
        }
        terminal_open_pager(session->arguments->no_pager);
        if (n > 0) {
                r = session_print_table(session, table, fault);
                if (r < 0)
                        return r;
        }
        session_print_legend(session,
                        session->arguments->given & OPTION_DRY_RUN ? "%zu would be dropped, %zu kept."
                                                                   : "%zu dropped, %zu kept.",
                        n_dropped,
                        n - n_dropped);
        return 0;
}

int verb_cleanup(Session *session, Fault *fault)
{
        _cleanup_json_ json_object *decisions = NULL;
        int r = apply_retention(session, &decisions, fault);

        if (r < 0)
                return r;
        if (session_json(session))
                return session_print_document(session, decisions, fault);
        return session->arguments->quiet ? 0 : print_decisions(session, decisions, fault);
}
