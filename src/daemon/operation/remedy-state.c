/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/operation/remedy-state.h"

#include "base/journal.h"
#include "daemon/access/authorize.h"
#include "daemon/audit/audit.h"
#include "daemon/bus/bus-argument.h"
#include "daemon/catalogue/hold-keeper.h"
#include "daemon/latency/response-times.h"
#include "daemon/loop/lane.h"
#include "daemon/state/condition.h"
#include "daemon/state/property-changes.h"
#include "daemon/state/remedy-text.h"

void remedy_state_take(Manager *manager, Remedies *remedies)
{
        if (remedies->revision <= manager->remedies.revision) {
                remedies_done(remedies);
                return;
        }
        remedies_done(&manager->remedies);
        manager->remedies = *remedies;
        *remedies = (Remedies){0};
        free(TAKE_PTR(manager->repaired_text));
        free(TAKE_PTR(manager->rows_lost_text));
        if (remedy_text_repaired(&manager->remedies, &manager->repaired_text) < 0 ||
                        remedy_text_rows_lost(&manager->remedies, &manager->rows_lost_text) < 0)
                journal_line(LOG_ERR, "Telling what was repaired and restored failed; `status` lacks it");
        manager_changed(manager, CHANGE_REMEDIES);
        manager_update_health(manager);
}

static int append_losses(sd_bus_message *message, const TableLosses *losses, size_t *room_bytes)
{
        int r = sd_bus_message_open_container(message, 'a', "(stts)");

        for (size_t i = 0;
                        r >= 0 && i < losses->n_items && bus_take_room(room_bytes, losses->items[i].table);
                        i++) {
                const TableLoss *loss = losses->items + i;

                r = sd_bus_message_open_container(message, 'r', "stts");
                if (r >= 0)
                        r = bus_append_name(message, loss->table);
                if (r >= 0)
                        r = sd_bus_message_append(message,
                                        "tts",
                                        loss->lost,
                                        loss->rescued,
                                        loss_certainty_to_string(loss->certainty));
                if (r >= 0)
                        r = sd_bus_message_close_container(message);
        }
        return r < 0 ? r : sd_bus_message_close_container(message);
}

int remedy_append_objects(sd_bus_message *message, char *const *objects)
{
        size_t room_bytes = BUS_NAMES_MAX_BYTES;
        int r = sd_bus_message_open_container(message, 'a', "s");

        for (; r >= 0 && objects && *objects && bus_take_room(&room_bytes, *objects); objects++)
                r = bus_append_name(message, *objects);
        return r < 0 ? r : sd_bus_message_close_container(message);
}

static int append_remedy(sd_bus_message *message, const Remedy *remedy, size_t *room_bytes)
{
        int r = sd_bus_message_open_container(message, 'r', "ttssssasa(stts)");

        if (r >= 0)
                r = sd_bus_message_append(message,
                                "ttssss",
                                remedy->id,
                                remedy->usec,
                                remedy_kind_to_string(remedy->kind),
                                remedy->source,
                                remedy->pre_restore,
                                remedy->quarantine);
        if (r >= 0)
                r = remedy_append_objects(message, remedy->objects);
        if (r >= 0)
                r = append_losses(message, &remedy->losses, room_bytes);
        return r < 0 ? r : sd_bus_message_close_container(message);
}

int property_get_remedies(sd_bus *bus,
                const char *path,
                const char *interface,
                const char *property,
                sd_bus_message *reply,
                void *userdata,
                sd_bus_error *error)
{
        const Manager *manager = userdata;
        size_t room_bytes = BUS_NAMES_MAX_BYTES;
        int r = sd_bus_message_open_container(reply, 'a', "(ttssssasa(stts))");

        for (size_t i = 0; r >= 0 && i < manager->remedies.n_items; i++)
                if (!manager->remedies.items[i].acknowledged)
                        r = append_remedy(reply, manager->remedies.items + i, &room_bytes);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

/* Written by the quick lane: its fsync is no matter for the loop. */
struct Acknowledgement {
        Work work;
        Manager *manager;
        const char *state_directory; /* borrowed from the Manager */
        sd_bus_message *message;     /* NULL when nothing is being written */
        Caller caller;
        uint64_t last_id;
        Remedies remedies; /* the result */
        Fault fault;
};

static Acknowledgement *acknowledgement_of(Work *work)
{
        return (Acknowledgement *) ((char *) work - offsetof(Acknowledgement, work));
}

static int acknowledgement_start(Work *work)
{
        return 0;
}

static void acknowledgement_run(Work *work)
{
        Acknowledgement *acknowledgement = acknowledgement_of(work);

        (void) remedies_acknowledge(acknowledgement->state_directory,
                        acknowledgement->last_id,
                        &acknowledgement->remedies,
                        &acknowledgement->fault);
}

static void acknowledgement_finish(Work *work)
{
        Acknowledgement *acknowledgement = acknowledgement_of(work);
        Manager *manager = acknowledgement->manager;
        int r;

        audit_call(&acknowledgement->caller, "acknowledge", NULL, &acknowledgement->fault);
        if (acknowledgement->fault.code == FAULT_NONE) {
                remedy_state_take(manager, &acknowledgement->remedies);
                manager_flush_changes(manager);
                r = sd_bus_reply_method_return(acknowledgement->message, NULL);
        } else
                r = bus_reply_fault(acknowledgement->message, &acknowledgement->fault);
        if (r < 0)
                journal_line(LOG_DEBUG, "Answering Acknowledge failed: %s", strerrordesc_np(-r));
        response_times_release(manager->response_times, TAKE_PTR(acknowledgement->message));
        fault_done(&acknowledgement->fault);
        manager_settle_when_idle(manager);
}

bool acknowledgement_is_busy(const Acknowledgement *acknowledgement)
{
        return acknowledgement && acknowledgement->message;
}

Acknowledgement *acknowledgement_free(Acknowledgement *acknowledgement)
{
        if (!acknowledgement)
                return NULL;
        response_times_release(acknowledgement->manager->response_times, acknowledgement->message);
        remedies_done(&acknowledgement->remedies);
        fault_done(&acknowledgement->fault);
        free(acknowledgement);
        return NULL;
}

static int submit(Manager *manager,
                sd_bus_message *message,
                const Caller *caller,
                uint64_t last_id,
                Fault *fault)
{
        Acknowledgement *acknowledgement = manager->acknowledgement;

        if (!acknowledgement) {
                acknowledgement = manager->acknowledgement = calloc(1, sizeof(Acknowledgement));
                if (!acknowledgement)
                        return fault_set_errno(fault, ENOMEM, "Acknowledging");
                acknowledgement->work = (Work){.start = acknowledgement_start,
                                .run = acknowledgement_run,
                                .finish = acknowledgement_finish};
                acknowledgement->manager = manager;
                acknowledgement->state_directory = manager->state_directory;
        }
        if (acknowledgement->message)
                return fault_set(fault, FAULT_BUSY, "Somebody acknowledges it at this moment");
        if (lane_submit(manager->quick_lane, &acknowledgement->work) < 0)
                return fault_set(fault, FAULT_BUSY, "Too much is queued already; try again later");
        acknowledgement->caller = *caller;
        acknowledgement->last_id = last_id;
        acknowledgement->message = response_times_keep(manager->response_times, message);
        return 0;
}

int manager_method_acknowledge(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        Manager *manager = userdata;
        _cleanup_fault_ Fault fault = {0};
        uint64_t last_id = UINT64_MAX;
        int retention = false;
        const CallOption options[] = {{"until", 't', &last_id}, {"retention", 'b', &retention}};
        Caller caller;
        int r;

        r = call_options_read(message, options, ELEMENTSOF(options), error);
        if (r < 0)
                return r;
        r = authorize(message, ACTION_RESTORE, &caller, error);
        if (r < 0)
                return r;
        if (r == 0)
                return 1; /* Will call us back */
        r = manager_require_started(manager, &fault);
        if (r >= 0)
                r = submit(manager, message, &caller, last_id, &fault);
        if (r < 0)
                return bus_fault(error, &fault);
        /* Written first: the lane has it before the rest. */
        if (retention || last_id == UINT64_MAX)
                retention_hold_release(manager);
        return 1; /* Answered when it is written */
}
