/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/records/prediction-call.h"

#include <inttypes.h>

#include "base/clock.h"
#include "daemon/audit/audit.h"
#include "daemon/bus/bus-argument.h"
#include "daemon/manager.h"
#include "records/prediction-archive.h"
#include "records/prediction-store.h"

PredictionCall *prediction_call_new(Manager *manager)
{
        PredictionCall *call = calloc(1, sizeof *call);

        if (!call)
                return NULL;
        call->cache = manager->prediction_cache;
        call->store = manager->record_store;
        call->cache_max_entries = manager->configuration.prediction_cache_entries;
        call->cache_max_bytes = manager->configuration.prediction_cache_bytes;
        call->now_usec = clock_now_usec();
        return call;
}

PredictionCall *prediction_call_free(PredictionCall *call)
{
        if (!call)
                return NULL;
        (void) prediction_free(call->prediction);
        prediction_page_done(&call->page);
        free(call->address);
        free(call->day);
        free(call->league);
        free(call);
        return NULL;
}

static void free_call(void *call)
{
        (void) prediction_call_free(call);
}

static int append_prediction(sd_bus_message *reply, const Prediction *prediction)
{
        int r = sd_bus_message_open_container(reply, 'a', "{sv}");

        for (PredictionColumn column = 0; r >= 0 && column < _PREDICTION_COLUMN_MAX; column++) {
                const PredictionColumnType *type = &prediction_columns[column];
                const char signature[] = {(char) type->kind, '\0'};

                if (!prediction_has(prediction, column))
                        continue;
                switch (type->kind) {
                case PREDICTION_BOOLEAN:
                        r = sd_bus_message_append(reply,
                                        "{sv}",
                                        type->name,
                                        signature,
                                        (int) prediction->values[column].integer);
                        break;
                case PREDICTION_REAL:
                        r = sd_bus_message_append(reply,
                                        "{sv}",
                                        type->name,
                                        signature,
                                        prediction->values[column].real);
                        break;
                case PREDICTION_TEXT:
                        r = sd_bus_message_append(reply,
                                        "{sv}",
                                        type->name,
                                        signature,
                                        prediction->values[column].text);
                        break;
                case PREDICTION_INTEGER:
                case PREDICTION_MOMENT:
                default:
                        r = sd_bus_message_append(reply,
                                        "{sv}",
                                        type->name,
                                        signature,
                                        prediction->values[column].integer);
                }
        }
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int run_get(Connection *connection, void *userdata, Fault *fault)
{
        PredictionCall *call = userdata;
        int r;

        prediction_cache_set_limits(call->cache, call->cache_max_entries, call->cache_max_bytes);
        r = prediction_cache_get(call->cache,
                        connection,
                        record_store_generation(call->store),
                        call->by,
                        call->key,
                        &call->prediction,
                        fault);
        if (r >= 0 && !call->prediction)
                r = prediction_not_found(call->by, call->key, fault);
        return r;
}

static int reply_get(Manager *manager, sd_bus_message *message, void *userdata)
{
        PredictionCall *call = userdata;
        _cleanup_message_ sd_bus_message *reply = NULL;
        int r = sd_bus_message_new_method_return(message, &reply);

        if (r >= 0)
                r = append_prediction(reply, call->prediction);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

static int run_list(Connection *connection, void *userdata, Fault *fault)
{
        PredictionCall *call = userdata;

        return prediction_list(connection, &call->filter, &call->page, fault);
}

static int reply_list(Manager *manager, sd_bus_message *message, void *userdata)
{
        PredictionCall *call = userdata;
        _cleanup_message_ sd_bus_message *reply = NULL;
        int r = sd_bus_message_new_method_return(message, &reply);

        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "a{sv}");
        for (size_t i = 0; r >= 0 && i < call->page.n_items; i++)
                r = append_prediction(reply, call->page.items[i]);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        if (r >= 0)
                r = sd_bus_message_append(reply, "x", call->page.next_id);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

static int run_store(Connection *connection, void *userdata, Fault *fault)
{
        PredictionCall *call = userdata;

        return prediction_store(connection, call->prediction, call->now_usec, &call->id, &call->flag, fault);
}

static int reply_store(Manager *manager, sd_bus_message *message, void *userdata)
{
        PredictionCall *call = userdata;

        return sd_bus_reply_method_return(message, "xb", call->id, (int) call->flag);
}

static int run_invalidate(Connection *connection, void *userdata, Fault *fault)
{
        PredictionCall *call = userdata;
        PredictionChange change;
        int r = prediction_invalidate(connection, call->key, call->user_id, call->now_usec, &change, fault);

        if (r >= 0)
                call->flag = change.changed;
        return r;
}

static int reply_flag(Manager *manager, sd_bus_message *message, void *userdata)
{
        PredictionCall *call = userdata;

        return sd_bus_reply_method_return(message, "b", (int) call->flag);
}

static int run_lock(Connection *connection, void *userdata, Fault *fault)
{
        PredictionCall *call = userdata;

        return prediction_lock(connection, call->key, call->now_usec, &call->n, fault);
}

static int run_archive(Connection *connection, void *userdata, Fault *fault)
{
        PredictionCall *call = userdata;

        return prediction_archive(connection, call->key, call->now_usec, &call->n, fault);
}

static int reply_number(Manager *manager, sd_bus_message *message, void *userdata)
{
        PredictionCall *call = userdata;

        return sd_bus_reply_method_return(message, "u", call->n);
}

/* To whom a prediction was shown, when the application says for whom it asks. */
static void record_view(const Caller *caller, const void *userdata, const Fault *fault)
{
        const PredictionCall *call = userdata;

        if (fault->code == FAULT_NONE && call->user_id > 0)
                audit_view(call->user_id,
                                call->prediction->values[PREDICTION_MATCH_ID].integer,
                                call->prediction->values[PREDICTION_ID].integer,
                                NULL,
                                call->address);
}

static void record_change(const Caller *caller, const char *operation, int64_t number, const Fault *fault)
{
        char object[sizeof("-9223372036854775808")];

        (void) snprintf(object, sizeof object, "%" PRIi64, number);
        audit_frequent_call(caller, operation, number != 0 ? object : NULL, fault);
}

static void record_store(const Caller *caller, const void *call, const Fault *fault)
{
        record_change(caller, "store-prediction", ((const PredictionCall *) call)->id, fault);
}

static void record_invalidate(const Caller *caller, const void *call, const Fault *fault)
{
        record_change(caller, "invalidate-prediction", ((const PredictionCall *) call)->key, fault);
}

static void record_lock(const Caller *caller, const void *call, const Fault *fault)
{
        record_change(caller, "lock-predictions", ((const PredictionCall *) call)->key, fault);
}

static void record_archive(const Caller *caller, const void *call, const Fault *fault)
{
        record_change(caller, "archive-predictions", ((const PredictionCall *) call)->key, fault);
}

#define TYPE(name, lane, reply, record)                 \
        const RecordCallType prediction_call_##name = { \
                        RECORD_LANE_##lane, run_##name, reply, free_call, record, "predictions"}
TYPE(get, QUICK, reply_get, record_view);
TYPE(list, QUICK, reply_list, NULL);
TYPE(store, CHANGE, reply_store, record_store);
TYPE(invalidate, CHANGE, reply_flag, record_invalidate);
TYPE(lock, CHANGE, reply_number, record_lock);
TYPE(archive, CHANGE, reply_number, record_archive);
