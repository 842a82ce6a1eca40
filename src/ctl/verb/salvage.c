/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* salvage: the rows of a database in the quarantine that the live one lacks, shown, and merged when asked.
 */

#include <inttypes.h>

#include "base/names.h"
#include "ctl/call/confirm.h"
#include "ctl/verb/verbs.h"

static int ask_service(Session *session, const char *name, bool merge, json_object **ret, Fault *fault)
{
        static const char *const keys[] = {"Quarantine", "Tables", "PreRestore", NULL};
        static const char *const table_keys[] = {"Table", "Rows", "Refused", "Differing", NULL};
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
        _cleanup_json_ json_object *answer = NULL;
        json_object *tables;
        int r = session_new_call(session, BUS_PATH, BUS_INTERFACE_MANAGER, "Salvage", &call, fault);

        if (r < 0)
                return r;
        r = sd_bus_message_append(call, "sa{sv}", name, 1, "merge", "b", (int) merge);
        if (r < 0)
                return session_set_errno(r, fault);
        /* It reads both databases whole; a service that goes away ends the call. */
        r = session_call(session, call, UINT64_MAX, "sa(sttt)s", &reply, fault);
        if (r < 0)
                return r;
        r = document_read_fields(reply, keys, &answer);
        if (r >= 0)
                r = document_name_fields(document_member(answer, "Tables"), table_keys, &tables);
        if (r >= 0)
                r = document_put(answer, "Tables", tables);
        if (r < 0)
                return session_set_errno(r, fault);
        *ret = TAKE_PTR(answer);
        return 0;
}

static uint64_t count_rows(json_object *answer)
{
        json_object *tables = document_member(answer, "Tables");
        uint64_t n = 0;

        for (size_t i = 0; i < json_object_array_length(tables); i++)
                n += document_number(json_object_array_get_idx(tables, i), "Rows");
        return n;
}

static int print_tables(Session *session, json_object *answer, Fault *fault)
{
        static const char *const names[] = {"TABLE", "MISSING HERE", "REFUSED", "OTHERWISE HERE", NULL};
        static const char *const keys[] = {"Rows", "Refused", "Differing"};
        _cleanup_(table_freep) Table *table = table_new(names);
        json_object *tables = document_member(answer, "Tables");

        if (!table)
                return session_set_errno(-ENOMEM, fault);
        for (size_t i = 0; i < json_object_array_length(tables); i++) {
                json_object *row = json_object_array_get_idx(tables, i);

                table_add(table, STYLE_PLAIN, document_text(row, "Table"));
                for (size_t j = 0; j < ELEMENTSOF(keys); j++)
                        table_addf(table, STYLE_PLAIN, "%" PRIu64, document_number(row, keys[j]));
        }
        for (size_t column = 1; column <= ELEMENTSOF(keys); column++)
                table_align_right(table, column);
        return json_object_array_length(tables) > 0 ? session_print_table(session, table, fault) : 0;
}

static int print_plan(Session *session, json_object *plan, Fault *fault)
{
        uint64_t n = count_rows(plan);
        int r = print_tables(session, plan, fault);

        if (r < 0)
                return r;
        if (n == 0)
                session_print_legend(session,
                                "%s has no row that can be read and merged, and that the database lacks.",
                                document_text(plan, "Quarantine"));
        else
                session_print_legend(session,
                                "%s has %" PRIu64
                                " rows that the database lacks; --yes merges them. Those that were "
                                "deleted here since come back, too.",
                                document_text(plan, "Quarantine"),
                                n);
        return 0;
}

static int merge(Session *session, const char *name, Fault *fault)
{
        _cleanup_json_ json_object *answer = NULL;
        int r = ask_service(session, name, true, &answer, fault);

        if (r < 0)
                return r;
        if (session_json(session))
                return session_print_document(session, answer, fault);
        r = print_tables(session, answer, fault);
        if (r >= 0 && !session->arguments->quiet)
                session_print_legend(session,
                                "%" PRIu64 " rows merged%s%s.",
                                count_rows(answer),
                                document_text(answer, "PreRestore")[0]
                                                ? "; what there was before is kept as "
                                                : "",
                                document_text(answer, "PreRestore"));
        return r;
}

static int ask_and_merge(Session *session, json_object *plan, Fault *fault)
{
        _cleanup_free_ char *question = NULL;
        int r;

        if (asprintf(&question, "Merge these %" PRIu64 " rows into the database?", count_rows(plan)) < 0) {
                question = NULL;
                return session_set_errno(-ENOMEM, fault);
        }
        r = confirm_ask(session, question, "the database is as it was", fault);
        /* The one that was shown: a newer one may be there by now. */
        return r < 0 ? r : merge(session, document_text(plan, "Quarantine"), fault);
}

int verb_salvage(Session *session, Fault *fault)
{
        const Arguments *arguments = session->arguments;
        const char *name = arguments->n_operands > 0 ? arguments->operands[0] : "";
        bool dry_run = arguments->given & OPTION_DRY_RUN;
        _cleanup_json_ json_object *plan = NULL;
        int r;

        if (!confirm_asks(session) && !dry_run)
                return merge(session, name, fault);
        r = ask_service(session, name, false, &plan, fault);
        if (r < 0)
                return r;
        if (session_json(session))
                return session_print_document(session, plan, fault);
        r = print_plan(session, plan, fault);
        if (r < 0 || dry_run || !confirm_can_ask() || count_rows(plan) == 0)
                return r;
        return ask_and_merge(session, plan, fault);
}
