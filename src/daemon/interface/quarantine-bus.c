/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/interface/quarantine-bus.h"

#include "daemon/access/authorize.h"
#include "daemon/bus/bus-argument.h"
#include "daemon/interface/manager-bus.h"
#include "daemon/latency/response-times.h"
#include "daemon/manager.h"
#include "daemon/operation/quarantine.h"
#include "daemon/operation/salvage.h"

#define TABLE_ROW "sbttttt"
#define ROW "sttssbttta(" TABLE_ROW ")"

static int append_table(sd_bus_message *reply, const RescueTable *table)
{
        int r = sd_bus_message_open_container(reply, 'r', TABLE_ROW);

        if (r >= 0)
                r = bus_append_name(reply, table->name);
        if (r >= 0)
                r = sd_bus_message_append(reply,
                                "bttttt",
                                (int) table->sound,
                                table->rows,
                                table->rows_rescued,
                                table->rows_kept,
                                table->rows_lost,
                                table->rows_unknown);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int append_item(sd_bus_message *reply, const QuarantineItem *item, size_t *room_bytes)
{
        const RescueReport *report = &item->record.report;
        uint64_t lost = 0;
        int r = sd_bus_message_open_container(reply, 'r', ROW);

        for (size_t i = 0; i < report->n_tables; i++)
                lost += report->tables[i].rows_lost;
        if (r >= 0)
                r = sd_bus_message_append(reply,
                                "sttssbttt",
                                item->name,
                                item->usec,
                                item->bytes,
                                quarantine_worth_to_string(quarantine_worth(item)),
                                item->record.source,
                                (int) item->needed,
                                rescue_report_rescued(report),
                                lost,
                                rescue_report_lost(report) - lost);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "(" TABLE_ROW ")");
        for (size_t i = 0;
                        r >= 0 && i < report->n_tables && bus_take_room(room_bytes, report->tables[i].name);
                        i++)
                r = append_table(reply, report->tables + i);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

int manager_method_list_quarantine(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        _cleanup_(quarantine_list_done) QuarantineList list = {0};
        _cleanup_message_ sd_bus_message *reply = NULL;
        _cleanup_fault_ Fault fault = {0};
        size_t room_bytes = BUS_NAMES_MAX_BYTES;
        int r = quarantine_of(userdata, &list, &fault);

        if (r < 0)
                return bus_fault(error, &fault);
        r = sd_bus_message_new_method_return(message, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "(" ROW ")");
        for (size_t i = 0; r >= 0 && i < list.n_items; i++)
                r = append_item(reply, list.items + i, &room_bytes);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

int manager_method_delete_quarantine(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        Manager *manager = userdata;
        _cleanup_fault_ Fault fault = {0};
        int force = false;
        const CallOption options[] = {{"force", 'b', &force}};
        const char *name;
        Caller caller;
        Job *job;
        int r;

        r = sd_bus_message_read(message, "s", &name);
        if (r >= 0)
                r = call_options_read(message, options, ELEMENTSOF(options), error);
        if (r >= 0)
                r = authorize(message, ACTION_DELETE, &caller, error);
        if (r < 0)
                return r;
        if (r == 0)
                return 1; /* Will call us back */
        if (operation_quarantine_queue(manager, name, force, &caller, &job, &fault) < 0)
                return bus_fault(error, &fault);
        return manager_reply_job(job, message);
}

int manager_method_salvage(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        Manager *manager = userdata;
        _cleanup_fault_ Fault fault = {0};
        int merge = false;
        const CallOption options[] = {{"merge", 'b', &merge}};
        const char *name;
        Caller caller;
        Job *job;
        int r;

        r = sd_bus_message_read(message, "s", &name);
        if (r >= 0)
                r = call_options_read(message, options, ELEMENTSOF(options), error);
        if (r >= 0)
                r = authorize(message, ACTION_RESTORE, &caller, error);
        if (r < 0)
                return r;
        if (r == 0)
                return 1; /* Will call us back */
        if (operation_salvage_queue(manager, name, merge, &caller, &job, &fault) < 0)
                return bus_fault(error, &fault);
        job->message = response_times_keep(manager->response_times, message);
        return 1; /* Answered when the job ends */
}
