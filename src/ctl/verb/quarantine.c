/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* quarantine: the databases that a restore or a repair put aside, and what of them is nowhere else. */

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/names.h"
#include "base/quantity.h"
#include "ctl/call/confirm.h"
#include "ctl/call/job-batch.h"
#include "ctl/show/moment.h"
#include "ctl/show/terminal.h"
#include "ctl/verb/verbs.h"
#include "ctl/view/fields.h"

static int read_incidents(Session *session, json_object **ret, Fault *fault)
{
        static const char *const keys[] = {"Name",
                        "USec",
                        "Bytes",
                        "Worth",
                        "Source",
                        "Undo",
                        "Rescued",
                        "Lost",
                        "PerhapsLost",
                        "Tables",
                        NULL};
        static const char *const table_keys[] = {
                        "Table", "Sound", "Rows", "Rescued", "FromBackup", "Lost", "PerhapsLost", NULL};
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
        _cleanup_json_ json_object *rows = NULL, *incidents = NULL;
        int r = session_new_call(session, BUS_PATH, BUS_INTERFACE_MANAGER, "ListQuarantine", &call, fault);

        if (r >= 0)
                r = session_call(session, call, 0, "a(sttssbttta(sbttttt))", &reply, fault);
        if (r < 0)
                return r;
        r = document_read(reply, &rows);
        if (r >= 0)
                r = document_name_fields(rows, keys, &incidents);
        for (size_t i = 0; r >= 0 && i < json_object_array_length(incidents); i++) {
                json_object *incident = json_object_array_get_idx(incidents, i), *tables;

                r = document_name_fields(document_member(incident, "Tables"), table_keys, &tables);
                if (r >= 0)
                        r = document_put(incident, "Tables", tables);
        }
        if (r < 0)
                return session_set_errno(r, fault);
        *ret = TAKE_PTR(incidents);
        return 0;
}

static json_object *find(json_object *incidents, const char *name)
{
        for (size_t i = 0; i < json_object_array_length(incidents); i++) {
                json_object *incident = json_object_array_get_idx(incidents, i);

                if (strcmp(document_text(incident, "Name"), name) == 0)
                        return incident;
        }
        return NULL;
}

static const char *describe_worth(json_object *incident)
{
        const char *worth = document_text(incident, "Worth");

        if (strcmp(worth, "spent") == 0)
                return document_flag(incident, "Undo") ? "nothing of its own; undo needs it"
                                                       : "nothing of its own";
        if (strcmp(worth, "rows") == 0)
                return "rows that could not be read";
        return "nobody knows; it was compared with nothing";
}

static Style worth_style(json_object *incident)
{
        return strcmp(document_text(incident, "Worth"), "spent") == 0 ? STYLE_PLAIN : STYLE_WARNING;
}

static void add_incident(Table *table, json_object *incident, uint64_t now_usec)
{
        char age[MOMENT_MAX], size[QUANTITY_MAX];

        moment_format_relative(document_number(incident, "USec"), now_usec, age);
        quantity_format_size(document_number(incident, "Bytes"), size);
        table_add(table, STYLE_BOLD, document_text(incident, "Name"));
        table_add(table, STYLE_PLAIN, age);
        table_add(table, STYLE_PLAIN, size);
        table_addf(table, STYLE_PLAIN, "%" PRIu64, document_number(incident, "Rescued"));
        table_addf(table,
                        STYLE_PLAIN,
                        "%" PRIu64,
                        document_number(incident, "Lost") + document_number(incident, "PerhapsLost"));
        table_add(table, worth_style(incident), describe_worth(incident));
}

static int list(Session *session, json_object *incidents, Fault *fault)
{
        static const char *const names[] = {"NAME", "AGE", "SIZE", "RESCUED", "LOST", "HOLDS", NULL};
        _cleanup_(table_freep) Table *table = table_new(names);
        size_t n = json_object_array_length(incidents);
        uint64_t now_usec = clock_now_usec(), bytes = 0;
        char size[QUANTITY_MAX];
        int r;

        if (!table)
                return session_set_errno(-ENOMEM, fault);
        for (size_t i = 0; i < n; i++) {
                add_incident(table, json_object_array_get_idx(incidents, i), now_usec);
                bytes += document_number(json_object_array_get_idx(incidents, i), "Bytes");
        }
        for (size_t column = 2; column <= 4; column++)
                table_align_right(table, column);
        r = session_print_table(session, table, fault);
        if (r < 0)
                return r;
        quantity_format_size(bytes, size);
        session_print_legend(session, "%zu in the quarantine, %s.", n, size);
        return 0;
}

static int print_tables(Session *session, json_object *tables, Fault *fault)
{
        static const char *const names[] = {
                        "TABLE", "ROWS NOW", "RESCUED", "FROM BACKUP", "LOST", "PERHAPS LOST", NULL};
        static const char *const keys[] = {"Rows", "Rescued", "FromBackup", "Lost", "PerhapsLost"};
        _cleanup_(table_freep) Table *table = table_new(names);

        if (!table)
                return session_set_errno(-ENOMEM, fault);
        for (size_t i = 0; i < json_object_array_length(tables); i++) {
                json_object *row = json_object_array_get_idx(tables, i);

                table_add(table,
                                document_flag(row, "Sound") ? STYLE_PLAIN : STYLE_WARNING,
                                document_text(row, "Table"));
                for (size_t j = 0; j < ELEMENTSOF(keys); j++)
                        table_addf(table, STYLE_PLAIN, "%" PRIu64, document_number(row, keys[j]));
        }
        for (size_t column = 1; column <= ELEMENTSOF(keys); column++)
                table_align_right(table, column);
        (void) putchar('\n');
        return session_print_table(session, table, fault);
}

static int show(Session *session, json_object *incident, Fault *fault)
{
        _cleanup_(table_freep) Table *fields = fields_new();
        json_object *tables = document_member(incident, "Tables");
        const char *source = document_text(incident, "Source");
        char size[QUANTITY_MAX];
        int r;

        if (!fields)
                return session_set_errno(-ENOMEM, fault);
        quantity_format_size(document_number(incident, "Bytes"), size);
        fields_add(fields, "Name", STYLE_BOLD, document_text(incident, "Name"));
        fields_add_moment(fields, "Put aside", document_number(incident, "USec"), clock_now_usec());
        fields_add(fields, "Size", STYLE_PLAIN, size);
        fields_add(fields, "Rescued into", STYLE_PLAIN, source);
        fields_add(fields, "Holds", worth_style(incident), describe_worth(incident));
        r = fields_print(session, fields, fault);
        return r >= 0 && json_object_array_length(tables) > 0 ? print_tables(session, tables, fault) : r;
}

static int ask(const Session *session, Fault *fault)
{
        _cleanup_free_ char *question = NULL;

        if (asprintf(&question,
                            "Remove %s from the quarantine for good?",
                            session->arguments->n_operands == 2 ? session->arguments->operands[1]
                                                                : "these") < 0) {
                question = NULL;
                return session_set_errno(-ENOMEM, fault);
        }
        return confirm_ask(session, question, "everything is still there", fault);
}

static int delete_one(JobBatch *batch, const char *name, Fault *fault)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        bool force = batch->session->arguments->given & OPTION_FORCE;
        int r = session_new_call(
                        batch->session, BUS_PATH, BUS_INTERFACE_MANAGER, "DeleteQuarantine", &call, fault);

        if (r < 0)
                return r;
        r = sd_bus_message_append(call, "sa{sv}", name, 1, "force", "b", (int) force);
        if (r < 0)
                return session_set_errno(r, fault);
        return job_batch_run(batch, call, "delete", name, name, fault);
}

static int delete_named(Session *session, Fault *fault)
{
        _cleanup_(job_batch_done) JobBatch batch = {0};
        int r = confirm_require(session, fault);

        if (r >= 0)
                r = ask(session, fault);
        if (r >= 0)
                r = job_batch_begin(&batch, session, "deleted", true, fault);
        for (char **name = session->arguments->operands + 1; r >= 0 && *name; name++)
                r = delete_one(&batch, *name, fault);
        return r < 0 ? r : job_batch_end(&batch, fault);
}

int verb_quarantine(Session *session, Fault *fault)
{
        const Arguments *arguments = session->arguments;
        const char *command = arguments->n_operands > 0 ? arguments->operands[0] : "list";
        _cleanup_json_ json_object *incidents = NULL;
        json_object *incident;
        int r;

        if (strcmp(command, "delete") == 0 && arguments->n_operands >= 2)
                return delete_named(session, fault);
        if ((strcmp(command, "list") != 0 || arguments->n_operands > 1) &&
                        (strcmp(command, "show") != 0 || arguments->n_operands != 2))
                return fault_set(fault,
                                FAULT_INVALID_ARGUMENT,
                                "Usage: oracxpredctl quarantine [list], quarantine show NAME, or quarantine "
                                "delete "
                                "NAME...");
        r = read_incidents(session, &incidents, fault);
        if (r < 0)
                return r;
        if (strcmp(command, "list") == 0)
                return session_json(session) ? session_print_document(session, incidents, fault)
                                             : list(session, incidents, fault);
        incident = find(incidents, arguments->operands[1]);
        if (!incident)
                return fault_set(fault,
                                FAULT_NOT_FOUND,
                                "There is no '%s' in the quarantine; `oracxpredctl quarantine list` shows "
                                "what is",
                                arguments->operands[1]);
        return session_json(session) ? session_print_document(session, incident, fault)
                                     : show(session, incident, fault);
}
