/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* acknowledge: a person has seen what the service did by itself and what that cost. Only what is shown here
 * is acknowledged: what happens meanwhile is told the next time. */

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/names.h"
#include "ctl/show/moment.h"
#include "ctl/show/terminal.h"
#include "ctl/show/text.h"
#include "ctl/verb/verbs.h"

static int acknowledge(Session *session, uint64_t last_id, bool retention, Fault *fault)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        int r = session_new_call(session, BUS_PATH, BUS_INTERFACE_MANAGER, "Acknowledge", &call, fault);

        if (r < 0)
                return r;
        r = sd_bus_message_append(
                        call, "a{sv}", 2, "until", "t", last_id, "retention", "b", (int) retention);
        return r < 0 ? session_set_errno(r, fault) : session_call(session, call, 0, "", NULL, fault);
}

static void add_rows(Table *table, json_object *loss, const char *key)
{
        char text[sizeof("at least 18446744073709551615")];
        const char *certainty = document_text(loss, "Certainty");
        bool is_loss = strcmp(key, "Lost") == 0;

        if (is_loss && strcmp(certainty, "unknown") == 0)
                (void) snprintf(text, sizeof text, "unknown");
        else
                (void) snprintf(text,
                                sizeof text,
                                "%s%" PRIu64,
                                !is_loss                              ? ""
                                : strcmp(certainty, "at-least") == 0  ? "at least "
                                : strcmp(certainty, "estimated") == 0 ? "about "
                                                                      : "",
                                document_number(loss, key));
        table_add(table, STYLE_PLAIN, text);
}

static void add_row(Table *table, json_object *remedy, const char *what, json_object *loss)
{
        const char *saved = document_text(remedy, "PreRestore");
        char when[MOMENT_MAX];

        moment_format(document_number(remedy, "USec"), clock_now_usec(), when);
        table_add(table, STYLE_PLAIN, when);
        table_add(table, STYLE_PLAIN, document_text(remedy, "Kind"));
        table_add(table, STYLE_PLAIN, what);
        if (loss) {
                add_rows(table, loss, "Lost");
                add_rows(table, loss, "Rescued");
        } else {
                table_add(table, STYLE_PLAIN, "0");
                table_add(table, STYLE_PLAIN, "0");
        }
        table_add(table, STYLE_PLAIN, saved[0] != '\0' ? saved : document_text(remedy, "Quarantine"));
}

static void add_remedy(Table *table, json_object *remedy)
{
        json_object *objects = document_member(remedy, "Objects"),
                    *tables = document_member(remedy, "Tables");
        size_t n_objects = json_object_array_length(objects), n_tables = json_object_array_length(tables);

        for (size_t i = 0; i < n_objects; i++)
                add_row(table, remedy, json_object_get_string(json_object_array_get_idx(objects, i)), NULL);
        for (size_t i = 0; i < n_tables; i++) {
                json_object *loss = json_object_array_get_idx(tables, i);

                add_row(table, remedy, document_text(loss, "Table"), loss);
        }
        if (n_objects == 0 && n_tables == 0)
                add_row(table, remedy, document_text(remedy, "Source"), NULL);
}

static int print_remedies(Session *session, json_object *remedies, const char *held, Fault *fault)
{
        static const char *const names[] = {
                        "WHEN", "WHAT", "TABLE OR OBJECT", "ROWS LOST", "RESCUED", "BEFORE", NULL};
        _cleanup_(table_freep) Table *table = table_new(names);
        size_t n = json_object_array_length(remedies);
        int r;

        if (!table)
                return session_set_errno(-ENOMEM, fault);
        for (size_t i = 0; i < n; i++)
                add_remedy(table, json_object_array_get_idx(remedies, i));
        if (n > 0) {
                r = session_print_table(session, table, fault);
                if (r < 0)
                        return r;
        }
        if (held[0] != '\0') {
                text_print(stdout, held);
                (void) puts(".");
        }
        session_print_legend(session,
                        n > 0 || held[0] != '\0' ? "Acknowledged." : "There is nothing to acknowledge.");
        return 0;
}

int verb_acknowledge(Session *session, Fault *fault)
{
        _cleanup_json_ json_object *properties = NULL;
        json_object *remedies;
        const char *held;
        uint64_t last_id = 0;
        int r = session_get_properties(session, BUS_PATH, BUS_INTERFACE_MANAGER, &properties, fault);

        if (r < 0)
                return r;
        remedies = document_member(properties, "Remedies");
        if (!json_object_is_type(remedies, json_type_array))
                return session_set_errno(-EBADMSG, fault);
        for (size_t i = 0; i < json_object_array_length(remedies); i++)
                last_id = MAX_OF(last_id, document_number(json_object_array_get_idx(remedies, i), "Id"));
        held = document_text(properties, "RetentionHeld");
        r = acknowledge(session, last_id, held[0] != '\0', fault);
        if (r < 0)
                return r;
        if (session_json(session))
                return session_print_document(session, remedies, fault);
        return session->arguments->quiet ? 0 : print_remedies(session, remedies, held, fault);
}
