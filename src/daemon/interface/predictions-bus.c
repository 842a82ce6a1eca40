/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/interface/predictions-bus.h"

#include <string.h>

#include "base/names.h"
#include "daemon/access/authorize.h"
#include "daemon/bus/bus-argument.h"
#include "daemon/latency/response-times.h"
#include "daemon/manager.h"
#include "daemon/query/figures.h"
#include "daemon/records/prediction-call.h"
#include "records/log-entry.h"

static int out_of_memory(sd_bus_error *error)
{
        return sd_bus_error_set_errno(error, -ENOMEM);
}

/* The last step of every handler: once allowed, hands the call over. */
static int authorize_and_ask(sd_bus_message *message,
                Manager *manager,
                const RecordCallType *type,
                PredictionCall **call,
                sd_bus_error *error)
{
        _cleanup_fault_ Fault fault = {0};
        Caller caller;
        int r = authorize(message, ACTION_USE_PREDICTIONS, &caller, error);

        if (r < 0)
                return r;
        if (r == 0)
                return 1; /* Will call us back */
        r = record_call_ask(manager, type, TAKE_PTR(*call), message, &caller, &fault);
        return r < 0 ? bus_fault(error, &fault) : r;
}

static int read_value(sd_bus_message *message,
                PredictionColumn column,
                Prediction *prediction,
                sd_bus_error *error)
{
        const PredictionColumnType *type = &prediction_columns[column];
        const char signature[] = {(char) type->kind, '\0'};
        const char *contents, *text;
        int64_t integer;
        int boolean, r;
        double real;

        r = sd_bus_message_peek_type(message, NULL, &contents);
        if (r < 0)
                return r;
        if (strcmp(contents, signature) != 0)
                return bus_error(error,
                                fault_bus_name(FAULT_INVALID_ARGUMENT),
                                "%s of a prediction has the type '%s', not '%.20s'",
                                type->name,
                                signature,
                                contents);
        switch (type->kind) {
        case PREDICTION_TEXT:
                r = sd_bus_message_read(message, "v", signature, &text);
                if (r >= 0 && strlen(text) > PREDICTION_TEXT_MAX_BYTES)
                        return bus_error(error,
                                        fault_bus_name(FAULT_INVALID_ARGUMENT),
                                        "%s of a prediction is at most 1 MiB long",
                                        type->name);
                return r < 0 ? r : prediction_set_text(prediction, column, text);
        case PREDICTION_REAL:
                r = sd_bus_message_read(message, "v", signature, &real);
                if (r >= 0)
                        prediction_set_real(prediction, column, real);
                return r;
        case PREDICTION_BOOLEAN:
                r = sd_bus_message_read(message, "v", signature, &boolean);
                if (r >= 0)
                        prediction_set_integer(prediction, column, boolean);
                return r;
        case PREDICTION_INTEGER:
        case PREDICTION_MOMENT:
        default:
                r = sd_bus_message_read(message, "v", signature, &integer);
                if (r >= 0)
                        prediction_set_integer(prediction, column, integer);
                return r;
        }
}

static int read_entry(sd_bus_message *message, Prediction *prediction, sd_bus_error *error)
{
        PredictionColumn column;
        const char *key;
        int r = sd_bus_message_read(message, "s", &key);

        if (r < 0)
                return r;
        column = prediction_column_from_string(key);
        if (column < 0)
                return bus_error(error,
                                fault_bus_name(FAULT_INVALID_ARGUMENT),
                                "A prediction has no '%.100s'",
                                key);
        if (!prediction_columns[column].storable)
                return bus_error(error,
                                fault_bus_name(FAULT_INVALID_ARGUMENT),
                                "%s of a prediction is set by the service itself",
                                key);
        if (prediction_has(prediction, column))
                return bus_error(error, fault_bus_name(FAULT_INVALID_ARGUMENT), "%s is given twice", key);
        return read_value(message, column, prediction, error);
}

static int read_prediction(sd_bus_message *message, Prediction *prediction, sd_bus_error *error)
{
        int r = sd_bus_message_enter_container(message, 'a', "{sv}");

        if (r < 0)
                return r;
        while ((r = sd_bus_message_enter_container(message, 'e', "sv")) > 0) {
                r = read_entry(message, prediction, error);
                if (r >= 0)
                        r = sd_bus_message_exit_container(message);
                if (r < 0)
                        return r;
        }
        return r < 0 ? r : sd_bus_message_exit_container(message);
}

static int method_store(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        _cleanup_(prediction_call_freep) PredictionCall *call = prediction_call_new(userdata);
        int r;

        if (!call || !(call->prediction = calloc(1, sizeof *call->prediction)))
                return out_of_memory(error);
        r = read_prediction(message, call->prediction, error);
        if (r < 0)
                return r;
        return authorize_and_ask(message, userdata, &prediction_call_store, &call, error);
}

/* For whom the application asks, which the access log then has. */
static int read_viewer(sd_bus_message *message, PredictionCall *call, sd_bus_error *error)
{
        const char *address = NULL;
        const CallOption options[] = {{"user", 'x', &call->user_id}, {"address", 's', &address}};
        LogEntry view = {.table = LOG_ACCESS, .action_type = "view_prediction"};
        _cleanup_fault_ Fault fault = {0};
        int r = call_options_read(message, options, ELEMENTSOF(options), error);

        if (r < 0 || (call->user_id == 0 && !address))
                return r;
        view.user_id = call->user_id;
        view.ip_address = address;
        if (log_entry_check(&view, &fault) < 0)
                return bus_fault(error, &fault);
        if (address && !(call->address = strdup(address)))
                return out_of_memory(error);
        return 0;
}

static int look_up(sd_bus_message *message, Manager *manager, PredictionKey by, sd_bus_error *error)
{
        _cleanup_(prediction_call_freep) PredictionCall *call = prediction_call_new(manager);
        int r;

        if (!call)
                return out_of_memory(error);
        call->by = by;
        r = sd_bus_message_read(message, "x", &call->key);
        if (r < 0)
                return r;
        r = read_viewer(message, call, error);
        if (r < 0)
                return r;
        return authorize_and_ask(message, manager, &prediction_call_get, &call, error);
}

static int method_get(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        return look_up(message, userdata, PREDICTION_BY_ID, error);
}

static int method_get_by_match(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        return look_up(message, userdata, PREDICTION_BY_MATCH, error);
}

static int method_list(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        _cleanup_(prediction_call_freep) PredictionCall *call = prediction_call_new(userdata);
        const char *day = NULL, *league = NULL;
        int valid = -1, r;

        if (!call)
                return out_of_memory(error);
        const CallOption options[] = {{"day", 's', &day},
                        {"league", 's', &league},
                        {"valid", 'b', &valid},
                        {"minimum-confidence", 'd', &call->filter.minimum_confidence},
                        {"before", 'x', &call->filter.before_id},
                        {"limit", 'u', &call->filter.limit}};

        r = call_options_read(message, options, ELEMENTSOF(options), error);
        if (r < 0)
                return r;
        if (valid >= 0)
                call->filter.validity = valid ? PREDICTION_VALID : PREDICTION_INVALID;
        if ((day && !(call->day = strdup(day))) || (league && !(call->league = strdup(league))))
                return out_of_memory(error);
        call->filter.day = call->day;
        call->filter.league = call->league;
        return authorize_and_ask(message, userdata, &prediction_call_list, &call, error);
}

static int method_invalidate(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        _cleanup_(prediction_call_freep) PredictionCall *call = prediction_call_new(userdata);
        int r;

        if (!call)
                return out_of_memory(error);
        const CallOption options[] = {{"user", 'x', &call->user_id}};

        r = sd_bus_message_read(message, "x", &call->key);
        if (r >= 0)
                r = call_options_read(message, options, ELEMENTSOF(options), error);
        if (r < 0)
                return r;
        return authorize_and_ask(message, userdata, &prediction_call_invalidate, &call, error);
}

/* Of a match, without options. */
static int act_on_match(
                sd_bus_message *message, Manager *manager, const RecordCallType *type, sd_bus_error *error)
{
        _cleanup_(prediction_call_freep) PredictionCall *call = prediction_call_new(manager);
        int r;

        if (!call)
                return out_of_memory(error);
        r = sd_bus_message_read(message, "x", &call->key);
        if (r < 0)
                return r;
        return authorize_and_ask(message, manager, type, &call, error);
}

static int method_lock(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        return act_on_match(message, userdata, &prediction_call_lock, error);
}

static int method_archive(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        return act_on_match(message, userdata, &prediction_call_archive, error);
}

/* They change with every look-up: to be asked for, not to be told. */
#define COUNTER(name) SD_BUS_PROPERTY(name, "t", figures_get_property, 0, 0)
#define SETTING(name, field) SD_BUS_PROPERTY(name, "t", NULL, offsetof(Manager, configuration.field), 0)

static const sd_bus_vtable predictions_vtable[] = {
                SD_BUS_VTABLE_START(0),
                SD_BUS_METHOD_WITH_ARGS("Store",
                                SD_BUS_ARGS("a{sv}", prediction),
                                SD_BUS_RESULT("x", id, "b", created),
                                method_store,
                                SD_BUS_VTABLE_UNPRIVILEGED),
                SD_BUS_METHOD_WITH_ARGS("Get",
                                SD_BUS_ARGS("x", id, "a{sv}", options),
                                SD_BUS_RESULT("a{sv}", prediction),
                                method_get,
                                SD_BUS_VTABLE_UNPRIVILEGED),
                SD_BUS_METHOD_WITH_ARGS("GetByMatch",
                                SD_BUS_ARGS("x", match, "a{sv}", options),
                                SD_BUS_RESULT("a{sv}", prediction),
                                method_get_by_match,
                                SD_BUS_VTABLE_UNPRIVILEGED),
                SD_BUS_METHOD_WITH_ARGS("List",
                                SD_BUS_ARGS("a{sv}", options),
                                SD_BUS_RESULT("aa{sv}", predictions, "x", next),
                                method_list,
                                SD_BUS_VTABLE_UNPRIVILEGED),
                SD_BUS_METHOD_WITH_ARGS("Invalidate",
                                SD_BUS_ARGS("x", id, "a{sv}", options),
                                SD_BUS_RESULT("b", changed),
                                method_invalidate,
                                SD_BUS_VTABLE_UNPRIVILEGED),
                SD_BUS_METHOD_WITH_ARGS("Lock",
                                SD_BUS_ARGS("x", match),
                                SD_BUS_RESULT("u", locked),
                                method_lock,
                                SD_BUS_VTABLE_UNPRIVILEGED),
                SD_BUS_METHOD_WITH_ARGS("Archive",
                                SD_BUS_ARGS("x", match),
                                SD_BUS_RESULT("u", archived),
                                method_archive,
                                SD_BUS_VTABLE_UNPRIVILEGED),

                COUNTER("CacheHits"),
                COUNTER("CacheMisses"),
                COUNTER("CacheEvictions"),
                COUNTER("CacheEntries"),
                COUNTER("CacheBytes"),
                SETTING("CacheEntriesMax", prediction_cache_entries),
                SETTING("CacheBytesMax", prediction_cache_bytes),
                SD_BUS_VTABLE_END,
};

int predictions_bus_register(Manager *manager)
{
        return response_times_add_vtable(
                        manager, BUS_PATH, BUS_INTERFACE_PREDICTIONS, predictions_vtable, NULL);
}
