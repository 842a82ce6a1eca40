/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "prediction-fixture.h"

#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "database/connection/transaction.h"
#include "records/prediction-cache.h"
#include "records/prediction-store.h"

static PredictionCache *cache;

static int setup(void **state)
{
        if (prediction_setup(state) != 0 || prediction_cache_new(&cache) < 0)
                return -1;
        prediction_cache_set_limits(cache, 100, MIB);
        return 0;
}

static int teardown(void **state)
{
        cache = prediction_cache_free(cache);
        return prediction_teardown(state);
}

static void store_confidence(double confidence)
{
        _cleanup_(prediction_freep) Prediction *prediction = prediction_sample(7);

        prediction_set_real(prediction, PREDICTION_CONFIDENCE, confidence);
        (void) prediction_must_store(prediction);
}

/* The confidence that the cache tells for a match, -1 when there is no prediction. */
static double look_up(int64_t match_id)
{
        _cleanup_(prediction_freep) Prediction *prediction = NULL;
        Fault fault = {0};

        if (prediction_cache_get(cache, connection, 1, PREDICTION_BY_MATCH, match_id, &prediction, &fault) <
                        0)
                fail_msg("%s", fault.message);
        return prediction ? prediction->values[PREDICTION_CONFIDENCE].real : -1;
}

static void assert_counts(uint64_t hits, uint64_t misses, uint64_t evictions, uint64_t entries)
{
        const PredictionCacheCounters *counters = prediction_cache_counters(cache);

        assert_int_equal(atomic_load(&counters->hits), hits);
        assert_int_equal(atomic_load(&counters->misses), misses);
        assert_int_equal(atomic_load(&counters->evictions), evictions);
        assert_int_equal(atomic_load(&counters->entries), entries);
}

/* Every statement that SQLite runs on the service's connection. */
typedef struct Trace {
        unsigned n_all;
        unsigned n_on_table;
        void (*on_table)(void); /* called once */
} Trace;

static int on_statement(unsigned kind, void *userdata, void *statement, void *text)
{
        Trace *trace = userdata;

        trace->n_all++;
        if (!strstr(text, "predictions"))
                return 0;
        trace->n_on_table++;
        if (trace->on_table) {
                void (*on_table)(void) = TAKE_PTR(trace->on_table);

                on_table();
        }
        return 0;
}

static void trace_into(Trace *trace)
{
        assert_int_equal(sqlite3_trace_v2(connection->handle, SQLITE_TRACE_STMT, on_statement, trace),
                        SQLITE_OK);
}

static void test_a_cached_look_up_runs_no_query_on_the_table(void **state)
{
        _cleanup_(prediction_freep) Prediction *prediction = NULL;
        _cleanup_fault_ Fault fault = {0};
        Trace trace = {0};

        (void) prediction_stored(7);
        trace_into(&trace);
        assert_true(look_up(7) == 64);
        assert_int_equal(trace.n_on_table, 1);
        trace = (Trace){0};
        assert_true(look_up(7) == 64);
        assert_int_equal(trace.n_all, 1);
        assert_int_equal(trace.n_on_table, 0);
        assert_counts(1, 1, 0, 1);
        /* By id is another key. */
        assert_int_equal(
                        prediction_cache_get(cache, connection, 1, PREDICTION_BY_ID, 1, &prediction, &fault),
                        0);
        assert_string_equal(prediction->values[PREDICTION_TEAM1].text, "Étoile Filante");
        assert_int_equal(trace.n_on_table, 1);
        assert_counts(1, 2, 0, 2);
}

static void test_none_is_remembered_too(void **state)
{
        Trace trace = {0};

        assert_true(look_up(9) == -1);
        trace_into(&trace);
        assert_true(look_up(9) == -1);
        assert_int_equal(trace.n_on_table, 0);
        assert_counts(1, 1, 0, 1);
        prediction_insert(9, "1X2", "1");
        assert_true(look_up(9) == 50);
}

static void test_another_connection_s_commit_is_seen_at_once(void **state)
{
        (void) prediction_stored(7);
        assert_true(look_up(7) == 64);
        for (int i = 0; i < 20; i++) {
                char sql[80];

                (void) snprintf(sql, sizeof sql, "UPDATE predictions SET confidence = %d", i);
                fixture_execute(application, sql);
                assert_true(look_up(7) == i);
                assert_true(look_up(7) == i);
        }
        assert_counts(20, 21, 0, 1);
        fixture_execute(application, "DELETE FROM predictions");
        assert_true(look_up(7) == -1);
}

/* There it is the change counter in the file's header that tells. */
static void test_another_connection_s_commit_in_rollback_mode(void **state)
{
        (void) prediction_stored(7);
        connection = connection_close(connection);
        fixture_execute(application, "PRAGMA journal_mode=DELETE");
        connection = fixture_connect(fixture_path("live.db"), CONNECTION_WRITE);
        assert_true(look_up(7) == 64);
        assert_true(look_up(7) == 64);
        for (int i = 0; i < 20; i++) {
                char sql[80];

                (void) snprintf(sql, sizeof sql, "UPDATE predictions SET confidence = %d", i);
                fixture_execute(application, sql);
                assert_true(look_up(7) == i);
        }
        store_confidence(50);
        assert_true(look_up(7) == 50);
}

static void test_what_is_not_committed_is_not_told(void **state)
{
        (void) prediction_stored(7);
        assert_true(look_up(7) == 64);
        fixture_execute(application, "BEGIN IMMEDIATE; UPDATE predictions SET confidence = 1");
        assert_true(look_up(7) == 64);
        fixture_execute(application, "ROLLBACK");
        assert_true(look_up(7) == 64);
        assert_counts(2, 1, 0, 1);
}

static void commit_elsewhere(void)
{
        fixture_execute(application, "UPDATE predictions SET confidence = 33");
}

/* Between the look at the version and the query: the answer may be the old state or the new one, and what is
 * kept must not outlive it. */
static void test_a_commit_in_the_middle_of_a_look_up(void **state)
{
        Trace trace = {.on_table = commit_elsewhere};

        (void) prediction_stored(7);
        trace_into(&trace);
        assert_true(look_up(7) == 64);
        assert_null(trace.on_table);
        assert_true(look_up(7) == 33);
}

/* data_version says nothing about them. */
static void test_own_commits_are_seen(void **state)
{
        store_confidence(64);
        assert_true(look_up(7) == 64);
        assert_true(look_up(7) == 64);
        store_confidence(12);
        assert_true(look_up(7) == 12);
        assert_true(look_up(7) == 12);
        assert_counts(2, 2, 0, 1);
}

/* Rows of other tables change nothing, unless the application has tied them to predictions. */
static void test_own_commits_that_reach_the_table_through_others(void **state)
{
        static const char log_sql[] = "INSERT INTO system_logs(action_type, message) VALUES('x', 'y')";
        _cleanup_fault_ Fault fault = {0};

        (void) prediction_stored(7);
        assert_true(look_up(7) == 64);
        assert_int_equal(connection_execute(connection, log_sql, &fault), 0);
        assert_true(look_up(7) == 64);
        assert_counts(1, 1, 0, 1);
        fixture_execute(application,
                        "CREATE TRIGGER t AFTER INSERT ON system_logs BEGIN "
                        "UPDATE predictions SET confidence = 5; END;"
                        "CREATE TABLE owners(id INTEGER PRIMARY KEY); INSERT INTO owners VALUES(1);"
                        "ALTER TABLE predictions ADD owner REFERENCES owners(id) ON DELETE CASCADE;"
                        "UPDATE predictions SET owner = 1");
        assert_true(look_up(7) == 64);
        assert_int_equal(connection_execute(connection, log_sql, &fault), 0);
        assert_true(look_up(7) == 5);
        assert_int_equal(connection_execute(connection, "DELETE FROM owners WHERE id = 1", &fault), 0);
        assert_true(look_up(7) == -1);
}

static int change_and_fail(Connection *own, void *userdata, Fault *fault)
{
        int r = connection_execute(own, "UPDATE predictions SET confidence = 1", fault);

        return r < 0 ? r : fault_set(fault, FAULT_FAILED, "thought better of it");
}

static void test_own_rollback_leaves_the_truth(void **state)
{
        _cleanup_fault_ Fault fault = {0};

        (void) prediction_stored(7);
        assert_true(look_up(7) == 64);
        assert_true(transaction_run(connection, change_and_fail, NULL, &fault) < 0);
        assert_true(look_up(7) == 64);
        assert_true(look_up(7) == 64);
        assert_counts(1, 2, 0, 1);
}

static int64_t data_version(Connection *of)
{
        _cleanup_fault_ Fault fault = {0};
        int64_t version = 0;

        assert_int_equal(connection_query_integer(of, "PRAGMA main.data_version", &version, &fault), 0);
        return version;
}

/* As after a restore that put another file in the database's place, where the numbers may well be the same.
 */
static void test_another_connection_begins_anew(void **state)
{
        _cleanup_(prediction_freep) Prediction *prediction = NULL;
        _cleanup_(connection_closep) Connection *other = NULL;
        _cleanup_fault_ Fault fault = {0};
        sqlite3 *handle;
        char *sql;

        (void) prediction_stored(7);
        sql = sqlite3_mprintf("VACUUM INTO %Q", fixture_path("other.db"));
        fixture_execute(application, sql);
        sqlite3_free(sql);
        other = fixture_connect(fixture_path("other.db"), CONNECTION_WRITE);
        handle = fixture_open(fixture_path("other.db"));
        fixture_execute(handle, "UPDATE predictions SET confidence = 99");
        while (data_version(other) < data_version(connection))
                fixture_execute(handle, "UPDATE predictions SET confidence = 99");
        fixture_close(handle);
        while (data_version(connection) < data_version(other))
                fixture_execute(application, "UPDATE predictions SET confidence = 64");
        assert_int_equal(data_version(connection), data_version(other));
        assert_true(look_up(7) == 64);
        assert_int_equal(prediction_cache_get(cache, other, 2, PREDICTION_BY_MATCH, 7, &prediction, &fault),
                        0);
        assert_true(prediction->values[PREDICTION_CONFIDENCE].real == 99);
        assert_true(look_up(7) == 64);
}

static void test_entries_are_bounded_and_the_least_used_goes(void **state)
{
        prediction_cache_set_limits(cache, 3, MIB);
        for (int64_t match_id = 1; match_id <= 4; match_id++)
                (void) prediction_stored(match_id);
        (void) look_up(1);
        (void) look_up(2);
        (void) look_up(3);
        (void) look_up(1);
        (void) look_up(4); /* drives 2 out */
        assert_counts(1, 4, 1, 3);
        (void) look_up(1);
        (void) look_up(3);
        (void) look_up(4);
        assert_counts(4, 4, 1, 3);
        (void) look_up(2); /* and that one drives 1 out */
        assert_counts(4, 5, 2, 3);
        (void) look_up(1);
        assert_counts(4, 6, 3, 3);
        prediction_cache_set_limits(cache, 1, MIB);
        assert_counts(4, 6, 5, 1);
        (void) look_up(1);
        assert_counts(5, 6, 5, 1);
}

static void test_bytes_are_bounded(void **state)
{
        const PredictionCacheCounters *counters = prediction_cache_counters(cache);
        uint64_t one;

        for (int64_t match_id = 1; match_id <= 9; match_id++)
                (void) prediction_stored(match_id);
        (void) look_up(1);
        one = atomic_load(&counters->bytes);
        assert_in_range(one, sizeof(Prediction) + 60, 1000);
        prediction_cache_set_limits(cache, 100, 3 * one + one / 2);
        for (int64_t match_id = 2; match_id <= 9; match_id++)
                (void) look_up(match_id);
        assert_counts(0, 9, 6, 3);
        assert_int_equal(atomic_load(&counters->bytes), 3 * one);
        /* One that is larger than all of it drives nobody out. */
        fixture_execute(application,
                        "UPDATE predictions SET extra_data = printf('%.*c', 5000, 'x') WHERE match_id = 9");
        (void) look_up(1);
        (void) look_up(2);
        (void) look_up(9);
        assert_counts(0, 12, 6, 2);
        prediction_cache_set_limits(cache, 0, MIB);
        (void) look_up(1);
        (void) look_up(1);
        assert_counts(0, 14, 8, 0);
        assert_int_equal(atomic_load(&counters->bytes), 0);
}

/* What the writers of the stress test tell: for each match, the number below which no answer may be that
 * begins now (committed), and above which none may be that has ended (begun). */
#define N_WRITERS 3
#define N_ROUNDS 400
typedef struct Board {
        _Atomic int committed[N_WRITERS];
        _Atomic int begun[N_WRITERS];
        _Atomic int n_ended;
} Board;

/* One process for each match, raising its confidence by 1/8 with each commit. */
static void write_rounds(Board *board, int writer)
{
        sqlite3 *handle = NULL;
        bool good = sqlite3_open_v2(fixture_path("live.db"), &handle, SQLITE_OPEN_READWRITE, NULL) ==
                    SQLITE_OK;

        (void) sqlite3_busy_timeout(handle, 60000);
        /* Else they would hold the lock almost without a gap for as long as the disk makes of it. */
        good = good && sqlite3_exec(handle, "PRAGMA synchronous=OFF", NULL, NULL, NULL) == SQLITE_OK;
        for (int round = 1; good && round <= N_ROUNDS; round++) {
                char sql[128];

                (void) snprintf(sql,
                                sizeof sql,
                                "UPDATE predictions SET confidence = %d / 8.0 WHERE match_id = %d",
                                round,
                                writer);
                atomic_store(&board->begun[writer], round);
                good = sqlite3_exec(handle, sql, NULL, NULL, NULL) == SQLITE_OK;
                atomic_store(&board->committed[writer], round);
        }
        (void) sqlite3_close(handle);
        atomic_fetch_add(&board->n_ended, 1);
        _exit(good ? 0 : 1);
}

/* Each answer must be a state that was current at some moment between call and reply. */
static void check_one(Board *board, int writer)
{
        int least = atomic_load(&board->committed[writer]);
        int found = (int) (look_up(writer) * 8);
        int most = atomic_load(&board->begun[writer]);

        if (found < least || found > most)
                fail_msg("match %d: %d, which is not from %d to %d", writer, found, least, most);
}

static void test_no_answer_is_stale_while_processes_write(void **state)
{
        Board *board = mmap(NULL, sizeof *board, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        pid_t writers[N_WRITERS];
        uint64_t n_lookups = 0, n_own = 0;
        int status;

        assert_true(board != MAP_FAILED);
        for (int writer = 0; writer < N_WRITERS; writer++)
                (void) prediction_stored(writer);
        store_confidence(0);
        fixture_execute(application, "UPDATE predictions SET confidence = 0");
        /* No connection may be open across a fork. */
        connection = connection_close(connection);
        fixture_close(application);
        for (int writer = 0; writer < N_WRITERS; writer++) {
                writers[writer] = fork();
                assert_true(writers[writer] >= 0);
                if (writers[writer] == 0)
                        write_rounds(board, writer);
        }
        application = fixture_open(fixture_path("live.db"));
        connection = fixture_connect(fixture_path("live.db"), CONNECTION_WRITE);
        connection->busy_bound_usec = UINT64_MAX; /* SQLite's locks know no turn */
        while (atomic_load(&board->n_ended) < N_WRITERS) {
                for (int i = 0; i < 2 * N_WRITERS; i++, n_lookups++)
                        check_one(board, i / 2);
                /* The service writes, too; nobody else has this match. */
                if (n_lookups % 300 == 0) {
                        store_confidence((double) (++n_own % 100));
                        assert_true(look_up(7) == (double) (n_own % 100));
                }
        }
        assert_true(look_up(7) == (double) (n_own % 100));
        for (int writer = 0; writer < N_WRITERS; writer++) {
                assert_int_equal(waitpid(writers[writer], &status, 0), writers[writer]);
                assert_int_equal(status, 0);
                assert_true(look_up(writer) * 8 == N_ROUNDS);
        }
        assert_true(n_lookups > 0);
        print_message("# %llu look-ups, %llu from memory\n",
                        (unsigned long long) n_lookups,
                        (unsigned long long) atomic_load(&prediction_cache_counters(cache)->hits));
        (void) munmap(board, sizeof *board);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                        TEST(test_a_cached_look_up_runs_no_query_on_the_table),
                        TEST(test_none_is_remembered_too),
                        TEST(test_another_connection_s_commit_is_seen_at_once),
                        TEST(test_another_connection_s_commit_in_rollback_mode),
                        TEST(test_what_is_not_committed_is_not_told),
                        TEST(test_a_commit_in_the_middle_of_a_look_up),
                        TEST(test_own_commits_are_seen),
                        TEST(test_own_commits_that_reach_the_table_through_others),
                        TEST(test_own_rollback_leaves_the_truth),
                        TEST(test_another_connection_begins_anew),
                        TEST(test_entries_are_bounded_and_the_least_used_goes),
                        TEST(test_bytes_are_bounded),
                        TEST(test_no_answer_is_stale_while_processes_write),
        };

        return cmocka_run_group_tests_name("prediction-cache", tests, NULL, NULL);
}
