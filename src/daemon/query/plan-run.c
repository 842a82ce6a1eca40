/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/query/plan-run.h"

#include <string.h>

#include "backup/catalogue/backup-name.h"
#include "backup/restore/restore-plan.h"
#include "base/clock.h"
#include "base/journal.h"
#include "daemon/bus/bus-argument.h"
#include "daemon/catalogue/backup-place.h"
#include "daemon/catalogue/collection.h"
#include "daemon/facts/recovery-decision.h"
#include "daemon/latency/response-times.h"
#include "daemon/loop/lane.h"
#include "daemon/manager.h"

struct PlanRun {
        Work work;
        PlanRun *next; /* in the Manager's list */
        Manager *manager;
        sd_bus_message *message;
        char **units; /* names only, for the answer */
        size_t n_units;

        /* The worker's while it runs. */
        bool running;
        Gate *gate;
        Progress progress;
        Manifest *source;
        char pre_restore_name[BACKUP_NAME_MAX];
        ApplicationControl control;
        RestoreRequest request;
        RestorePlan plan;
        Fault fault;
};

static PlanRun *run_of(Work *work)
{
        return (PlanRun *) ((char *) work - offsetof(PlanRun, work));
}

static PlanRun *plan_run_free(PlanRun *run)
{
        if (!run)
                return NULL;
        response_times_release(run->manager->response_times, run->message);
        for (size_t i = 0; i < run->n_units; i++)
                free(run->units[i]);
        free(run->units);
        (void) manifest_free(run->source);
        restore_plan_done(&run->plan);
        fault_done(&run->fault);
        progress_done(&run->progress);
        free(run);
        return NULL;
}

DEFINE_CLEANUP(PlanRun *, plan_run_free);

static int run_start(Work *work)
{
        run_of(work)->running = true;
        return 0;
}

static void run_run(Work *work)
{
        PlanRun *run = run_of(work);

        if (gate_enter(run->gate, &run->fault) < 0)
                return;
        (void) restore_plan(&run->request, &run->progress, &run->plan, &run->fault);
        gate_leave(run->gate);
}

static int append_tables(sd_bus_message *reply, const RestorePlan *plan)
{
        int r;

        r = sd_bus_message_open_container(reply, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append(reply, "s", "Tables");
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'v', "a(sbtbt)");
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "(sbtbt)");
        for (size_t i = 0; r >= 0 && i < plan->n_tables; i++)
                r = sd_bus_message_append(reply,
                                "(sbtbt)",
                                plan->tables[i].name,
                                (int) plan->tables[i].now_known,
                                plan->tables[i].rows_now,
                                (int) plan->tables[i].then_known,
                                plan->tables[i].rows_then);
        for (int i = 0; r >= 0 && i < 3; i++)
                r = sd_bus_message_close_container(reply);
        return r;
}

/* What the rescue that was held would bring, as it was counted then. */
static int append_rescue(sd_bus_message *reply, const Manager *manager)
{
        const RescueReport *report = &manager->held_rescue;
        int r;

        r = sd_bus_message_append(reply,
                        "{sv}",
                        "NeedsDecision",
                        "s",
                        manager->needs_decision ? manager->needs_decision : "");
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append(reply, "s", "Rescue");
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'v', "a(stttt)");
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "(stttt)");
        for (size_t i = 0; r >= 0 && manager->needs_decision && i < report->n_tables; i++)
                r = sd_bus_message_append(reply,
                                "(stttt)",
                                report->tables[i].name,
                                report->tables[i].rows,
                                report->tables[i].rows_rescued,
                                report->tables[i].rows_kept,
                                report->tables[i].rows_lost + report->tables[i].rows_unknown);
        for (int i = 0; r >= 0 && i < 3; i++)
                r = sd_bus_message_close_container(reply);
        return r;
}

static int append_processes(sd_bus_message *reply, const OpenFiles *open_files)
{
        int r;

        r = sd_bus_message_open_container(reply, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append(reply, "s", "Processes");
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'v', "a(us)");
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "(us)");
        for (size_t i = 0; r >= 0 && i < open_files->n_holders; i++)
                r = sd_bus_message_append(reply,
                                "(us)",
                                (uint32_t) open_files->holders[i].pid,
                                open_files->holders[i].name);
        for (int i = 0; r >= 0 && i < 3; i++)
                r = sd_bus_message_close_container(reply);
        return r;
}

static int append_units(sd_bus_message *reply, const PlanRun *run)
{
        int r;

        r = sd_bus_message_open_container(reply, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append(reply, "s", "Units");
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'v', "as");
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "s");
        for (size_t i = 0; r >= 0 && i < run->n_units; i++)
                r = sd_bus_message_append(reply, "s", run->units[i]);
        for (int i = 0; r >= 0 && i < 3; i++)
                r = sd_bus_message_close_container(reply);
        return r;
}

static int append_plan(sd_bus_message *reply, const PlanRun *run)
{
        const RestorePlan *plan = &run->plan;
        int r;

        r = sd_bus_message_open_container(reply, 'a', "{sv}");
        if (r >= 0)
                r = sd_bus_message_append(reply,
                                "{sv}{sv}{sv}{sv}{sv}{sv}{sv}{sv}{sv}{sv}{sv}",
                                "Name",
                                "s",
                                plan->backup,
                                "CreatedUSec",
                                "t",
                                plan->created_usec,
                                "AgeUSec",
                                "t",
                                plan->age_usec,
                                "CurrentProblem",
                                "s",
                                plan->current_problem,
                                "Method",
                                "s",
                                restore_method_to_string(plan->method),
                                "StopsUnits",
                                "b",
                                (int) plan->stops_units,
                                "RefusedInUse",
                                "b",
                                (int) plan->refused_in_use,
                                "NeededBytes",
                                "t",
                                plan->needed_bytes,
                                "FreeBytes",
                                "t",
                                plan->free_bytes,
                                "SavesAs",
                                "s",
                                plan->saves_as,
                                "Quarantine",
                                "s",
                                plan->quarantine);
        if (r >= 0)
                r = append_tables(reply, plan);
        if (r >= 0)
                r = append_rescue(reply, run->manager);
        if (r >= 0)
                r = append_processes(reply, &plan->open_files);
        if (r >= 0)
                r = append_units(reply, run);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int answer(PlanRun *run)
{
        _cleanup_message_ sd_bus_message *reply = NULL;
        int r;

        if (run->fault.code != FAULT_NONE)
                return bus_reply_fault(run->message, &run->fault);
        r = sd_bus_message_new_method_return(run->message, &reply);
        if (r >= 0)
                r = append_plan(reply, run);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

static void end(PlanRun *run)
{
        int r;

        r = answer(run);
        if (r < 0) {
                journal_line(LOG_DEBUG, "Answering PlanRestore failed: %s", strerrordesc_np(-r));
                /* Nobody is left to wait for an answer that can't be made. */
                (void) sd_bus_reply_method_errno(run->message, r, NULL);
        }
        for (PlanRun **link = &run->manager->plans; *link; link = &(*link)->next)
                if (*link == run) {
                        *link = TAKE_PTR(run->next);
                        break;
                }
        (void) plan_run_free(run);
}

static void run_finish(Work *work)
{
        PlanRun *run = run_of(work);
        Manager *manager = run->manager;

        end(run);
        manager_settle_when_idle(manager);
}

static int fill(PlanRun *run, const Manifest *source)
{
        Manager *manager = run->manager;
        const Configuration *configuration = &manager->configuration;
        uint64_t now_usec = clock_now_usec();
        int r;

        r = collection_make_name(manager, now_usec, manager->newest_label_usec, run->pre_restore_name);
        if (r < 0)
                return r;
        run->source = manifest_copy(source);
        run->units = calloc(configuration->n_application_units + 1, sizeof(char *));
        if (!run->source || !run->units)
                return -ENOMEM;
        for (; run->n_units < configuration->n_application_units; run->n_units++) {
                run->units[run->n_units] = strdup(configuration->application_units[run->n_units]);
                if (!run->units[run->n_units])
                        return -ENOMEM;
        }
        run->control.has_units = run->n_units > 0;
        run->gate = &manager->gate;
        run->request = (RestoreRequest){
                        .state_directory_path = manager->state_directory,
                        .database_path = manager->database_path,
                        .directory_fd = manager->backups_fd,
                        .directory_path = manager->backup_directory,
                        .quarantine_path = manager->quarantine_directory,
                        .source = run->source,
                        .pre_restore_name = run->pre_restore_name,
                        .control = &run->control,
                        .replaced = manager->database_replaced,
                        .now_usec = now_usec,
        };
        return 0;
}

int plan_run_ask(Manager *manager, const char *name, sd_bus_message *message, Fault *fault)
{
        _cleanup_(plan_run_freep) PlanRun *run = NULL;
        const CatalogueEntry *entry;
        size_t n_runs = 0;
        int r;

        r = backup_place_refuse_away(manager, fault);
        if (r < 0)
                return r;
        r = recovery_find(manager->catalogue, &manager->last_restore, name, true, &entry, fault);
        if (r < 0)
                return r;
        for (const PlanRun *other = manager->plans; other; other = other->next)
                n_runs++;
        if (n_runs >= PLAN_RUNS_MAX)
                return fault_set(fault, FAULT_BUSY, "Too many plans are being made; try again in a moment");
        run = calloc(1, sizeof(PlanRun));
        if (!run)
                return fault_set_errno(fault, ENOMEM, "Planning a restore");
        progress_init(&run->progress);
        run->work = (Work){.start = run_start, .run = run_run, .finish = run_finish};
        run->manager = manager;
        r = fill(run, entry->manifest);
        if (r < 0)
                return fault_set_errno(fault, r, "Planning a restore");
        if (lane_submit(manager->quick_lane, &run->work) < 0)
                return fault_set(fault, FAULT_BUSY, "Too much is queued already; try again later");
        run->message = response_times_keep(manager->response_times, message);
        run->next = manager->plans;
        manager->plans = TAKE_PTR(run);
        return 0;
}

void plan_run_stop_all(Manager *manager)
{
        PlanRun *next;

        for (PlanRun *run = manager->plans; run; run = next) {
                next = run->next;
                progress_cancel(&run->progress);
                if (run->running || !lane_withdraw(manager->quick_lane, &run->work))
                        continue;
                (void) fault_set(&run->fault, FAULT_CANCELLED, "The service is stopping");
                end(run);
        }
}

void plan_run_free_all(Manager *manager)
{
        while (manager->plans) {
                PlanRun *run = manager->plans;

                manager->plans = run->next;
                (void) plan_run_free(run);
        }
}
