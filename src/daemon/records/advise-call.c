/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/records/advise-call.h"

#include "base/test-hook.h"
#include "daemon/bus/bus-argument.h"
#include "daemon/manager.h"
#include "daemon/records/record-call.h"
#include "database/statistics/index-advice.h"

#define ADVISE_CALLS_PER_CALLER_MAX 2

static int run_advise(Connection *connection, void *call, Fault *fault)
{
        TEST_POINT("advising");
        return index_advice_collect(connection, call, fault);
}

static int reply_advise(Manager *manager, sd_bus_message *message, void *call)
{
        const IndexAdviceList *list = call;
        _cleanup_message_ sd_bus_message *reply = NULL;
        int r = sd_bus_message_new_method_return(message, &reply);

        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "(ssss)");
        for (size_t i = 0; r >= 0 && i < list->n_items; i++)
                r = sd_bus_message_append(reply,
                                "(ssss)",
                                list->items[i].table,
                                list->items[i].columns,
                                index_reason_to_string(list->items[i].reason),
                                list->items[i].sql);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

static void free_advise(void *call)
{
        index_advice_done(call);
        free(call);
}

static const RecordCallType advise_call = {
                .lane = RECORD_LANE_QUICK,
                .run = run_advise,
                .reply = reply_advise,
                .free = free_advise,
                .per_caller_max = ADVISE_CALLS_PER_CALLER_MAX,
};

int manager_method_advise(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        _cleanup_fault_ Fault fault = {0};
        Caller caller;
        int r;

        r = caller_of(message, &caller, error);
        if (r < 0)
                return r;
        IndexAdviceList *list = calloc(1, sizeof *list);

        if (!list)
                return sd_bus_error_set_errno(error, -ENOMEM);
        r = record_call_ask(userdata, &advise_call, list, message, &caller, &fault);
        return r < 0 ? bus_fault(error, &fault) : r;
}
