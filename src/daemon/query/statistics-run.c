/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/query/statistics-run.h"

#include <string.h>

#include "base/clock.h"
#include "base/journal.h"
#include "daemon/audit/audit.h"
#include "daemon/bus/bus-argument.h"
#include "daemon/catalogue/identity-keeper.h"
#include "daemon/latency/response-times.h"
#include "daemon/manager.h"
#include "daemon/query/figures.h"
#include "daemon/state/condition.h"
#include "daemon/state/property-changes.h"
#include "daemon/store/schema-role.h"

typedef struct Waiter {
        sd_bus_message *message;
        uid_t uid;
} Waiter;

struct StatisticsRun {
        Work work;
        Manager *manager;

        /* The loop's. The first n_served waiters get the count that runs, the others the next one. */
        Waiter waiters[STATISTICS_WAITERS_MAX];
        size_t n_waiters;
        size_t n_served;
        bool queued;  /* in the lane, waiting or running */
        bool running; /* a worker has it */
        bool wanted;  /* another count is to follow */

        /* The worker's while it runs. */
        Progress progress;
        Gate *gate;
        char *database_path;
        Statistics statistics;
        bool inspects; /* whose tables these are is not known yet */
        SchemaChoice schema_choice;
        SchemaReport schema;
        Fault fault;
};

static StatisticsRun *run_of(Work *work)
{
        return (StatisticsRun *) ((char *) work - offsetof(StatisticsRun, work));
}

static int run_start(Work *work)
{
        StatisticsRun *run = run_of(work);

        run->running = true;
        run->wanted = false;
        run->n_served = run->n_waiters;
        run->inspects = run->manager->schema.role == SCHEMA_ROLE_UNKNOWN;
        run->schema_choice = run->manager->configuration.schema;
        fault_done(&run->fault);
        return 0;
}

static void count(StatisticsRun *run)
{
        _cleanup_(connection_closep) Connection *connection = NULL;

        if (connection_open(run->database_path, CONNECTION_READ, &run->progress, &connection, &run->fault) <
                        0)
                return;
        gate_let_yield(run->gate, connection);
        if (statistics_collect(connection, &run->statistics, &run->fault) >= 0 && run->inspects)
                (void) schema_inspect(connection, run->schema_choice, &run->schema, &run->fault);
}

static void run_run(Work *work)
{
        StatisticsRun *run = run_of(work);

        if (gate_enter(run->gate, &run->fault) < 0)
                return;
        count(run);
        gate_leave(run->gate);
}

static int reply_statistics(Manager *manager, sd_bus_message *message)
{
        _cleanup_message_ sd_bus_message *reply = NULL;
        int r;

        r = sd_bus_message_new_method_return(message, &reply);
        if (r < 0)
                return r;
        r = figures_append(manager, reply);
        if (r < 0)
                return r;
        return sd_bus_send(NULL, reply, NULL);
}

static void answer_waiters(StatisticsRun *run, size_t n, const Fault *fault)
{
        int r;

        for (size_t i = 0; i < n; i++) {
                if (fault->code != FAULT_NONE)
                        r = bus_reply_fault(run->waiters[i].message, fault);
                else
                        r = reply_statistics(run->manager, run->waiters[i].message);
                if (r < 0) {
                        journal_line(LOG_DEBUG,
                                        "Answering a call for statistics failed: %s",
                                        strerrordesc_np(-r));
                        (void) sd_bus_reply_method_errno(run->waiters[i].message, r, NULL);
                }
                response_times_release(run->manager->response_times, run->waiters[i].message);
        }
        run->n_waiters -= n;
        (void) memmove(run->waiters, run->waiters + n, run->n_waiters * sizeof(Waiter));
        run->n_served = 0;
}

static int submit(StatisticsRun *run)
{
        int r = lane_submit(run->manager->quick_lane, &run->work);

        run->queued = r >= 0;
        return r;
}

void statistics_run_take_over(Manager *manager, const Statistics *statistics)
{
        statistics_done(&manager->statistics);
        manager->statistics = *statistics;
        manager->tables_counted_usec = clock_now_usec();
        manager_changed(manager, CHANGE_STATISTICS);
}

/* Whatever happened while the service did not run shows in the first counts. */
static void compare_counts(Manager *manager)
{
        if (manager->counts_awaited)
                identity_keeper_compare(manager, manager->statistics.tables, manager->statistics.n_tables);
        manager->counts_awaited = false;
}

/* The start-up could not look, since the database was locked, say. */
static void take_over_schema(StatisticsRun *run)
{
        Manager *manager = run->manager;

        if (run->schema.role == SCHEMA_ROLE_UNKNOWN || manager->schema.role != SCHEMA_ROLE_UNKNOWN) {
                schema_report_done(&run->schema);
                return;
        }
        manager->schema = run->schema;
        run->schema = (SchemaReport){0};
        manager_schema_known(manager);
        audit_resume();
}

static void run_finish(Work *work)
{
        StatisticsRun *run = run_of(work);
        Manager *manager = run->manager;
        Fault busy = {.code = FAULT_BUSY, .message = (char *) "The queue is full; try again later"};

        run->queued = run->running = false;
        take_over_schema(run);
        if (run->fault.code == FAULT_NONE) {
                statistics_run_take_over(manager, &run->statistics);
                run->statistics = (Statistics){0};
                compare_counts(manager);
        } else
                manager_met_fault(manager, &run->fault);
        manager_records_counted(manager, run->fault.code == FAULT_NONE);
        manager_flush_changes(manager);
        answer_waiters(run, run->n_served, &run->fault);

        if (run->wanted && !manager->stopping && submit(run) < 0)
                answer_waiters(run, run->n_waiters, &busy);
        manager_settle_when_idle(manager);
}

int statistics_run_new(Manager *manager, StatisticsRun **ret, Fault *fault)
{
        StatisticsRun *run = calloc(1, sizeof(StatisticsRun));

        if (run)
                run->database_path = strdup(manager->database_path);
        if (!run || !run->database_path) {
                free(run);
                return fault_set_errno(fault, ENOMEM, "Starting");
        }
        run->manager = manager;
        run->gate = &manager->gate;
        run->work = (Work){.start = run_start, .run = run_run, .finish = run_finish};
        progress_init(&run->progress);
        *ret = run;
        return 0;
}

StatisticsRun *statistics_run_free(StatisticsRun *run)
{
        if (!run)
                return NULL;
        for (size_t i = 0; i < run->n_waiters; i++)
                response_times_release(run->manager->response_times, run->waiters[i].message);
        statistics_done(&run->statistics);
        schema_report_done(&run->schema);
        fault_done(&run->fault);
        progress_done(&run->progress);
        free(run->database_path);
        free(run);
        return NULL;
}

int statistics_run_ask(StatisticsRun *run, sd_bus_message *message, const Caller *caller, Fault *fault)
{
        unsigned n_own = 0;

        for (size_t i = 0; message && i < run->n_waiters; i++)
                n_own += run->waiters[i].uid == caller->uid;
        if (message && (run->n_waiters >= STATISTICS_WAITERS_MAX ||
                                       n_own >= STATISTICS_WAITERS_PER_CALLER_MAX))
                return fault_set(fault,
                                FAULT_BUSY,
                                "Too many calls wait for statistics already; wait for their answers first");
        if (!run->queued && submit(run) < 0)
                return fault_set(fault, FAULT_BUSY, "Too much is queued already; try again later");
        run->wanted = run->running;
        if (message)
                run->waiters[run->n_waiters++] = (Waiter){
                                .message = response_times_keep(run->manager->response_times, message),
                                .uid = caller->uid,
                };
        return 0;
}

bool statistics_run_stop(StatisticsRun *run)
{
        Fault fault = {.code = FAULT_CANCELLED, .message = (char *) "The service is stopping"};

        progress_cancel(&run->progress);
        if (!run->running) {
                if (run->queued)
                        (void) lane_withdraw(run->manager->quick_lane, &run->work);
                run->queued = false;
        }
        answer_waiters(run, run->n_waiters, &fault);
        return run->running;
}

bool statistics_run_is_running(const StatisticsRun *run)
{
        return run->running;
}
