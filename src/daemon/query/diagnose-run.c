/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/query/diagnose-run.h"

#include <string.h>

#include "base/journal.h"
#include "daemon/bus/bus-argument.h"
#include "daemon/latency/response-times.h"
#include "daemon/query/diagnose-host.h"
#include "daemon/query/diagnose.h"
#include "daemon/state/application-permission.h"

#define POLKIT_BUS_NAME "org.freedesktop.PolicyKit1"

/* A question, and where its answer goes. */
typedef struct Question {
        DiagnoseRun *run;
        sd_bus_slot *slot;
        UnitFacts *facts; /* NULL for polkit's */
} Question;

struct DiagnoseRun {
        DiagnoseRun *next; /* in the Manager's list */
        Manager *manager;
        sd_bus_message *message;
        HostFacts facts;
        UnitPermissionCheck *permissions;
        Question *questions;
        size_t n_questions;
        size_t n_waiting;
};

static DiagnoseRun *run_free(DiagnoseRun *run)
{
        if (!run)
                return NULL;
        for (size_t i = 0; i < run->n_questions; i++)
                (void) sd_bus_slot_unref(run->questions[i].slot);
        (void) unit_permission_check_free(run->permissions);
        free(run->questions);
        for (size_t i = 0; i < run->facts.n_application_units; i++)
                free(run->facts.application_unit_names[i]);
        free(run->facts.application_unit_names);
        free(run->facts.application_units);
        if (run->message)
                response_times_release(run->manager->response_times, run->message);
        free(run);
        return NULL;
}

DEFINE_CLEANUP(DiagnoseRun *, run_free);

static void unlink_and_free(DiagnoseRun *run)
{
        for (DiagnoseRun **link = &run->manager->diagnoses; *link; link = &(*link)->next)
                if (*link == run) {
                        *link = run->next;
                        break;
                }
        (void) run_free(run);
}

static int answer(DiagnoseRun *run)
{
        _cleanup_message_ sd_bus_message *reply = NULL;
        int r;

        r = sd_bus_message_new_method_return(run->message, &reply);
        if (r >= 0)
                r = diagnose(run->manager, &run->facts, reply);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

static void answer_when_complete(DiagnoseRun *run)
{
        int r;

        if (run->n_waiting > 0)
                return;
        run->facts.permissions = run->permissions;
        r = answer(run);
        if (r < 0)
                (void) sd_bus_reply_method_errno(run->message, r, NULL);
        if (run->permissions)
                application_permission_take(run->manager, TAKE_PTR(run->permissions));
        unlink_and_free(run);
}

static int on_unit(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        Question *question = userdata;

        unit_facts_read_reply(reply, question->facts);
        question->run->n_waiting--;
        answer_when_complete(question->run);
        return 0;
}

static void on_permissions(UnitPermissionCheck *check, void *userdata)
{
        DiagnoseRun *run = userdata;

        run->n_waiting--;
        answer_when_complete(run);
}

static int on_names(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        Question *question = userdata;
        HostFacts *facts = &question->run->facts;
        const char *name;
        int r;

        r = sd_bus_message_is_method_error(reply, NULL) ? -EIO
                                                        : sd_bus_message_enter_container(reply, 'a', "s");
        while (r >= 0 && (r = sd_bus_message_read(reply, "s", &name)) > 0)
                facts->polkit_there = facts->polkit_there || strcmp(name, POLKIT_BUS_NAME) == 0;
        facts->polkit_known = facts->polkit_known && r >= 0;
        question->run->n_waiting--;
        answer_when_complete(question->run);
        return 0;
}

static Question *next_question(DiagnoseRun *run, UnitFacts *facts)
{
        Question *question = run->questions + run->n_questions++;

        *question = (Question){.run = run, .facts = facts};
        return question;
}

/* A question that can't be asked is one without an answer. */
static void ask_unit(DiagnoseRun *run, const char *unit, UnitFacts *facts)
{
        Question *question = next_question(run, facts);

        if (unit_facts_ask(run->manager->bus, unit, on_unit, question, &question->slot) >= 0)
                run->n_waiting++;
}

static void ask_permissions(DiagnoseRun *run)
{
        HostFacts *facts = &run->facts;

        if (facts->n_application_units > 0 && unit_permission_check_start(run->manager->bus,
                                                              facts->application_unit_names,
                                                              facts->n_application_units,
                                                              on_permissions,
                                                              run,
                                                              &run->permissions) >= 0)
                run->n_waiting++;
}

static void ask_names(DiagnoseRun *run, const char *method)
{
        Question *question = next_question(run, NULL);
        _cleanup_message_ sd_bus_message *call = NULL;

        if (sd_bus_message_new_method_call(run->manager->bus,
                            &call,
                            "org.freedesktop.DBus",
                            "/org/freedesktop/DBus",
                            "org.freedesktop.DBus",
                            method) >= 0 &&
                        sd_bus_call_async(run->manager->bus,
                                        &question->slot,
                                        call,
                                        on_names,
                                        question,
                                        unit_facts_patience_usec()) >= 0)
                run->n_waiting++;
        else
                run->facts.polkit_known = false;
}

static int prepare(DiagnoseRun *run)
{
        const Configuration *configuration = &run->manager->configuration;
        HostFacts *facts = &run->facts;
        size_t n = configuration->n_application_units;

        run->questions = calloc(n + 4, sizeof(Question));
        facts->application_units = calloc(n + 1, sizeof(UnitFacts));
        facts->application_unit_names = calloc(n + 1, sizeof(char *));
        if (!run->questions || !facts->application_units || !facts->application_unit_names)
                return -ENOMEM;
        for (; facts->n_application_units < n; facts->n_application_units++) {
                char *name = strdup(configuration->application_units[facts->n_application_units]);

                if (!name)
                        return -ENOMEM;
                facts->application_unit_names[facts->n_application_units] = name;
        }
        facts->polkit_known = true;
        return 0;
}

static void ask_all(DiagnoseRun *run)
{
        HostFacts *facts = &run->facts;

        ask_unit(run, BACKUP_TIMER, &facts->backup_timer);
        ask_unit(run, VERIFY_TIMER, &facts->verify_timer);
        for (size_t i = 0; i < facts->n_application_units; i++)
                ask_unit(run, facts->application_unit_names[i], facts->application_units + i);
        ask_permissions(run);
        ask_names(run, "ListNames");
        ask_names(run, "ListActivatableNames");
}

int diagnose_run_ask(Manager *manager, sd_bus_message *message, Fault *fault)
{
        _cleanup_(run_freep) DiagnoseRun *run = NULL;
        size_t n_runs = 0;

        for (const DiagnoseRun *other = manager->diagnoses; other; other = other->next)
                n_runs++;
        if (n_runs >= DIAGNOSE_RUNS_MAX || manager->stopping)
                return fault_set(fault,
                                FAULT_BUSY,
                                "%s",
                                manager->stopping ? "The service is stopping"
                                                  : "Too many diagnoses are under way; try again in a "
                                                    "moment");
        run = calloc(1, sizeof(DiagnoseRun));
        if (!run)
                return fault_set_errno(fault, ENOMEM, "Diagnosing");
        run->manager = manager;
        if (prepare(run) < 0)
                return fault_set_errno(fault, ENOMEM, "Diagnosing");
        run->message = response_times_keep(manager->response_times, message);
        run->next = manager->diagnoses;
        manager->diagnoses = run;
        ask_all(run);
        answer_when_complete(TAKE_PTR(run));
        return 0;
}

void diagnose_run_stop_all(Manager *manager)
{
        Fault fault = {.code = FAULT_BUSY, .message = (char *) "The service is stopping"};

        while (manager->diagnoses) {
                (void) bus_reply_fault(manager->diagnoses->message, &fault);
                unlink_and_free(manager->diagnoses);
        }
}
