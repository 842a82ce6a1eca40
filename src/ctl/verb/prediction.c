/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* prediction: stores, shows, lists, invalidates, locks and archives the application's predictions. */

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "base/clock.h"
#include "base/names.h"
#include "ctl/call/prediction-input.h"
#include "ctl/show/moment.h"
#include "ctl/show/terminal.h"
#include "ctl/verb/verbs.h"
#include "ctl/view/fields.h"

/* What follows the command of the verb. */
typedef struct Operands {
        char **items;
        size_t n_items;
} Operands;

static int new_call(Session *session, const char *method, sd_bus_message **ret, Fault *fault)
{
        return session_new_call(session, BUS_PATH, BUS_INTERFACE_PREDICTIONS, method, ret, fault);
}

static int parse_id(const char *text, int64_t *ret, Fault *fault)
{
        char *end;

        errno = 0;
        *ret = strtoll(text, &end, 10);
        if (errno != 0 || *end || (text[0] != '-' && (text[0] < '0' || text[0] > '9')) || end == text)
                return fault_set(fault, FAULT_INVALID_ARGUMENT, "'%s' is not a number.", text);
        return 0;
}

/* Calls with what has been appended; the answer as one document with `keys`. */
static int ask(Session *session,
                sd_bus_message *call,
                const char *signature,
                const char *const *keys,
                json_object **ret,
                Fault *fault)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int r = session_call(session, call, 0, signature, &reply, fault);

        if (r < 0)
                return r;
        r = keys ? document_read_fields(reply, keys, ret) : document_read(reply, ret);
        return r < 0 ? session_set_errno(r, fault) : 0;
}

/* The document with --json, nothing with --quiet, else the line. */
static int _printf_(4, 5)
                print_outcome(Session *session, json_object *outcome, Fault *fault, const char *format, ...)
{
        va_list arguments;

        if (session_json(session))
                return session_print_document(session, outcome, fault);
        if (session->arguments->quiet)
                return 0;
        va_start(arguments, format);
        (void) vprintf(format, arguments);
        va_end(arguments);
        (void) putchar('\n');
        return 0;
}

static int store(Session *session, const Operands *operands, Fault *fault)
{
        static const char *const keys[] = {"id", "created", NULL};
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        _cleanup_json_ json_object *prediction = NULL, *outcome = NULL;
        int r;

        if (operands->n_items == 1 && strcmp(operands->items[0], "-") == 0)
                r = prediction_input_from_descriptor(STDIN_FILENO, &prediction, fault);
        else
                r = prediction_input_from_operands(
                                operands->items, operands->n_items, prediction_columns, &prediction, fault);
        if (r >= 0)
                r = new_call(session, "Store", &call, fault);
        if (r >= 0)
                r = prediction_input_append(prediction, prediction_columns, call, fault);
        if (r >= 0)
                r = ask(session, call, "xb", keys, &outcome, fault);
        if (r < 0)
                return r;
        return print_outcome(session,
                        outcome,
                        fault,
                        "prediction %" PRIu64 ": %s",
                        document_number(outcome, "id"),
                        document_flag(outcome, "created") ? "created" : "updated");
}

static double real_of(json_object *row, const char *key)
{
        return json_object_get_double(document_member(row, key));
}

static const char *state_of(json_object *row, Style *ret_style)
{
        /* NULL, which is left out, is the column's default. */
        bool valid = !document_member(row, "is_valid") || document_flag(row, "is_valid"),
             locked = document_flag(row, "is_locked");

        *ret_style = valid ? STYLE_GOOD : STYLE_WARNING;
        return valid ? locked ? "valid, locked" : "valid" : locked ? "invalid, locked" : "invalid";
}

static void add_votes(Table *fields, json_object *row)
{
        static const char *const votes[] = {"statistique", "cotes", "simulation", "forme"};
        char text[64] = "";

        for (size_t i = 0; i < ELEMENTSOF(votes); i++) {
                char key[32];
                size_t length = strlen(text);

                (void) snprintf(key, sizeof key, "votes_%s", votes[i]);
                if (document_flag(row, key))
                        (void) snprintf(text + length,
                                        sizeof text - length,
                                        "%s%s",
                                        length > 0 ? ", " : "",
                                        votes[i]);
        }
        fields_add(fields, "Votes", STYLE_PLAIN, text[0] != '\0' ? text : "none");
}

static int print_prediction(Session *session, json_object *row, Fault *fault)
{
        _cleanup_(table_freep) Table *fields = fields_new();
        uint64_t now_usec = clock_now_usec();
        Style style;
        const char *state = state_of(row, &style);

        if (!fields)
                return session_set_errno(-ENOMEM, fault);
        fields_addf(fields, "Prediction", STYLE_BOLD, "%" PRIu64, document_number(row, "id"));
        fields_addf(fields,
                        "Match",
                        STYLE_PLAIN,
                        "%" PRId64,
                        json_object_get_int64(document_member(row, "match_id")));
        fields_addf(fields,
                        "Teams",
                        STYLE_PLAIN,
                        "%s - %s",
                        document_text(row, "team1"),
                        document_text(row, "team2"));
        fields_add(fields, "League", STYLE_PLAIN, document_text(row, "league"));
        fields_addf(fields,
                        "Consensus",
                        STYLE_PLAIN,
                        "%s: %s",
                        document_text(row, "consensus_type"),
                        document_text(row, "consensus_result"));
        fields_addf(fields, "Probability", STYLE_PLAIN, "%.4g %%", real_of(row, "consensus_probability"));
        fields_addf(fields, "Confidence", STYLE_PLAIN, "%.4g %%", real_of(row, "confidence"));
        if (document_member(row, "recommended_odd"))
                fields_addf(fields, "Odd", STYLE_PLAIN, "%.4g", real_of(row, "recommended_odd"));
        fields_add(fields, "Action", STYLE_PLAIN, document_text(row, "recommended_action"));
        add_votes(fields, row);
        fields_add(fields, "State", style, state);
        if (document_member(row, "invalidated_at"))
                fields_add_moment(fields, "Invalidated", document_number(row, "invalidated_at"), now_usec);
        if (document_member(row, "invalidated_by"))
                fields_addf(fields,
                                "By user",
                                STYLE_PLAIN,
                                "%" PRId64,
                                json_object_get_int64(document_member(row, "invalidated_by")));
        fields_add_moment(fields, "Created", document_number(row, "created_at"), now_usec);
        fields_add_moment(fields, "Updated", document_number(row, "updated_at"), now_usec);
        fields_add(fields, "Extra data", STYLE_PLAIN, document_text(row, "extra_data"));
        return fields_print(session, fields, fault);
}

static int show(Session *session, const Operands *operands, Fault *fault)
{
        static const char match[] = "match=";
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        _cleanup_json_ json_object *row = NULL;
        const char *which = operands->items[0];
        bool by_match = strncmp(which, match, strlen(match)) == 0;
        int64_t id;
        int r = parse_id(by_match ? which + strlen(match) : which, &id, fault);

        if (r >= 0)
                r = new_call(session, by_match ? "GetByMatch" : "Get", &call, fault);
        if (r < 0)
                return r;
        r = sd_bus_message_append(call, "xa{sv}", id, 0);
        if (r < 0)
                return session_set_errno(r, fault);
        r = ask(session, call, "a{sv}", NULL, &row, fault);
        if (r < 0)
                return r;
        return session_json(session) ? session_print_document(session, row, fault)
                                     : print_prediction(session, row, fault);
}

static void add_row(Table *table, json_object *row)
{
        char moment[MOMENT_MAX];
        Style style;
        const char *state = state_of(row, &style);

        moment_format_absolute(document_number(row, "created_at"), moment);
        table_addf(table, STYLE_BOLD, "%" PRIu64, document_number(row, "id"));
        table_addf(table, STYLE_PLAIN, "%" PRId64, json_object_get_int64(document_member(row, "match_id")));
        table_addf(table, STYLE_PLAIN, "%s - %s", document_text(row, "team1"), document_text(row, "team2"));
        table_add(table, STYLE_PLAIN, document_text(row, "league"));
        table_addf(table,
                        STYLE_PLAIN,
                        "%s: %s",
                        document_text(row, "consensus_type"),
                        document_text(row, "consensus_result"));
        table_addf(table, STYLE_PLAIN, "%.1f", real_of(row, "consensus_probability"));
        table_addf(table, STYLE_PLAIN, "%.1f", real_of(row, "confidence"));
        table_add(table, style, state);
        table_add(table, STYLE_PLAIN, moment);
}

static int print_page(Session *session, json_object *page, Fault *fault)
{
        static const char *const names[] = {"ID",
                        "MATCH",
                        "TEAMS",
                        "LEAGUE",
                        "CONSENSUS",
                        "PROBABILITY",
                        "CONFIDENCE",
                        "STATE",
                        "CREATED",
                        NULL};
        static const size_t numbers[] = {0, 1, 5, 6};
        _cleanup_(table_freep) Table *table = table_new(names);
        json_object *rows = document_member(page, "predictions");
        uint64_t next = document_number(page, "next");
        size_t n = json_object_array_length(rows);
        int r;

        if (!table)
                return session_set_errno(-ENOMEM, fault);
        for (size_t i = 0; i < ELEMENTSOF(numbers); i++)
                table_align_right(table, numbers[i]);
        for (size_t i = 0; i < n; i++)
                add_row(table, json_object_array_get_idx(rows, i));
        terminal_open_pager(session->arguments->no_pager);
        if (n > 0) {
                r = session_print_table(session, table, fault);
                if (r < 0)
                        return r;
        }
        if (next == 0)
                session_print_legend(session, "%zu prediction%s.", n, n == 1 ? "" : "s");
        else
                session_print_legend(session,
                                "%zu prediction%s; with before=%" PRIu64 " the list goes on.",
                                n,
                                n == 1 ? "" : "s",
                                next);
        return 0;
}

static int list(Session *session, const Operands *operands, Fault *fault)
{
        static const char *const keys[] = {"predictions", "next", NULL};
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        _cleanup_json_ json_object *filter = NULL, *page = NULL;
        int r = prediction_input_from_operands(
                        operands->items, operands->n_items, prediction_filters, &filter, fault);

        if (r >= 0)
                r = new_call(session, "List", &call, fault);
        if (r >= 0)
                r = prediction_input_append(filter, prediction_filters, call, fault);
        if (r >= 0)
                r = ask(session, call, "aa{sv}x", keys, &page, fault);
        if (r < 0)
                return r;
        return session_json(session) ? session_print_document(session, page, fault)
                                     : print_page(session, page, fault);
}

static int invalidate(Session *session, const Operands *operands, Fault *fault)
{
        static const char *const keys[] = {"changed", NULL};
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        _cleanup_json_ json_object *options = NULL, *outcome = NULL;
        int64_t id;
        int r = parse_id(operands->items[0], &id, fault);

        if (r >= 0)
                r = prediction_input_from_operands(operands->items + 1,
                                operands->n_items - 1,
                                prediction_invalidation,
                                &options,
                                fault);
        if (r >= 0)
                r = new_call(session, "Invalidate", &call, fault);
        if (r < 0)
                return r;
        r = sd_bus_message_append(call, "x", id);
        if (r < 0)
                return session_set_errno(r, fault);
        r = prediction_input_append(options, prediction_invalidation, call, fault);
        if (r >= 0)
                r = ask(session, call, "b", keys, &outcome, fault);
        if (r < 0)
                return r;
        return print_outcome(session,
                        outcome,
                        fault,
                        "prediction %" PRId64 ": %s",
                        id,
                        document_flag(outcome, "changed") ? "invalidated" : "was invalid already");
}

/* Lock and Archive: of a match, and answered with how many. */
static int act_on_match(Session *session,
                const Operands *operands,
                const char *method,
                const char *key,
                Fault *fault)
{
        const char *const keys[] = {key, NULL};
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        _cleanup_json_ json_object *outcome = NULL;
        uint64_t n;
        int64_t match;
        int r = parse_id(operands->items[0], &match, fault);

        if (r >= 0)
                r = new_call(session, method, &call, fault);
        if (r < 0)
                return r;
        r = sd_bus_message_append(call, "x", match);
        if (r < 0)
                return session_set_errno(r, fault);
        r = ask(session, call, "u", keys, &outcome, fault);
        if (r < 0)
                return r;
        n = document_number(outcome, key);
        return print_outcome(session,
                        outcome,
                        fault,
                        "match %" PRId64 ": %" PRIu64 " prediction%s %s",
                        match,
                        n,
                        n == 1 ? "" : "s",
                        key);
}

static int lock(Session *session, const Operands *operands, Fault *fault)
{
        return act_on_match(session, operands, "Lock", "locked", fault);
}

static int archive(Session *session, const Operands *operands, Fault *fault)
{
        return act_on_match(session, operands, "Archive", "archived", fault);
}

int verb_prediction(Session *session, Fault *fault)
{
        static const struct {
                const char *name;
                size_t min_operands, max_operands;
                int (*run)(Session *session, const Operands *operands, Fault *fault);
                const char *usage;
        } commands[] = {
                        {"store", 1, SIZE_MAX, store, "COLUMN=VALUE...|-"},
                        {"show", 1, 1, show, "ID|match=MATCH"},
                        {"list", 0, SIZE_MAX, list, "[FILTER=VALUE...]"},
                        {"invalidate", 1, 2, invalidate, "ID [user=ID]"},
                        {"lock", 1, 1, lock, "MATCH"},
                        {"archive", 1, 1, archive, "MATCH"},
        };
        const Arguments *arguments = session->arguments;
        const Operands operands = {arguments->operands + 1, arguments->n_operands - 1};

        for (size_t i = 0; i < ELEMENTSOF(commands); i++) {
                if (strcmp(commands[i].name, arguments->operands[0]) != 0)
                        continue;
                if (operands.n_items >= commands[i].min_operands &&
                                operands.n_items <= commands[i].max_operands)
                        return commands[i].run(session, &operands, fault);
                return fault_set(fault,
                                FAULT_INVALID_ARGUMENT,
                                "Usage: oracxpredctl prediction %s %s",
                                commands[i].name,
                                commands[i].usage);
        }
        return fault_set(fault,
                        FAULT_INVALID_ARGUMENT,
                        "'prediction' takes store, show, list, invalidate, lock or archive, not '%s'.",
                        arguments->operands[0]);
}
