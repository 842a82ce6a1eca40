/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* log: shows the application's logs, system_logs or access_logs. */

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/names.h"
#include "ctl/show/moment.h"
#include "ctl/show/terminal.h"
#include "ctl/verb/verbs.h"

#define LIMIT_DEFAULT 100
#define LIMIT_MAX 1000000

/* The most that the service gives at a time. */
#define PAGE_ROWS_MAX 1000

typedef struct Wish {
        bool access; /* access_logs */
        uint64_t since_usec, until_usec;
        const char *type, *severity;
        int64_t user;
        uint64_t limit;
} Wish;

static int read_moment(const char *text, const char *option, uint64_t *ret_usec, Fault *fault)
{
        if (!text || moment_parse(text, clock_now_usec(), ret_usec) >= 0)
                return 0;
        return fault_set(fault,
                        FAULT_INVALID_ARGUMENT,
                        "%s takes a moment such as '2026-01-24 10:00', 'yesterday' or '-2h', not '%s'.",
                        option,
                        text);
}

static int read_number(const char *text, const char *option, uint64_t max, uint64_t *ret, Fault *fault)
{
        char *end;

        if (!text)
                return 0;
        errno = 0;
        *ret = strtoull(text, &end, 10);
        if (errno != 0 || *end || text[0] < '0' || text[0] > '9' || *ret < 1 || *ret > max)
                return fault_set(fault,
                                FAULT_INVALID_ARGUMENT,
                                "%s takes a number from 1 to %" PRIu64 ", not '%s'.",
                                option,
                                max,
                                text);
        return 0;
}

static int read_wish(const Arguments *arguments, Wish *ret, Fault *fault)
{
        const char *const *filters = arguments->filters;
        const char *table = arguments->n_operands > 0 ? arguments->operands[0] : "system";
        Wish wish = {
                        .access = strcmp(table, "access") == 0,
                        .type = filters[FILTER_TYPE],
                        .severity = filters[FILTER_SEVERITY],
                        .limit = LIMIT_DEFAULT,
        };
        uint64_t user = 0;
        int r;

        if (!wish.access && strcmp(table, "system") != 0)
                return fault_set(fault,
                                FAULT_INVALID_ARGUMENT,
                                "'log' shows system or access, not '%s'.",
                                table);
        if (wish.access && wish.severity)
                return fault_set(fault,
                                FAULT_INVALID_ARGUMENT,
                                "Rows of the access log have no severity; leave --severity= out.");
        r = read_moment(filters[FILTER_SINCE], "--since=", &wish.since_usec, fault);
        if (r >= 0)
                r = read_moment(filters[FILTER_UNTIL], "--until=", &wish.until_usec, fault);
        if (r >= 0)
                r = read_number(filters[FILTER_ACCOUNT],
                                "--account=",
                                (UINT64_C(1) << 53) - 1,
                                &user,
                                fault);
        if (r >= 0)
                r = read_number(filters[FILTER_LIMIT], "--limit=", LIMIT_MAX, &wish.limit, fault);
        if (r < 0)
                return r;
        wish.user = (int64_t) user;
        *ret = wish;
        return 0;
}

static int append_filters(sd_bus_message *call, const Wish *wish, uint64_t n_rows, int64_t before)
{
        uint32_t limit = (uint32_t) MIN_OF(n_rows, (uint64_t) PAGE_ROWS_MAX);
        int r = sd_bus_message_open_container(call, 'a', "{sv}");

        if (r >= 0)
                r = sd_bus_message_append(call, "{sv}{sv}", "limit", "u", limit, "before", "x", before);
        if (r >= 0 && wish->since_usec > 0)
                r = sd_bus_message_append(call, "{sv}", "since", "t", wish->since_usec);
        if (r >= 0 && wish->until_usec > 0)
                r = sd_bus_message_append(call, "{sv}", "until", "t", wish->until_usec);
        if (r >= 0 && wish->type)
                r = sd_bus_message_append(call, "{sv}", "type", "s", wish->type);
        if (r >= 0 && wish->severity)
                r = sd_bus_message_append(call, "{sv}", "severity", "s", wish->severity);
        if (r >= 0 && wish->user > 0)
                r = sd_bus_message_append(call, "{sv}", "user", "x", wish->user);
        return r < 0 ? r : sd_bus_message_close_container(call);
}

/* Adds a page to the rows; *next is where the next one begins. */
static int read_page(Session *session, const Wish *wish, json_object *rows, int64_t *next, Fault *fault)
{
        static const char *const keys[] = {"rows", "next", NULL};
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
        _cleanup_json_ json_object *page = NULL;
        json_object *found;
        int r;

        r = session_new_call(session,
                        BUS_PATH,
                        BUS_INTERFACE_AUDIT,
                        wish->access ? "ListAccess" : "ListSystem",
                        &call,
                        fault);
        if (r < 0)
                return r;
        r = append_filters(call, wish, wish->limit - json_object_array_length(rows), *next);
        if (r < 0)
                return session_set_errno(r, fault);
        r = session_call(session, call, 0, "aa{sv}x", &reply, fault);
        if (r < 0)
                return r;
        r = document_read_fields(reply, keys, &page);
        if (r < 0)
                return session_set_errno(r, fault);
        *next = document_signed(page, "next");
        found = document_member(page, "rows");
        for (size_t i = 0; i < json_object_array_length(found); i++)
                if (json_object_array_add(rows, json_object_get(json_object_array_get_idx(found, i))) < 0)
                        return session_set_errno(-ENOMEM, fault);
        return 0;
}

static Style style_of(const char *severity)
{
        if (strcmp(severity, "error") == 0 || strcmp(severity, "critical") == 0)
                return STYLE_BAD;
        return strcmp(severity, "warning") == 0 ? STYLE_WARNING : STYLE_PLAIN;
}

static void add_number(Table *table, json_object *row, const char *key)
{
        if (document_member(row, key))
                table_addf(table, STYLE_PLAIN, "%" PRId64, document_signed(row, key));
        else
                table_add(table, STYLE_PLAIN, "");
}

static void add_row(Table *table, json_object *row, bool access)
{
        const char *severity = document_text(row, "severity");
        char moment[MOMENT_MAX];

        moment_format_absolute(document_number(row, "created"), moment);
        table_add(table, STYLE_PLAIN, moment);
        if (!access)
                table_add(table, style_of(severity), severity);
        table_add(table, STYLE_BOLD, document_text(row, "type"));
        add_number(table, row, "user");
        if (access) {
                add_number(table, row, "match");
                add_number(table, row, "prediction");
                table_add(table, STYLE_PLAIN, document_text(row, "plan"));
        } else
                add_number(table, row, "admin");
        table_add(table, STYLE_PLAIN, document_text(row, "address"));
        table_add(table, STYLE_PLAIN, document_text(row, access ? "extra" : "message"));
}

static Table *new_table(bool access)
{
        static const char *const system_names[] = {
                        "TIME", "SEVERITY", "TYPE", "USER", "ADMIN", "ADDRESS", "MESSAGE", NULL};
        static const char *const access_names[] = {
                        "TIME", "TYPE", "USER", "MATCH", "PREDICTION", "PLAN", "ADDRESS", "EXTRA", NULL};
        Table *table = table_new(access ? access_names : system_names);

        for (size_t i = 3; table && i < (access ? 8U : 6U); i++)
                table_hide_when_empty(table, i);
        return table;
}

static int print_rows(Session *session, json_object *rows, bool access, bool more, Fault *fault)
{
        _cleanup_(table_freep) Table *table = new_table(access);
        size_t n = json_object_array_length(rows);
        int r = 0;

        if (!table)
                return session_set_errno(-ENOMEM, fault);
        for (size_t i = 0; i < n; i++)
                add_row(table, json_object_array_get_idx(rows, i), access);
        terminal_open_pager(session->arguments->no_pager);
        if (n > 0)
                r = session_print_table(session, table, fault);
        if (r >= 0)
                session_print_legend(session,
                                "%zu row%s%s.",
                                n,
                                n == 1 ? "" : "s",
                                more ? "; --limit= shows older ones" : "");
        return r;
}

int verb_log(Session *session, Fault *fault)
{
        _cleanup_json_ json_object *document = json_object_new_object();
        json_object *rows = json_object_new_array();
        int64_t next = 0;
        Wish wish = {0};
        int r;

        if (!document || document_put(document, "rows", rows) < 0)
                return session_set_errno(-ENOMEM, fault);
        r = read_wish(session->arguments, &wish, fault);
        if (r < 0)
                return r;
        do
                r = read_page(session, &wish, rows, &next, fault);
        while (r >= 0 && next != 0 && json_object_array_length(rows) < wish.limit);
        if (r < 0)
                return r;
        if (!session_json(session))
                return print_rows(session, rows, wish.access, next != 0, fault);
        if (document_put(document, "next", json_object_new_int64(next)) < 0)
                return session_set_errno(-ENOMEM, fault);
        return session_print_document(session, document, fault);
}
