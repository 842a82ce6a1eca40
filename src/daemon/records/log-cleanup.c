/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/records/log-cleanup.h"

#include <inttypes.h>

#include "base/clock.h"
#include "base/journal.h"
#include "daemon/manager.h"
#include "daemon/state/condition.h"
#include "daemon/store/schema-role.h"
#include "records/log-retention.h"

struct LogCleanup {
        Work work;

        /* The loop's. */
        Manager *manager;
        sd_event_source *pause_event_source;
        bool at_work; /* between the first piece and the last */
        bool busy;
        uint64_t n_removed[_LOG_TABLE_MAX];

        /* The worker's while it runs. */
        RecordStore *store;
        LogRetention retention;
        unsigned n_step;
        Fault fault;
};

static LogCleanup *cleanup_of(Work *work)
{
        return (LogCleanup *) ((char *) work - offsetof(LogCleanup, work));
}

static void cleanup_run(Work *work)
{
        LogCleanup *cleanup = cleanup_of(work);
        Connection *connection;

        if (record_store_connect(cleanup->store, &connection, &cleanup->fault) < 0)
                return;
        (void) log_retention_step(connection, &cleanup->retention, &cleanup->n_step, &cleanup->fault);
        record_store_leave(cleanup->store, &cleanup->fault);
}

static void end(LogCleanup *cleanup)
{
        cleanup->at_work = false;
        if (cleanup->n_removed[LOG_SYSTEM] + cleanup->n_removed[LOG_ACCESS] > 0)
                journal_line(LOG_INFO,
                                "Removed %" PRIu64 " old rows of system_logs and %" PRIu64 " of access_logs",
                                cleanup->n_removed[LOG_SYSTEM],
                                cleanup->n_removed[LOG_ACCESS]);
}

static bool is_fit(const Manager *manager)
{
        if (manager_require_schema(manager, NULL) < 0)
                return false;
        if (manager_log_store(manager) == manager->audit_store)
                return manager_require_started(manager, NULL) >= 0;
        return manager_require_started(manager, NULL) >= 0 &&
               manager_require_sound_database(manager, NULL) >= 0 && !manager->database_replaced;
}

static void submit(LogCleanup *cleanup)
{
        cleanup->store = manager_log_store(cleanup->manager);
        if (is_fit(cleanup->manager) && lane_submit(cleanup->manager->quick_lane, &cleanup->work) >= 0)
                cleanup->busy = true;
        else
                end(cleanup);
}

static int on_pause_end(sd_event_source *source, uint64_t usec, void *userdata)
{
        submit(userdata);
        return 0;
}

static void go_on(LogCleanup *cleanup)
{
        LogRetention *retention = &cleanup->retention;

        cleanup->n_removed[retention->table] += cleanup->n_step;
        if (retention->after_id == 0)
                retention->table++;
        if (retention->table == _LOG_TABLE_MAX ||
                        sd_event_source_set_time_relative(
                                        cleanup->pause_event_source, LOG_CLEANUP_PAUSE_USEC) < 0 ||
                        sd_event_source_set_enabled(cleanup->pause_event_source, SD_EVENT_ONESHOT) < 0)
                end(cleanup);
}

static void cleanup_finish(Work *work)
{
        LogCleanup *cleanup = cleanup_of(work);
        Manager *manager = cleanup->manager;

        cleanup->busy = false;
        if (cleanup->fault.code == FAULT_NONE)
                go_on(cleanup);
        else {
                if (cleanup->fault.code != FAULT_BUSY && cleanup->fault.code != FAULT_CANCELLED)
                        journal_line(LOG_WARNING,
                                        "Removing old rows of the logs failed: %s",
                                        cleanup->fault.message);
                if (cleanup->store == manager->record_store)
                        manager_met_fault(manager, &cleanup->fault);
                end(cleanup);
        }
        fault_done(&cleanup->fault);
        record_store_used(cleanup->store);
        manager_settle_when_idle(manager);
}

int log_cleanup_new(Manager *manager, LogCleanup **ret, Fault *fault)
{
        _cleanup_(log_cleanup_freep) LogCleanup *cleanup = calloc(1, sizeof(LogCleanup));
        int r;

        if (!cleanup)
                return fault_set_errno(fault, ENOMEM, "Starting");
        cleanup->work = (Work){.run = cleanup_run, .finish = cleanup_finish};
        cleanup->manager = manager;
        r = sd_event_add_time_relative(manager->event,
                        &cleanup->pause_event_source,
                        CLOCK_MONOTONIC,
                        0,
                        LOG_CLEANUP_PAUSE_USEC,
                        on_pause_end,
                        cleanup);
        if (r >= 0)
                r = sd_event_source_set_enabled(cleanup->pause_event_source, SD_EVENT_OFF);
        if (r < 0)
                return fault_set_errno(fault, r, "Starting");
        *ret = TAKE_PTR(cleanup);
        return 0;
}

LogCleanup *log_cleanup_free(LogCleanup *cleanup)
{
        if (!cleanup)
                return NULL;
        (void) sd_event_source_disable_unref(cleanup->pause_event_source);
        fault_done(&cleanup->fault);
        free(cleanup);
        return NULL;
}

void log_cleanup_begin(LogCleanup *cleanup)
{
        uint64_t now_usec = clock_now_usec(), kept_usec = cleanup->manager->configuration.log_retention_usec;

        if (cleanup->at_work || kept_usec == UINT64_MAX || kept_usec >= now_usec)
                return;
        cleanup->at_work = true;
        cleanup->retention = (LogRetention){.table = LOG_SYSTEM,
                        .before_usec = now_usec - kept_usec,
                        .all = cleanup->manager->configuration.log_retention_all};
        cleanup->n_removed[LOG_SYSTEM] = cleanup->n_removed[LOG_ACCESS] = 0;
        submit(cleanup);
}

bool log_cleanup_is_busy(const LogCleanup *cleanup)
{
        return cleanup->busy;
}
