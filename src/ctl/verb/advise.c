/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* advise: which indexes the application's tables lack. */

#include <string.h>

#include "base/names.h"
#include "ctl/show/terminal.h"
#include "ctl/verb/verbs.h"

static int print_advice(Session *session, json_object *indexes, Fault *fault)
{
        static const char *const names[] = {"TABLE", "COLUMNS", "REASON", "STATEMENT", NULL};
        _cleanup_(table_freep) Table *table = table_new(names);
        size_t n = json_object_array_length(indexes);
        int r;

        if (!table)
                return session_set_errno(-ENOMEM, fault);
        for (size_t i = 0; i < n; i++) {
                json_object *row = json_object_array_get_idx(indexes, i);
                const char *reason = document_text(row, "Reason");

                table_add(table, STYLE_BOLD, document_text(row, "Table"));
                table_add(table, STYLE_PLAIN, document_text(row, "Columns"));
                table_add(table,
                                STYLE_PLAIN,
                                strcmp(reason, "foreign-key") == 0 ? "foreign key"
                                : strcmp(reason, "marked") == 0    ? "marked in the schema"
                                                                   : reason);
                table_addf(table, STYLE_PLAIN, "%s;", document_text(row, "Statement"));
        }
        terminal_open_pager(session->arguments->no_pager);
        if (n > 0) {
                r = session_print_table(session, table, fault);
                if (r < 0)
                        return r;
        }
        session_print_legend(session, "%zu missing index%s.", n, n == 1 ? "" : "es");
        return 0;
}

int verb_advise(Session *session, Fault *fault)
{
        static const char *const keys[] = {"Table", "Columns", "Reason", "Statement", NULL};
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
        _cleanup_json_ json_object *rows = NULL, *indexes = NULL;
        int r = session_new_call(session, BUS_PATH, BUS_INTERFACE_MANAGER, "Advise", &call, fault);

        if (r < 0)
                return r;
        r = session_call(session, call, 0, "a(ssss)", &reply, fault);
        if (r < 0)
                return r;
        r = document_read(reply, &rows);
        if (r >= 0)
                r = document_name_fields(rows, keys, &indexes);
        if (r < 0)
                return session_set_errno(r, fault);
        return session_json(session) ? session_print_document(session, indexes, fault)
                                     : print_advice(session, indexes, fault);
}
