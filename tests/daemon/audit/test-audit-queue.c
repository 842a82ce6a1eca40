/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "../database/fixture.h"

#include "base/journal.h"
#include "daemon/audit/audit-queue.h"
#include "daemon/loop/lane.h"
#include "daemon/manager.h"
#include "daemon/store/record-store.h"
#include "database/schema/schema.h"
#include "records/log-entry.h"

#define NOW_USEC UINT64_C(1769219181123456)

/* A Manager without a bus; callers' rows are tests/bus/test_audit_log.py's. */
typedef struct Bench {
        Manager manager;
        sqlite3 *application;
} Bench;

static Bench *bench;

static void make_database(const char *path)
{
        Connection *connection = NULL;
        SchemaReport report = {0};

        fixture_write(path, "", 0);
        connection = fixture_connect(path, CONNECTION_WRITE);
        assert_int_equal(schema_migrate(connection, NOW_USEC, &report, NULL), 0);
        schema_report_done(&report);
        (void) connection_close(connection);
}

static int setup(void **state)
{
        Manager *manager;

        if (fixture_setup(state) < 0)
                return -1;
        assert_int_equal(journal_set_max_level(LOG_EMERG), 0);
        bench = calloc(1, sizeof(Bench));
        manager = &bench->manager;
        manager->started = true;
        manager->schema = (SchemaReport){.role = SCHEMA_ROLE_OWN, .has_log = true};
        manager->database_path = strdup(fixture_path("live.db"));
        make_database(manager->database_path);
        bench->application = fixture_open(manager->database_path);
        gate_init(&manager->gate);
        assert_true(sd_event_new(&manager->event) >= 0);
        assert_int_equal(lane_new(manager->event, "quick", 8, &manager->quick_lane, NULL), 0);
        assert_int_equal(record_store_new(manager->event,
                                         manager->quick_lane,
                                         &manager->gate,
                                         manager->database_path,
                                         &manager->record_store,
                                         NULL),
                        0);
        assert_int_equal(audit_queue_new(manager, &manager->audit_queue, NULL), 0);
        return 0;
}

static int teardown(void **state)
{
        Manager *manager = &bench->manager;

        record_store_stop(manager->record_store);
        (void) lane_free(manager->quick_lane);
        (void) audit_queue_free(manager->audit_queue);
        (void) record_store_free(manager->record_store);
        (void) sd_event_unref(manager->event);
        gate_done(&manager->gate);
        fixture_close(bench->application);
        free(manager->database_path);
        free(bench);
        return fixture_teardown(state);
}

static void add(const char *action_type)
{
        LogEntry entry = {
                        .table = LOG_SYSTEM,
                        .created_usec = NOW_USEC,
                        .action_type = action_type,
                        .message = "m",
                        .severity = "info",
        };

        audit_queue_add(bench->manager.audit_queue, &entry);
}

static void turn(void)
{
        assert_true(sd_event_run(bench->manager.event, UINT64_MAX) >= 0);
}

static int64_t count_rows(void)
{
        return fixture_integer(bench->application, "SELECT count(*) FROM system_logs");
}

/* Until the batch that is due has come back. */
static void turn_a_batch(void)
{
        while (!audit_queue_is_busy(bench->manager.audit_queue))
                turn();
        while (audit_queue_is_busy(bench->manager.audit_queue))
                turn();
}

static void test_rows_gather_and_keep_their_order(void **state)
{
        for (unsigned i = 0; i < 10; i++)
                add(i == 0 ? "first" : i == 9 ? "last" : "between");
        assert_int_equal(count_rows(), 0);
        turn_a_batch();
        assert_int_equal(count_rows(), 10);
        assert_int_equal(fixture_integer(bench->application,
                                         "SELECT (SELECT action_type FROM system_logs WHERE id = 1) = "
                                         "'first' "
                                         "AND (SELECT action_type FROM system_logs WHERE id = 10) = 'last'"),
                        1);
}

static void test_large_heap_takes_several_batches(void **state)
{
        for (unsigned i = 0; i < AUDIT_BATCH_ROWS + 1; i++)
                add("row");
        turn_a_batch();
        assert_int_equal(count_rows(), AUDIT_BATCH_ROWS);
        turn_a_batch();
        assert_int_equal(count_rows(), AUDIT_BATCH_ROWS + 1);
}

static void test_what_waits_is_bounded_and_the_loss_told(void **state)
{
        for (unsigned i = 0; i < AUDIT_OWN_ROWS_MAX + 50; i++)
                add("row");
        turn_a_batch();
        turn_a_batch();
        assert_int_equal(count_rows(), AUDIT_OWN_ROWS_MAX);
        add("after");
        turn_a_batch();
        assert_int_equal(count_rows(), AUDIT_OWN_ROWS_MAX + 2);
        assert_int_equal(fixture_integer(bench->application,
                                         "SELECT count(*) FROM system_logs WHERE action_type = "
                                         "'persistence.lost' AND message LIKE '50 records%'"),
                        1);
}

/* One that the application's schema has something against is given up, and neither it nor those around it
 * come again. */
static void test_a_row_that_a_trigger_keeps_out_is_not_tried_again(void **state)
{
        fixture_execute(bench->application,
                        "CREATE TRIGGER t AFTER INSERT ON system_logs WHEN new.action_type = 'bad' BEGIN "
                        "SELECT RAISE(ROLLBACK, 'not you'); END");
        add("before");
        add("bad");
        add("behind");
        turn_a_batch();
        assert_int_equal(count_rows(), 2);
        add("later");
        turn_a_batch();
        assert_int_equal(count_rows(), 3);
        assert_false(audit_queue_flush(bench->manager.audit_queue));
}

static void test_rows_wait_for_the_gate(void **state)
{
        Progress progress;

        progress_init(&progress);
        assert_int_equal(gate_close(&bench->manager.gate, &progress, NULL), 0);
        add("kept");
        add("too");
        turn_a_batch();
        assert_int_equal(count_rows(), 0);
        gate_open(&bench->manager.gate);
        audit_queue_resume(bench->manager.audit_queue);
        turn_a_batch();
        assert_int_equal(count_rows(), 2);
        assert_int_equal(fixture_integer(bench->application,
                                         "SELECT action_type = 'kept' FROM system_logs WHERE id = 1"),
                        1);
        progress_done(&progress);
}

static void test_rows_wait_for_a_sound_database(void **state)
{
        Manager *manager = &bench->manager;

        manager->integrity = INTEGRITY_CORRUPT;
        add("kept");
        turn();
        assert_false(audit_queue_is_busy(manager->audit_queue));
        manager->integrity = INTEGRITY_OK;
        audit_queue_resume(manager->audit_queue);
        turn_a_batch();
        assert_int_equal(count_rows(), 1);
}

static void flush(void)
{
        while (audit_queue_flush(bench->manager.audit_queue))
                while (audit_queue_is_busy(bench->manager.audit_queue))
                        turn();
}

static void test_flush_writes_all_without_the_store(void **state)
{
        for (unsigned i = 0; i < AUDIT_BATCH_ROWS + 5; i++)
                add("row");
        record_store_stop(bench->manager.record_store);
        flush();
        assert_int_equal(count_rows(), AUDIT_BATCH_ROWS + 5);
        assert_false(audit_queue_flush(bench->manager.audit_queue));
}

/* Another process holds the lock for longer than a stop may take. */
static void test_flush_is_bounded(void **state)
{
        add("row");
        fixture_execute(bench->application, "BEGIN IMMEDIATE");
        flush();
        fixture_execute(bench->application, "ROLLBACK");
        assert_int_equal(count_rows(), 0);
        assert_false(audit_queue_flush(bench->manager.audit_queue));
}

static void test_nothing_is_flushed_into_a_corrupt_database(void **state)
{
        bench->manager.integrity = INTEGRITY_CORRUPT;
        add("row");
        assert_false(audit_queue_flush(bench->manager.audit_queue));
        assert_int_equal(count_rows(), 0);
}

static void test_what_never_ran_is_freed(void **state)
{
        add("row");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                        TEST(test_rows_gather_and_keep_their_order),
                        TEST(test_large_heap_takes_several_batches),
                        TEST(test_what_waits_is_bounded_and_the_loss_told),
                        TEST(test_a_row_that_a_trigger_keeps_out_is_not_tried_again),
                        TEST(test_rows_wait_for_the_gate),
                        TEST(test_rows_wait_for_a_sound_database),
                        TEST(test_flush_writes_all_without_the_store),
                        TEST(test_flush_is_bounded),
                        TEST(test_nothing_is_flushed_into_a_corrupt_database),
                        TEST(test_what_never_ran_is_freed),
        };

        return cmocka_run_group_tests_name("audit-queue", tests, NULL, NULL);
}
