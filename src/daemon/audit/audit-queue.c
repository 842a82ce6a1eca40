/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/audit/audit-queue.h"

#include <inttypes.h>

#include "base/clock.h"
#include "base/journal.h"
#include "daemon/audit/audit-item.h"
#include "daemon/manager.h"
#include "daemon/state/condition.h"
#include "daemon/state/property-changes.h"
#include "daemon/store/schema-role.h"
#include "records/log-file.h"

/* After a failure, doubled each time. */
#define RETRY_MIN_USEC USEC_PER_SEC
#define RETRY_MAX_USEC (32 * USEC_PER_SEC)

struct AuditQueue {
        Work work;

        /* The loop's. */
        Manager *manager;
        AuditList waiting;
        size_t n_own;
        size_t n_appends; /* these two with those of the batch: they are not answered yet */
        size_t appends_bytes;
        uint64_t n_lost;
        sd_event_source *timer;
        uint64_t due_usec; /* monotonic; UINT64_MAX when the timer is off */
        uint64_t retry_usec;
        bool busy;
        RecordStore *store; /* where the batch goes, while the lane has it */
        bool locked;        /* by another process, or for a restore, when it was last tried */
        bool failing;       /* told already */
        bool flush_failed;  /* there is no second try */

        /* The worker's while it runs. The items are in their order. */
        LogItem *batch[AUDIT_BATCH_ROWS];
        size_t n_batch;
        bool flushing; /* not through the store, which is stopped */
        Progress progress;
        Fault fault;
};

static AuditQueue *queue_of(Work *work)
{
        return (AuditQueue *) ((char *) work - offsetof(AuditQueue, work));
}

static void end_item(AuditQueue *queue, AuditItem *item, const Fault *fault)
{
        if (!item->message)
                queue->n_own--;
        else {
                queue->n_appends--;
                queue->appends_bytes -= item->size_bytes;
                audit_item_answer(item, fault);
        }
        (void) audit_item_free(item);
}

static void arm(AuditQueue *queue, uint64_t delay_usec)
{
        uint64_t due_usec = clock_monotonic_usec() + delay_usec;

        if (due_usec >= queue->due_usec)
                return;
        if (sd_event_source_set_time(queue->timer, due_usec) >= 0 &&
                        sd_event_source_set_enabled(queue->timer, SD_EVENT_ONESHOT) >= 0)
                queue->due_usec = due_usec;
}

static void arm_for_what_waits(AuditQueue *queue)
{
        if (!queue->waiting.first || queue->busy || queue->manager->stopping)
                return;
        if (queue->locked && queue->n_appends > 0)
                arm(queue, AUDIT_LOCK_RETRY_USEC);
        else if (queue->retry_usec > 0)
                arm(queue, queue->retry_usec);
        else
                arm(queue, queue->n_appends > 0 ? AUDIT_GATHER_APPENDS_USEC : AUDIT_GATHER_OWN_USEC);
}

/* Those that have waited for `waited_usec` or longer: the service's own rows wait for as long as it takes,
 * callers don't. */
static void refuse_appends(AuditQueue *queue, uint64_t waited_usec, const Fault *fault)
{
        uint64_t now_usec = clock_monotonic_usec();
        AuditList all = queue->waiting;
        AuditItem *item;

        audit_list_init(&queue->waiting);
        while ((item = audit_list_take_first(&all)))
                if (item->message && now_usec - item->kept_usec >= waited_usec)
                        end_item(queue, item, fault);
                else
                        audit_list_add(&queue->waiting, item);
}

static int require_fit(const Manager *manager, Fault *fault)
{
        int r = manager_require_started(manager, fault);

        if (r >= 0)
                r = manager_require_schema(manager, fault);
        /* The service's own file has nothing to do with the state of the database. */
        return r < 0 || manager_log_store(manager) != manager->record_store
                               ? r
                               : manager_require_sound_database(manager, fault);
}

static void wait_longer(AuditQueue *queue)
{
        queue->retry_usec = queue->retry_usec == 0 ? RETRY_MIN_USEC
                                                   : MIN_OF(2 * queue->retry_usec, RETRY_MAX_USEC);
}

static void take_batch(AuditQueue *queue)
{
        while (queue->waiting.first && queue->n_batch < AUDIT_BATCH_ROWS)
                queue->batch[queue->n_batch++] = &audit_list_take_first(&queue->waiting)->log;
}

static void put_batch_back(AuditQueue *queue)
{
        while (queue->n_batch > 0)
                audit_list_add_first(&queue->waiting, audit_item_of(queue->batch[--queue->n_batch]));
}

static void submit(AuditQueue *queue)
{
        _cleanup_fault_ Fault fault = {0};

        if (queue->busy || !queue->waiting.first)
                return;
        if (require_fit(queue->manager, &fault) < 0) {
                refuse_appends(queue, 0, &fault);
                wait_longer(queue);
                arm_for_what_waits(queue);
                return;
        }
        /* What is found corrupt goes into the quarantine as it was found. */
        if (manager_log_store(queue->manager) == queue->manager->record_store &&
                        manager_is_suspecting(queue->manager)) {
                (void) fault_set(&fault, FAULT_BUSY, "The database is being checked; try again in a moment");
                refuse_appends(queue, AUDIT_APPEND_BOUND_USEC, &fault);
                arm(queue, AUDIT_GATHER_OWN_USEC);
                return;
        }
        take_batch(queue);
        queue->store = manager_log_store(queue->manager);
        if (lane_submit(queue->manager->quick_lane, &queue->work) < 0) {
                put_batch_back(queue);
                arm(queue, AUDIT_GATHER_OWN_USEC);
                return;
        }
        queue->busy = true;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
        AuditQueue *queue = userdata;

        queue->due_usec = UINT64_MAX;
        submit(queue);
        return 0;
}

static void write_through_store(AuditQueue *queue)
{
        RecordStore *store = queue->store;
        Connection *connection;

        if (record_store_connect(store, &connection, &queue->fault) < 0)
                return;
        connection->busy_bound_usec = AUDIT_LOCK_BOUND_USEC;
        (void) log_write(connection, queue->batch, queue->n_batch, &queue->fault);
        connection->busy_bound_usec = CONNECTION_BUSY_BOUND_USEC;
        record_store_leave(store, &queue->fault);
}

static void connect_and_write(AuditQueue *queue, const char *path)
{
        _cleanup_(connection_closep) Connection *connection = NULL;

        if (connection_open(path, CONNECTION_WRITE, &queue->progress, &connection, &queue->fault) < 0)
                return;
        connection->bound.bound_usec = RECORD_STORE_STATEMENT_BOUND_USEC;
        (void) log_write(connection, queue->batch, queue->n_batch, &queue->fault);
}

static void queue_run(Work *work)
{
        AuditQueue *queue = queue_of(work);
        RecordStore *store = queue->store;
        Gate *gate = record_store_gate(store);

        if (!queue->flushing) {
                write_through_store(queue);
                return;
        }
        if (gate_enter(gate, &queue->fault) < 0)
                return;
        if (record_store_prepare(store, &queue->fault) >= 0)
                connect_and_write(queue, record_store_path(store));
        gate_leave(gate);
}

static void end_batch(AuditQueue *queue)
{
        for (size_t i = 0; i < queue->n_batch; i++) {
                AuditItem *item = audit_item_of(queue->batch[i]);

                if (!item->message && item->log.fault.code != FAULT_NONE)
                        journal_line(item->log.fault.code == FAULT_NOT_FOUND ? LOG_DEBUG : LOG_WARNING,
                                        "A record of '%s' could not be written: %s",
                                        item->log.entry->action_type,
                                        item->log.fault.message);
                end_item(queue, item, &item->log.fault);
        }
        queue->n_batch = 0;
        queue->retry_usec = 0;
        queue->locked = queue->failing = false;
}

/* Nothing of the batch was written. */
static void fail_batch(AuditQueue *queue)
{
        Manager *manager = queue->manager;
        bool passing = queue->fault.code == FAULT_BUSY || queue->fault.code == FAULT_CANCELLED;

        if (queue->store == manager->audit_store)
                (void) log_file_disguise(record_store_path(queue->store), -EIO, &queue->fault);
        if (!queue->failing && !passing)
                journal_line(LOG_WARNING, "Writing to the logs failed: %s", queue->fault.message);
        queue->failing = !passing;
        queue->locked = queue->fault.code == FAULT_BUSY && !queue->flushing;
        queue->flush_failed = queue->flushing;
        wait_longer(queue);
        put_batch_back(queue);
        refuse_appends(queue, queue->locked ? AUDIT_APPEND_BOUND_USEC : 0, &queue->fault);
        if (queue->store == manager->record_store)
                manager_met_fault(manager, &queue->fault);
}

static void queue_finish(Work *work)
{
        AuditQueue *queue = queue_of(work);
        Manager *manager = queue->manager;

        queue->busy = false;
        if (queue->fault.code == FAULT_NONE)
                end_batch(queue);
        else
                fail_batch(queue);
        fault_done(&queue->fault);
        arm_for_what_waits(queue);
        record_store_used(queue->store);
        manager_settle_when_idle(manager);
}

int audit_queue_new(Manager *manager, AuditQueue **ret, Fault *fault)
{
        _cleanup_(audit_queue_freep) AuditQueue *queue = calloc(1, sizeof(AuditQueue));
        int r;

        if (!queue)
                return fault_set_errno(fault, ENOMEM, "Starting");
        queue->work = (Work){.run = queue_run, .finish = queue_finish};
        queue->manager = manager;
        audit_list_init(&queue->waiting);
        queue->due_usec = UINT64_MAX;
        progress_init(&queue->progress);
        r = sd_event_add_time(manager->event, &queue->timer, CLOCK_MONOTONIC, 0, 1, on_timer, queue);
        if (r >= 0)
                r = sd_event_source_set_enabled(queue->timer, SD_EVENT_OFF);
        if (r < 0)
                return fault_set_errno(fault, r, "Starting");
        *ret = TAKE_PTR(queue);
        return 0;
}

AuditQueue *audit_queue_free(AuditQueue *queue)
{
        if (!queue)
                return NULL;
        put_batch_back(queue);
        while (queue->waiting.first)
                (void) audit_item_free(audit_list_take_first(&queue->waiting));
        (void) sd_event_source_disable_unref(queue->timer);
        fault_done(&queue->fault);
        progress_done(&queue->progress);
        free(queue);
        return NULL;
}

/* Tells of those for which there was no room, as soon as there is some. */
static void add_lost(AuditQueue *queue)
{
        _cleanup_free_ char *message = NULL;
        LogEntry entry = {
                        .table = LOG_SYSTEM,
                        .created_usec = clock_now_usec(),
                        .action_type = "persistence.lost",
                        .severity = "warning",
        };
        AuditItem *item;

        if (asprintf(&message,
                            "%" PRIu64 " records of this service were left out: too many waited for the "
                            "database; the journal has them",
                            queue->n_lost) < 0) {
                message = NULL;
                return;
        }
        entry.message = message;
        item = audit_item_new(&entry);
        if (!item)
                return;
        audit_list_add(&queue->waiting, item);
        queue->n_own++;
        queue->n_lost = 0;
}

void audit_queue_add(AuditQueue *queue, const LogEntry *entry)
{
        AuditItem *item;

        if (queue->n_lost > 0 && queue->n_own < AUDIT_OWN_ROWS_MAX / 2)
                add_lost(queue);
        item = queue->n_own < AUDIT_OWN_ROWS_MAX ? audit_item_new(entry) : NULL;
        if (!item) {
                queue->n_lost++;
                return;
        }
        audit_list_add(&queue->waiting, item);
        queue->n_own++;
        arm_for_what_waits(queue);
}

static void count_own(const AuditItem *item, uid_t uid, size_t *n, size_t *bytes)
{
        if (!item->message || item->uid != uid)
                return;
        (*n)++;
        *bytes += item->size_bytes;
}

static int require_room(const AuditQueue *queue, uid_t uid, size_t size_bytes, Fault *fault)
{
        size_t n = 0, bytes = size_bytes;

        for (const AuditItem *item = queue->waiting.first; item; item = item->next)
                count_own(item, uid, &n, &bytes);
        for (size_t i = 0; i < queue->n_batch; i++)
                count_own(audit_item_of(queue->batch[i]), uid, &n, &bytes);
        if (n >= AUDIT_APPENDS_PER_CALLER_MAX || bytes > AUDIT_APPEND_BYTES_PER_CALLER_MAX ||
                        queue->n_appends >= AUDIT_APPENDS_MAX ||
                        queue->appends_bytes + size_bytes > AUDIT_APPEND_BYTES_MAX)
                return fault_set(fault,
                                FAULT_BUSY,
                                "Too many rows wait to be written already; wait for their answers first");
        return 0;
}

int audit_queue_append(AuditQueue *queue,
                const LogEntry *entry,
                sd_bus_message *message,
                const Caller *caller,
                Fault *fault)
{
        _cleanup_(audit_item_freep) AuditItem *item = NULL;
        int r = require_fit(queue->manager, fault);

        if (r < 0)
                return r;
        item = audit_item_new(entry);
        if (!item)
                return fault_set_errno(fault, ENOMEM, "Appending to the log");
        r = require_room(queue, caller->uid, item->size_bytes, fault);
        if (r < 0)
                return r;

        audit_item_keep(item, queue->manager->response_times, message, caller->uid);
        queue->n_appends++;
        queue->appends_bytes += item->size_bytes;
        audit_list_add(&queue->waiting, TAKE_PTR(item));
        /* A caller learns at once that the database can't be written, rather than wait with the others. */
        queue->retry_usec = 0;
        arm_for_what_waits(queue);
        return 0;
}

void audit_queue_expect(AuditQueue *queue)
{
        Manager *manager = queue->manager;

        if (manager_log_store(manager) == manager->record_store && !manager_is_suspecting(manager) &&
                        require_fit(manager, NULL) >= 0)
                record_store_open_ahead(manager->record_store);
}

void audit_queue_resume(AuditQueue *queue)
{
        queue->retry_usec = 0;
        arm_for_what_waits(queue);
}

bool audit_queue_is_busy(const AuditQueue *queue)
{
        return queue->busy;
}

static int on_flush_bound(sd_event_source *source, uint64_t usec, void *userdata)
{
        AuditQueue *queue = userdata;

        progress_cancel(&queue->progress);
        return 0;
}

static void give_up(AuditQueue *queue)
{
        Fault fault = {.code = FAULT_CANCELLED, .message = (char *) "The service is stopping"};

        journal_line(LOG_WARNING,
                        "%zu rows of the logs could not be written before the service stopped; the journal "
                        "has the service's own",
                        queue->n_own + queue->n_appends);
        while (queue->waiting.first)
                end_item(queue, audit_list_take_first(&queue->waiting), &fault);
}

bool audit_queue_flush(AuditQueue *queue)
{
        Manager *manager = queue->manager;

        if (!queue->waiting.first)
                return false;
        if (!queue->flushing)
                (void) sd_event_add_time_relative(manager->event,
                                NULL,
                                CLOCK_MONOTONIC,
                                AUDIT_FLUSH_BOUND_USEC,
                                0,
                                on_flush_bound,
                                queue);
        if (!queue->flushing && queue->n_lost > 0)
                add_lost(queue);
        queue->flushing = true;
        take_batch(queue);
        queue->store = manager_log_store(manager);
        queue->busy = !queue->flush_failed && manager->started &&
                      manager_require_schema(manager, NULL) >= 0 &&
                      (queue->store == manager->audit_store ||
                                      manager_require_sound_database(manager, NULL) >= 0) &&
                      lane_submit(manager->quick_lane, &queue->work) >= 0;
        if (!queue->busy) {
                put_batch_back(queue);
                give_up(queue);
        }
        return queue->busy;
}
