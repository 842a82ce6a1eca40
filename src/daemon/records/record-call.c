/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/records/record-call.h"

#include <string.h>

#include "base/journal.h"
#include "daemon/bus/bus-argument.h"
#include "daemon/latency/response-times.h"
#include "daemon/manager.h"
#include "daemon/state/condition.h"
#include "daemon/state/property-changes.h"
#include "daemon/store/schema-role.h"
#include "records/log-file.h"

struct RecordCall {
        Work work;
        RecordCall *next; /* in the Manager's list */
        Manager *manager;
        const RecordCallType *type;
        sd_bus_message *message;
        Caller caller;

        /* The worker's while it runs. */
        bool running;
        RecordStore *store;
        void *call;
        Progress progress; /* of a connection of the call's own */
        Fault fault;
};

static RecordCall *call_of(Work *work)
{
        return (RecordCall *) ((char *) work - offsetof(RecordCall, work));
}

static RecordCall *record_call_free(RecordCall *call)
{
        if (!call)
                return NULL;
        if (call->call)
                call->type->free(call->call);
        if (call->message)
                response_times_release(call->manager->response_times, call->message);
        fault_done(&call->fault);
        progress_done(&call->progress);
        free(call);
        return NULL;
}

DEFINE_CLEANUP(RecordCall *, record_call_free);

static int call_start(Work *work)
{
        call_of(work)->running = true;
        return 0;
}

static void run_on_shared(Work *work)
{
        RecordCall *call = call_of(work);
        Connection *connection;

        if (record_store_connect(call->store, &connection, &call->fault) < 0)
                return;
        (void) call->type->run(connection, call->call, &call->fault);
        record_store_leave(call->store, &call->fault);
}

static void connect_and_run(RecordCall *call)
{
        _cleanup_(connection_closep) Connection *connection = NULL;

        if (connection_open(record_store_path(call->store),
                            CONNECTION_WRITE,
                            &call->progress,
                            &connection,
                            &call->fault) < 0)
                return;
        gate_let_yield(record_store_gate(call->store), connection);
        (void) call->type->run(connection, call->call, &call->fault);
}

static void run_on_own(Work *work)
{
        RecordCall *call = call_of(work);
        Gate *gate = record_store_gate(call->store);

        if (gate_enter(gate, &call->fault) < 0)
                return;
        connect_and_run(call);
        gate_leave(gate);
}

static void answer(RecordCall *call)
{
        int r;

        if (call->fault.code != FAULT_NONE)
                r = bus_reply_fault(call->message, &call->fault);
        else
                r = call->type->reply(call->manager, call->message, call->call);
        if (r >= 0)
                return;
        journal_line(LOG_DEBUG,
                        "Answering %s failed: %s",
                        sd_bus_message_get_member(call->message),
                        strerrordesc_np(-r));
        /* Nobody is left to wait for an answer that can't be made. */
        (void) sd_bus_reply_method_errno(call->message, r, NULL);
}

static void end(RecordCall *call)
{
        Manager *manager = call->manager;

        answer(call);
        if (call->type->record)
                call->type->record(&call->caller, call->call, &call->fault);
        for (RecordCall **link = &manager->record_calls; *link; link = &(*link)->next)
                if (*link == call) {
                        *link = TAKE_PTR(call->next);
                        break;
                }
        manager->n_record_calls--;
        (void) record_call_free(call);
}

static void call_finish(Work *work)
{
        RecordCall *call = call_of(work);
        Manager *manager = call->manager;
        RecordStore *store = call->store;

        if (store == manager->audit_store)
                (void) log_file_disguise(record_store_path(store), -EIO, &call->fault);
        else
                manager_met_fault(manager, &call->fault);
        manager_flush_changes(manager);
        end(call);
        record_store_used(store);
        manager_settle_when_idle(manager);
}

static Lane *lane_of(const Manager *manager, const RecordCallType *type)
{
        switch (type->lane) {
        case RECORD_LANE_PASSWORD:
                return manager->password_lane;
        case RECORD_LANE_CHANGE:
                return manager->change_lane;
        case RECORD_LANE_QUICK:
        default:
                return manager->quick_lane;
        }
}

static int require_room(
                const Manager *manager, const RecordCallType *type, const Caller *caller, Fault *fault)
{
        unsigned n_own = 0, n_own_alike = 0;

        for (const RecordCall *other = manager->record_calls; other; other = other->next) {
                n_own += other->caller.uid == caller->uid;
                n_own_alike += other->caller.uid == caller->uid && other->type == type;
        }
        if ((type->per_caller_max > 0 && n_own_alike >= type->per_caller_max) ||
                        n_own >= RECORD_CALLS_PER_CALLER_MAX || manager->n_record_calls >= RECORD_CALLS_MAX)
                return fault_set(fault,
                                FAULT_BUSY,
                                "Too many calls wait for the database already; wait for their answers "
                                "first");
        return 0;
}

int record_call_ask(Manager *manager,
                const RecordCallType *type,
                void *userdata,
                sd_bus_message *message,
                const Caller *caller,
                Fault *fault)
{
        _cleanup_(record_call_freep) RecordCall *call = calloc(1, sizeof(RecordCall));
        int r;

        if (!call) {
                type->free(userdata);
                return fault_set_errno(fault, ENOMEM, "Queueing a call");
        }
        progress_init(&call->progress);
        call->type = type;
        call->call = userdata;
        r = manager_require_started(manager, fault);
        if (r >= 0 && type->tables)
                r = manager_require_tables(manager, type->tables, fault);
        if (r >= 0 && type->of_logs)
                r = manager_require_schema(manager, fault);
        if (r >= 0)
                call->store = type->of_logs ? manager_log_store(manager) : manager->record_store;
        if (r >= 0 && call->store == manager->record_store)
                r = manager_require_sound_database(manager, fault);
        if (r >= 0)
                r = require_room(manager, type, caller, fault);
        if (r < 0)
                return r;

        call->work = (Work){
                        .start = call_start,
                        .run = type->lane == RECORD_LANE_QUICK ? run_on_shared : run_on_own,
                        .finish = call_finish,
        };
        call->manager = manager;
        call->caller = *caller;
        if (lane_submit(lane_of(manager, type), &call->work) < 0)
                return fault_set(fault, FAULT_BUSY, "Too much is queued already; try again later");
        call->message = response_times_keep(manager->response_times, message);
        call->next = manager->record_calls;
        manager->record_calls = TAKE_PTR(call);
        manager->n_record_calls++;
        return 1;
}

void record_call_stop_all(Manager *manager)
{
        RecordCall *next;

        for (RecordCall *call = manager->record_calls; call; call = next) {
                next = call->next;
                progress_cancel(&call->progress);
                if (call->running || !lane_withdraw(lane_of(manager, call->type), &call->work))
                        continue;
                (void) fault_set(&call->fault, FAULT_CANCELLED, "The service is stopping");
                end(call);
        }
}

void record_call_free_all(Manager *manager)
{
        while (manager->record_calls) {
                RecordCall *call = manager->record_calls;

                manager->record_calls = call->next;
                (void) record_call_free(call);
        }
}
