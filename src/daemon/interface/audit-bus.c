/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/interface/audit-bus.h"

#include <string.h>

#include "base/clock.h"
#include "base/names.h"
#include "daemon/access/authorize.h"
#include "daemon/audit/audit.h"
#include "daemon/bus/bus-argument.h"
#include "daemon/interface/property.h"
#include "daemon/latency/response-times.h"
#include "daemon/records/record-call.h"
#include "records/log-page.h"

/* The last step of both ways to append. */
static int check_and_append(Manager *manager, LogEntry *entry, sd_bus_message *message, sd_bus_error *error)
{
        _cleanup_fault_ Fault fault = {0};
        Caller caller;
        int r;

        entry->created_usec = clock_now_usec();
        if (log_entry_check(entry, &fault) < 0)
                return bus_fault(error, &fault);
        /* Clients must not forge the service's own record types. */
        if (log_type_is_own(entry->table, entry->action_type))
                return bus_invalid(error,
                                "Types that begin with '" LOG_TYPE_PREFIX "', '" LOG_TYPE_RESTORED
                                "', and of the access log '" LOG_TYPE_SIGNED_IN
                                "' and '" LOG_TYPE_NOT_SIGNED_IN "', are this service's own; take another");
        r = authorize(message, ACTION_APPEND_LOGS, &caller, error);
        if (r < 0)
                return r;
        if (r == 0)
                return 1; /* Will call us back */
        if (audit_queue_append(manager->audit_queue, entry, message, &caller, &fault) < 0)
                return bus_fault(error, &fault);
        return 1; /* Answered when it is committed */
}

static int method_append_system(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        LogEntry entry = {.table = LOG_SYSTEM, .severity = "info"};
        const CallOption options[] = {{"severity", 's', &entry.severity},
                        {"user", 'x', &entry.user_id},
                        {"admin", 'x', &entry.admin_id},
                        {"address", 's', &entry.ip_address},
                        {"extra", 's', &entry.extra_data}};
        int r;

        r = sd_bus_message_read(message, "ss", &entry.action_type, &entry.message);
        if (r >= 0)
                r = call_options_read(message, options, ELEMENTSOF(options), error);
        return r < 0 ? r : check_and_append(userdata, &entry, message, error);
}

static int method_append_access(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        LogEntry entry = {.table = LOG_ACCESS};
        const CallOption options[] = {{"match", 'x', &entry.match_id},
                        {"prediction", 'x', &entry.prediction_id},
                        {"plan", 's', &entry.subscription_plan},
                        {"address", 's', &entry.ip_address},
                        {"extra", 's', &entry.extra_data}};
        int r;

        r = sd_bus_message_read(message, "sx", &entry.action_type, &entry.user_id);
        if (r >= 0)
                r = call_options_read(message, options, ELEMENTSOF(options), error);
        return r < 0 ? r : check_and_append(userdata, &entry, message, error);
}

/* A call for a page, on its way through the quick lane. */
typedef struct PageCall {
        LogFilter filter; /* points to the two texts */
        char *action_type;
        char *severity;
        LogPage page;
} PageCall;

static void page_call_free(void *userdata)
{
        PageCall *call = userdata;

        log_page_done(&call->page);
        free(call->action_type);
        free(call->severity);
        free(call);
}

static int run_page(Connection *connection, void *userdata, Fault *fault)
{
        PageCall *call = userdata;

        return log_page_read(connection, &call->filter, &call->page, fault);
}

static int append_number(sd_bus_message *reply, const char *key, int64_t number)
{
        return number != 0 ? sd_bus_message_append(reply, "{sv}", key, "x", number) : 0;
}

static int append_text(sd_bus_message *reply, const char *key, const char *text)
{
        return text ? sd_bus_message_append(reply, "{sv}", key, "s", text) : 0;
}

/* What the row does not have is left out. */
static int append_row(sd_bus_message *reply, const LogRow *row)
{
        const LogEntry *entry = row->entry;
        const struct {
                const char *key;
                int64_t number;
        } numbers[] = {{"user", entry->user_id},
                        {"admin", entry->admin_id},
                        {"match", entry->match_id},
                        {"prediction", entry->prediction_id}};
        const struct {
                const char *key;
                const char *text;
        } texts[] = {{"type", entry->action_type},
                        {"severity", entry->severity},
                        {"message", entry->message},
                        {"plan", entry->subscription_plan},
                        {"address", entry->ip_address},
                        {"extra", entry->extra_data}};
        int r = sd_bus_message_open_container(reply, 'a', "{sv}");

        if (r >= 0)
                r = sd_bus_message_append(reply, "{sv}", "id", "x", row->id);
        if (r >= 0 && entry->created_usec > 0)
                r = sd_bus_message_append(reply, "{sv}", "created", "t", entry->created_usec);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(numbers); i++)
                r = append_number(reply, numbers[i].key, numbers[i].number);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(texts); i++)
                r = append_text(reply, texts[i].key, texts[i].text);
        if (r >= 0 && row->cut)
                r = sd_bus_message_append(reply, "{sv}", "cut", "b", 1);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int reply_page(Manager *manager, sd_bus_message *message, void *userdata)
{
        PageCall *call = userdata;
        _cleanup_message_ sd_bus_message *reply = NULL;
        int r = sd_bus_message_new_method_return(message, &reply);

        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "a{sv}");
        for (size_t i = 0; r >= 0 && i < call->page.n_rows; i++)
                r = append_row(reply, &call->page.rows[i]);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        if (r >= 0)
                r = sd_bus_message_append(reply, "x", call->page.next_before_id);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

static void record_page(const Caller *caller, const void *userdata, const Fault *fault)
{
        const PageCall *call = userdata;

        if (fault->code == FAULT_NONE)
                audit_read(caller, "read-log", log_table_to_string(call->filter.table));
}

static const RecordCallType page_call_type = {
                .lane = RECORD_LANE_QUICK,
                .run = run_page,
                .reply = reply_page,
                .free = page_call_free,
                .record = record_page,
                .of_logs = true,
};

static int ask_for_page(
                Manager *manager, const LogFilter *filter, sd_bus_message *message, sd_bus_error *error)
{
        _cleanup_fault_ Fault fault = {0};
        PageCall *call;
        Caller caller;
        int r;

        if (filter->limit < 1 || filter->limit > LOG_PAGE_ROWS_MAX)
                return bus_invalid(error, "A page has 1 to 1000 rows");
        if (filter->before_id < 0 || filter->user_id < 0)
                return bus_invalid(error, "Numbers of rows and of users are positive");
        /* A misspelt one would look as if there were nothing. */
        if (filter->severity && !log_severity_is_valid(filter->severity))
                return bus_invalid(error, "A severity is info, warning, error or critical");
        r = authorize(message, ACTION_READ_LOGS, &caller, error);
        if (r < 0)
                return r;
        if (r == 0)
                return 1; /* Will call us back */

        call = calloc(1, sizeof(PageCall));
        if (!call)
                return -ENOMEM;
        call->filter = *filter;
        if ((filter->action_type && !(call->action_type = strdup(filter->action_type))) ||
                        (filter->severity && !(call->severity = strdup(filter->severity)))) {
                page_call_free(call);
                return -ENOMEM;
        }
        call->filter.action_type = call->action_type;
        call->filter.severity = call->severity;
        r = record_call_ask(manager, &page_call_type, call, message, &caller, &fault);
        return r < 0 ? bus_fault(error, &fault) : r;
}

static int list(LogTable table, sd_bus_message *message, Manager *manager, sd_bus_error *error)
{
        LogFilter filter = {.table = table, .limit = LOG_PAGE_ROWS_DEFAULT};
        const CallOption options[] = {{"before", 'x', &filter.before_id},
                        {"limit", 'u', &filter.limit},
                        {"since", 't', &filter.since_usec},
                        {"until", 't', &filter.until_usec},
                        {"type", 's', &filter.action_type},
                        {"user", 'x', &filter.user_id},
                        {"severity", 's', &filter.severity}};
        int r = call_options_read(message, options, ELEMENTSOF(options) - (table == LOG_ACCESS), error);

        return r < 0 ? r : ask_for_page(manager, &filter, message, error);
}

static int method_list_system(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        return list(LOG_SYSTEM, message, userdata, error);
}

static int method_list_access(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        return list(LOG_ACCESS, message, userdata, error);
}

static const sd_bus_vtable audit_vtable[] = {
                SD_BUS_VTABLE_START(0),
                SD_BUS_METHOD_WITH_ARGS("AppendSystem",
                                SD_BUS_ARGS("s", type, "s", message, "a{sv}", options),
                                SD_BUS_RESULT("x", id),
                                method_append_system,
                                SD_BUS_VTABLE_UNPRIVILEGED),
                SD_BUS_METHOD_WITH_ARGS("AppendAccess",
                                SD_BUS_ARGS("s", type, "x", user, "a{sv}", options),
                                SD_BUS_RESULT("x", id),
                                method_append_access,
                                SD_BUS_VTABLE_UNPRIVILEGED),
                SD_BUS_METHOD_WITH_ARGS("ListSystem",
                                SD_BUS_ARGS("a{sv}", options),
                                SD_BUS_RESULT("aa{sv}", rows, "x", next),
                                method_list_system,
                                SD_BUS_VTABLE_UNPRIVILEGED),
                SD_BUS_METHOD_WITH_ARGS("ListAccess",
                                SD_BUS_ARGS("a{sv}", options),
                                SD_BUS_RESULT("aa{sv}", rows, "x", next),
                                method_list_access,
                                SD_BUS_VTABLE_UNPRIVILEGED),
                SD_BUS_VTABLE_END,
};

int audit_bus_register(Manager *manager)
{
        return response_times_add_vtable(manager, BUS_PATH, BUS_INTERFACE_AUDIT, audit_vtable, NULL);
}
