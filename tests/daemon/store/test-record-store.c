/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/store/record-store.h"

#include <string.h>

#include "../database/fixture.h"

typedef struct Scene {
        sd_event *event;
        Gate gate;
        Lane *lane;
        RecordStore *store;
        char *path;
        unsigned n_released;
} Scene;

/* One piece of work: it looks at the database through the store, as calls do. */
typedef struct Look {
        Work work;
        Scene *scene;
        const char *sql; /* run as well, or NULL */
        bool done;
        int64_t value;
        uint64_t generation;
        Fault fault;
} Look;

static void look_run(Work *work)
{
        Look *look = (Look *) ((char *) work - offsetof(Look, work));
        Connection *connection;

        if (record_store_connect(look->scene->store, &connection, &look->fault) < 0)
                return;
        look->generation = record_store_generation(look->scene->store);
        if (connection_query_integer(connection, "SELECT value FROM facts", &look->value, &look->fault) >=
                                        0 &&
                        look->sql)
                (void) connection_execute(connection, look->sql, &look->fault);
        record_store_leave(look->scene->store, &look->fault);
}

static void look_finish(Work *work)
{
        ((Look *) ((char *) work - offsetof(Look, work)))->done = true;
}

static void turn_until(Scene *scene, const bool *done)
{
        while (!*done)
                assert_true(sd_event_run(scene->event, UINT64_MAX) >= 0);
}

static Look look_with(Scene *scene, const char *sql)
{
        Look look = {.scene = scene, .sql = sql, .work = {.run = look_run, .finish = look_finish}};

        assert_int_equal(lane_submit(scene->lane, &look.work), 0);
        turn_until(scene, &look.done);
        return look;
}

static void on_released(void *userdata)
{
        ((Scene *) userdata)->n_released++;
}

static void turn_until_released(Scene *scene, unsigned n)
{
        while (scene->n_released < n)
                assert_true(sd_event_run(scene->event, UINT64_MAX) >= 0);
}

static void make_database(const char *path, const char *value)
{
        sqlite3 *handle = fixture_open(path);
        char sql[128];

        (void) snprintf(sql,
                        sizeof(sql),
                        "PRAGMA journal_mode = WAL; CREATE TABLE facts(value); INSERT INTO facts VALUES(%s)",
                        value);
        fixture_execute(handle, sql);
        fixture_close(handle);
}

static int setup(void **state)
{
        Scene *scene = calloc(1, sizeof(Scene));

        if (fixture_setup(state) < 0)
                return -1;
        scene->path = strdup(fixture_path("live.db"));
        make_database(scene->path, "1");
        gate_init(&scene->gate);
        assert_true(sd_event_new(&scene->event) >= 0);
        assert_int_equal(lane_new(scene->event, "quick", 8, &scene->lane, NULL), 0);
        assert_int_equal(record_store_new(scene->event,
                                         scene->lane,
                                         &scene->gate,
                                         scene->path,
                                         &scene->store,
                                         NULL),
                        0);
        record_store_set_on_released(scene->store, on_released, scene);
        *state = scene;
        return 0;
}

static int teardown(void **state)
{
        Scene *scene = *state;

        (void) lane_free(scene->lane);
        (void) record_store_free(scene->store);
        (void) sd_event_unref(scene->event);
        gate_done(&scene->gate);
        free(scene->path);
        free(scene);
        return fixture_teardown(state);
}

static void test_connection_is_shared_until_it_is_released(void **state)
{
        Scene *scene = *state;

        assert_false(record_store_is_open(scene->store));
        assert_int_equal(look_with(scene, NULL).generation, 1);
        assert_int_equal(look_with(scene, NULL).generation, 1);
        assert_true(record_store_is_open(scene->store));

        record_store_release(scene->store);
        assert_true(record_store_is_open(scene->store));
        turn_until_released(scene, 1);
        assert_false(record_store_is_open(scene->store));
        assert_int_equal(look_with(scene, NULL).generation, 2);
}

typedef struct Closing {
        Gate *gate;
        Progress progress;
        int result;
} Closing;

static void *close_gate(void *userdata)
{
        Closing *closing = userdata;

        closing->result = gate_close(closing->gate, &closing->progress, NULL);
        return NULL;
}

/* The restore's thread waits for the gate; nobody but the loop can have the idle connection closed. */
static void test_idle_connection_leaves_for_a_restore(void **state)
{
        Scene *scene = *state;
        Closing closing = {.gate = &scene->gate, .result = -EBUSY};
        pthread_t thread;
        Look look;

        progress_init(&closing.progress);
        (void) look_with(scene, NULL);
        assert_int_equal(pthread_create(&thread, NULL, close_gate, &closing), 0);
        turn_until_released(scene, 1);
        assert_int_equal(pthread_join(thread, NULL), 0);
        assert_int_equal(closing.result, 0);

        look = look_with(scene, NULL);
        fixture_assert_fault(&look.fault, FAULT_BUSY, "restore");
        gate_open(&scene->gate);
        assert_int_equal(look_with(scene, NULL).value, 1);
        progress_done(&closing.progress);
}

static void test_another_file_at_the_path_is_another_connection(void **state)
{
        Scene *scene = *state;
        char *other = strdup(fixture_path("other.db"));
        Look look;

        (void) look_with(scene, NULL);
        make_database(other, "2");
        assert_int_equal(rename(other, scene->path), 0);
        look = look_with(scene, NULL);
        assert_int_equal(look.value, 2);
        assert_int_equal(look.generation, 2);
        free(other);
}

static void test_transaction_left_open_is_rolled_back(void **state)
{
        Scene *scene = *state;
        sqlite3 *application = fixture_open(scene->path);

        (void) look_with(scene, "BEGIN IMMEDIATE; UPDATE facts SET value = 7");
        /* Another one can write at once. */
        fixture_execute(application, "UPDATE facts SET value = 8");
        assert_int_equal(look_with(scene, NULL).value, 8);
        fixture_close(application);
}

#define FILL "INSERT INTO facts VALUES(randomblob(12 * 1024 * 1024)), (randomblob(12 * 1024 * 1024))"

static int64_t wal_bytes(const Scene *scene)
{
        char path[256];

        (void) snprintf(path, sizeof(path), "%s-wal", scene->path);
        return fixture_file_size(path);
}

static void test_wal_is_checkpointed_while_nobody_else_is_there(void **state)
{
        Scene *scene = *state;
        unsigned n = 0;

        for (; wal_bytes(scene) < (int64_t) RECORD_STORE_WAL_BYTES; n++)
                (void) look_with(scene, FILL);
        for (; n < 6; n++)
                (void) look_with(scene, FILL);
        /* Written from its start again. */
        assert_true(wal_bytes(scene) < (int64_t) (RECORD_STORE_WAL_BYTES + 2 * RECORD_STORE_WAL_STEP_BYTES));
        assert_true(fixture_file_size(scene->path) >= (int64_t) RECORD_STORE_WAL_BYTES);
}

/* Two that checkpoint at once can corrupt the database. */
static void test_wal_is_left_to_others_who_are_there(void **state)
{
        Scene *scene = *state;
        FixtureChild child = fixture_start_connection(scene->path);
        int64_t before = fixture_file_size(scene->path);

        while (wal_bytes(scene) < (int64_t) RECORD_STORE_WAL_BYTES)
                (void) look_with(scene, FILL);
        (void) look_with(scene, FILL);
        assert_int_equal(fixture_file_size(scene->path), before);
        fixture_stop_connection(child);
}

static void test_stopped_store_refuses(void **state)
{
        Scene *scene = *state;
        Look look;

        record_store_stop(scene->store);
        turn_until_released(scene, 1);
        look = look_with(scene, NULL);
        fixture_assert_fault(&look.fault, FAULT_CANCELLED, "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                        TEST(test_connection_is_shared_until_it_is_released),
                        TEST(test_idle_connection_leaves_for_a_restore),
                        TEST(test_another_file_at_the_path_is_another_connection),
                        TEST(test_transaction_left_open_is_rolled_back),
                        TEST(test_wal_is_checkpointed_while_nobody_else_is_there),
                        TEST(test_wal_is_left_to_others_who_are_there),
                        TEST(test_stopped_store_refuses),
        };

        return cmocka_run_group_tests_name("record-store", tests, NULL, NULL);
}
