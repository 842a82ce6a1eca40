/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/query/plan-run.h"

#include <fcntl.h>
#include <string.h>

#include "backup/catalogue/backup-name.h"
#include "backup/create/bring-in.h"
#include "backup/restore/restore-plan.h"
#include "backup/restore/restore-record.h"
#include "base/clock.h"
#include "base/journal.h"
#include "daemon/bus/bus-argument.h"
#include "daemon/catalogue/backup-place.h"
#include "daemon/catalogue/collection.h"
#include "daemon/facts/recovery-decision.h"
#include "daemon/latency/response-times.h"
#include "daemon/loop/lane.h"
#include "daemon/manager.h"
#include "daemon/state/unpacking.h"

struct PlanRun {
        Work work;
        PlanRun *next; /* in the Manager's list */
        Manager *manager;
        sd_bus_message *message;
        Lane *lane;
        char *refused; /* why it would be refused unless forced; NULL when it would not */
        char **units;  /* names only, for the answer */
        size_t n_units;

        /* The worker's while it runs. */
        bool running;
        Gate *gate;
        Progress progress;
        char *file_name; /* of a file that would be brought in; else NULL */
        int file_fd;
        AgeIdentities *passed;
        Manifest *source;
        char *quarantine;
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
        free(run->refused);
        free(run->file_name);
        closep(&run->file_fd);
        (void) age_identities_free(run->passed);
        (void) manifest_free(run->source);
        free(run->quarantine);
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

/* Proved, as the restore would: a plan for what is no database helps nobody. */
static int look_into_file(PlanRun *run)
{
        const RestoreRequest *request = &run->request;
        const BringInRequest bring = {
                        .source_fd = run->file_fd,
                        .source_name = run->file_name,
                        .directory_fd = request->directory_fd,
                        .directory_path = request->directory_path,
                        .name = run->pre_restore_name,
                        .identities = request->identities,
                        .effort = request->effort,
                        .now_usec = request->now_usec,
        };
        int r = bring_in_look(&bring, &run->progress, &run->source, &run->fault);

        run->request.source = run->source;
        return r;
}

static void run_run(Work *work)
{
        PlanRun *run = run_of(work);
        int r;

        if (run->file_name && look_into_file(run) < 0)
                return;
        if (gate_enter(run->gate, &run->fault) < 0)
                return;
        r = restore_plan(&run->request, &run->progress, &run->plan, &run->fault);
        gate_leave(run->gate);
        /* It becomes a backup first. */
        if (r >= 0 && run->file_name)
                run->plan.needed_bytes += run->source->database_bytes;
}

static int append_tables(sd_bus_message *reply, const RestorePlan *plan)
{
        size_t room_bytes = BUS_NAMES_MAX_BYTES;
        int r;

        r = sd_bus_message_open_container(reply, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append(reply, "s", "Tables");
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'v', "a(sbtbt)");
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "(sbtbt)");
        for (size_t i = 0; r >= 0 && i < plan->n_tables && bus_take_room(&room_bytes, plan->tables[i].name);
                        i++) {
                r = sd_bus_message_open_container(reply, 'r', "sbtbt");
                if (r >= 0)
                        r = bus_append_name(reply, plan->tables[i].name);
                if (r >= 0)
                        r = sd_bus_message_append(reply,
                                        "btbt",
                                        (int) plan->tables[i].now_known,
                                        plan->tables[i].rows_now,
                                        (int) plan->tables[i].then_known,
                                        plan->tables[i].rows_then);
                if (r >= 0)
                        r = sd_bus_message_close_container(reply);
        }
        for (int i = 0; r >= 0 && i < 3; i++)
                r = sd_bus_message_close_container(reply);
        return r;
}

/* What the rescue that was held would bring, as it was counted then. */
static int append_rescue(sd_bus_message *reply, const Manager *manager)
{
        const RescueReport *report = &manager->held_rescue;
        size_t room_bytes = BUS_NAMES_MAX_BYTES;
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
        for (size_t i = 0; r >= 0 && manager->needs_decision && i < report->n_tables &&
                           bus_take_room(&room_bytes, report->tables[i].name);
                        i++) {
                r = sd_bus_message_open_container(reply, 'r', "stttt");
                if (r >= 0)
                        r = bus_append_name(reply, report->tables[i].name);
                if (r >= 0)
                        r = sd_bus_message_append(reply,
                                        "tttt",
                                        report->tables[i].rows,
                                        report->tables[i].rows_rescued,
                                        report->tables[i].rows_kept,
                                        report->tables[i].rows_lost + report->tables[i].rows_unknown);
                if (r >= 0)
                        r = sd_bus_message_close_container(reply);
        }
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
                                "{sv}{sv}{sv}{sv}{sv}{sv}{sv}{sv}{sv}{sv}{sv}{sv}{sv}",
                                "Name",
                                "s",
                                plan->backup,
                                "CreatedUSec",
                                "t",
                                plan->created_usec,
                                "AgeUSec",
                                "t",
                                plan->age_usec,
                                "VerifiedUSec",
                                "t",
                                plan->verified_usec,
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
                                "Refused",
                                "s",
                                run->refused,
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
        /* A file's name, or a finding about its content, may be in it. */
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append(reply, "s", "VerificationFault");
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'v', "s");
        if (r >= 0)
                r = bus_append_text(reply, plan->verification_fault ? plan->verification_fault : "");
        for (int i = 0; r >= 0 && i < 2; i++)
                r = sd_bus_message_close_container(reply);
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
                journal_line(LOG_DEBUG, "Answering the call for a plan failed: %s", strerrordesc_np(-r));
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

/* What the restore would take. */
static int take_source(PlanRun *run, const char *name, Fault *fault)
{
        const CatalogueEntry *entry;
        int r = recovery_find(
                        run->manager->catalogue, &run->manager->last_restore, name, true, &entry, fault);

        if (r < 0)
                return r;
        run->source = manifest_copy(entry->manifest);
        return run->source ? 0 : -ENOMEM;
}

static int take_replaced(PlanRun *run, Fault *fault)
{
        const Manager *manager = run->manager;
        _cleanup_free_ char *name = NULL;
        int r = restore_undo_source(manager->state_directory,
                        &manager->identity,
                        manager->backups_fd,
                        &name,
                        &run->quarantine,
                        fault);

        if (r < 0)
                return r;
        if (name)
                return take_source(run, name, fault);
        if (manager->last_restore.damaged &&
                        asprintf(&run->refused,
                                        "What the last restore replaced is damaged: only with --force is it "
                                        "put back from %s",
                                        run->quarantine) < 0) {
                run->refused = NULL;
                return -ENOMEM;
        }
        return 0;
}

static int take_file(PlanRun *run, RestoreWish *wish)
{
        run->file_name = strdup(wish->file_name);
        if (!run->file_name)
                return -ENOMEM;
        run->file_fd = fcntl(wish->file_fd, F_DUPFD_CLOEXEC, 3);
        if (run->file_fd < 0)
                return -errno;
        run->passed = TAKE_PTR(wish->identities);
        return 0;
}

static int take_units(PlanRun *run)
{
        const Configuration *configuration = &run->manager->configuration;

        run->units = calloc(configuration->n_application_units + 1, sizeof(char *));
        if (!run->units)
                return -ENOMEM;
        for (; run->n_units < configuration->n_application_units; run->n_units++) {
                run->units[run->n_units] = strdup(configuration->application_units[run->n_units]);
                if (!run->units[run->n_units])
                        return -ENOMEM;
        }
        run->control.has_units = run->n_units > 0;
        return 0;
}

static int fill(PlanRun *run, RestoreWish *wish, Fault *fault)
{
        Manager *manager = run->manager;
        uint64_t now_usec = clock_now_usec();
        int r;

        r = collection_make_name(manager, now_usec, manager->newest_label_usec, run->pre_restore_name);
        if (r >= 0)
                r = take_units(run);
        if (r >= 0)
                r = wish->undo        ? take_replaced(run, fault)
                    : wish->file_name ? take_file(run, wish)
                                      : take_source(run, wish->name, fault);
        if (r < 0)
                return r;
        run->gate = &manager->gate;
        run->request = (RestoreRequest){
                        .state_directory_path = manager->state_directory,
                        .database_path = manager->database_path,
                        .directory_fd = manager->backups_fd,
                        .directory_path = manager->backup_directory,
                        .quarantine_path = manager->quarantine_directory,
                        .source = run->source,
                        .source_quarantine = run->quarantine,
                        .pre_restore_name = run->pre_restore_name,
                        .identities = run->passed ? run->passed : manager->identities,
                        .effort = unpacking_effort(manager),
                        .control = &run->control,
                        .replaced = manager->database_replaced,
                        .now_usec = now_usec,
        };
        /* Somebody waits for it. */
        run->request.effort.bytes_per_second = 0;
        return 0;
}

int plan_run_ask(Manager *manager, RestoreWish *wish, sd_bus_message *message, Fault *fault)
{
        _cleanup_(plan_run_freep) PlanRun *run = NULL;
        size_t n_runs = 0;
        int r;

        r = backup_place_refuse_away(manager, fault);
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
        run->file_fd = -EBADF;
        /* A file is copied and proved, which may take as long as a backup, and works under names that no job
         * may use meanwhile. */
        run->lane = wish->file_name ? manager->bulk_lane : manager->quick_lane;
        r = fill(run, wish, fault);
        if (r < 0)
                return fault && fault->code != FAULT_NONE ? r
                                                          : fault_set_errno(fault, r, "Planning a restore");
        if (lane_submit(run->lane, &run->work) < 0)
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
                if (run->running || !lane_withdraw(run->lane, &run->work))
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
