/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/records/maintenance.h"

#include <string.h>

#include "base/clock.h"
#include "base/journal.h"
#include "base/test-hook.h"
#include "daemon/loop/lane.h"
#include "daemon/manager.h"
#include "daemon/state/condition.h"
#include "database/statistics/analysis.h"
#include "records/prediction-archive.h"

/* Matches looked at in one read transaction. */
#define MATCHES_PER_PAGE 500

/* When there are more, on a database that was never archived, the next backup goes on: each match is a
 * transaction, which waits for the disk. */
#define PREDICTIONS_PER_RUN 2000

struct Maintenance {
        Work work;
        Manager *manager;
        bool queued; /* in the lane, waiting or running */
        bool running;
        bool makes_way; /* interrupted for a job: begins again behind it */

        /* The worker's while it runs. */
        Gate *gate;
        char *database_path;
        Progress progress;
        uint64_t now_usec;
        Statistics counts; /* its tables alone */
        bool analyzes;     /* ANALYZE adds a table, and changes the plans of every connection */
        unsigned n_archived;
        unsigned n_analyzed;
        Fault fault;
};

static Maintenance *maintenance_of(Work *work)
{
        return (Maintenance *) ((char *) work - offsetof(Maintenance, work));
}

static int archive_due(Connection *connection, Maintenance *maintenance)
{
        int64_t after_id = 0;

        do {
                int r = progress_check(&maintenance->progress, &maintenance->fault);

                if (r >= 0)
                        r = prediction_archive_due(connection,
                                        &after_id,
                                        MATCHES_PER_PAGE,
                                        maintenance->now_usec,
                                        &maintenance->n_archived,
                                        &maintenance->fault);
                if (r < 0)
                        return r;
        } while (after_id != 0 && maintenance->n_archived < PREDICTIONS_PER_RUN);
        return 0;
}

static int analyze(Connection *connection, Maintenance *maintenance)
{
        const Statistics *counts = &maintenance->counts;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < counts->n_tables; i++) {
                bool pays;

                r = progress_check(&maintenance->progress, &maintenance->fault);
                if (r >= 0)
                        r = analysis_pays(connection,
                                        counts->tables[i].name,
                                        counts->tables[i].rows,
                                        &pays,
                                        &maintenance->fault);
                if (r < 0 || !pays)
                        continue;
                r = analysis_run(connection, counts->tables[i].name, &maintenance->fault);
                maintenance->n_analyzed += r >= 0;
        }
        return r;
}

static void maintain(Maintenance *maintenance)
{
        _cleanup_(connection_closep) Connection *connection = NULL;
        int r = connection_open(maintenance->database_path,
                        CONNECTION_WRITE,
                        &maintenance->progress,
                        &connection,
                        &maintenance->fault);

        if (r >= 0)
                gate_let_yield(maintenance->gate, connection);
        if (r >= 0)
                r = archive_due(connection, maintenance);
        if (r >= 0 && maintenance->analyzes)
                (void) analyze(connection, maintenance);
}

static int maintenance_start(Work *work)
{
        Maintenance *maintenance = maintenance_of(work);
        int r;

        maintenance->now_usec = clock_now_usec();
        fault_done(&maintenance->fault);
        /* What is found corrupt is for a restore, and a stop has no time for this. */
        r = manager_require_sound_database(maintenance->manager, &maintenance->fault);
        maintenance->running = r >= 0;
        return r;
}

static void maintenance_run(Work *work)
{
        Maintenance *maintenance = maintenance_of(work);

        if (gate_enter(maintenance->gate, &maintenance->fault) < 0)
                return;
        TEST_POINT("maintaining");
        maintain(maintenance);
        gate_leave(maintenance->gate);
        TEST_POINT("maintained");
}

static void tell(Maintenance *maintenance)
{
        FaultCode code = maintenance->fault.code;

        if (maintenance->n_archived > 0)
                journal_line(LOG_INFO,
                                "Archived %u prediction%s whose match has got its result",
                                maintenance->n_archived,
                                maintenance->n_archived == 1 ? "" : "s");
        if (maintenance->n_analyzed > 0)
                journal_line(LOG_INFO,
                                "Analyzed %u table%s for SQLite's query planner",
                                maintenance->n_analyzed,
                                maintenance->n_analyzed == 1 ? "" : "s");
        if (code != FAULT_NONE)
                journal_line(code == FAULT_BUSY || code == FAULT_CANCELLED ? LOG_DEBUG : LOG_WARNING,
                                "Archiving predictions and analyzing tables is left for the next backup: %s",
                                maintenance->fault.message);
        maintenance->n_archived = maintenance->n_analyzed = 0;
}

/* Behind the job that it was interrupted for. A lane that is full has more to do than this. */
static bool begin_again(Maintenance *maintenance)
{
        bool made_way = maintenance->makes_way && !maintenance->manager->stopping;

        maintenance->makes_way = maintenance->running = false;
        if (!made_way)
                return false;
        /* Also when it was through before it was asked: the next run is not to be cancelled. */
        progress_done(&maintenance->progress);
        progress_init(&maintenance->progress);
        return maintenance->fault.code == FAULT_CANCELLED &&
               lane_submit(maintenance->manager->bulk_lane, &maintenance->work) >= 0;
}

static void maintenance_finish(Work *work)
{
        Maintenance *maintenance = maintenance_of(work);
        Manager *manager = maintenance->manager;
        bool ran = maintenance->running;

        if (begin_again(maintenance))
                return;
        maintenance->queued = false;
        statistics_done(&maintenance->counts);
        tell(maintenance);
        if (ran)
                manager_met_fault(manager, &maintenance->fault);
        manager_settle_when_idle(manager);
}

int maintenance_new(Manager *manager, Maintenance **ret, Fault *fault)
{
        Maintenance *maintenance = calloc(1, sizeof *maintenance);

        if (!maintenance || !(maintenance->database_path = strdup(manager->database_path))) {
                free(maintenance);
                return fault_set_errno(fault, ENOMEM, "Starting");
        }
        maintenance->manager = manager;
        maintenance->gate = &manager->gate;
        maintenance->work = (Work){
                        .start = maintenance_start, .run = maintenance_run, .finish = maintenance_finish};
        progress_init(&maintenance->progress);
        *ret = maintenance;
        return 0;
}

Maintenance *maintenance_free(Maintenance *maintenance)
{
        if (!maintenance)
                return NULL;
        statistics_done(&maintenance->counts);
        fault_done(&maintenance->fault);
        progress_done(&maintenance->progress);
        free(maintenance->database_path);
        free(maintenance);
        return NULL;
}

static int copy_counts(Statistics *counts, const TableCount *tables, size_t n_tables)
{
        counts->tables = calloc(n_tables, sizeof *counts->tables);
        if (!counts->tables)
                return -ENOMEM;
        for (; counts->n_tables < n_tables; counts->n_tables++) {
                TableCount *copy = &counts->tables[counts->n_tables];

                copy->rows = tables[counts->n_tables].rows;
                copy->name = strdup(tables[counts->n_tables].name);
                if (!copy->name)
                        return -ENOMEM;
        }
        return 0;
}

void maintenance_follow(Maintenance *maintenance, const TableCount *tables, size_t n_tables)
{
        if (maintenance->queued || maintenance->manager->schema.role <= SCHEMA_ROLE_NONE)
                return;
        maintenance->analyzes = maintenance->manager->schema.role == SCHEMA_ROLE_OWN;
        if (copy_counts(&maintenance->counts, tables, n_tables) < 0 ||
                        lane_submit(maintenance->manager->bulk_lane, &maintenance->work) < 0) {
                statistics_done(&maintenance->counts);
                return;
        }
        maintenance->queued = true;
}

void maintenance_make_way(Maintenance *maintenance)
{
        Lane *lane = maintenance->manager->bulk_lane;

        if (maintenance->running) {
                maintenance->makes_way = true;
                progress_cancel(&maintenance->progress);
        } else if (maintenance->queued && lane_withdraw(lane, &maintenance->work)) {
                maintenance->queued = lane_submit(lane, &maintenance->work) >= 0;
                if (!maintenance->queued)
                        statistics_done(&maintenance->counts);
        }
}

void maintenance_stop(Maintenance *maintenance)
{
        progress_cancel(&maintenance->progress);
        if (maintenance->queued && !maintenance->running &&
                        lane_withdraw(maintenance->manager->bulk_lane, &maintenance->work))
                maintenance->queued = false;
}

bool maintenance_is_running(const Maintenance *maintenance)
{
        return maintenance->queued;
}
