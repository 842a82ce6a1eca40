/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "database/check/check-shared.h"

#include <inttypes.h>
#include <string.h>

#include "base/parallel.h"
#include "database/check/check-pragma.h"
#include "database/check/foreign-key.h"
#include "database/check/index-proof.h"
#include "database/page/page-map.h"
#include "database/schema/table-list.h"

/* Of all connections together. Looking rows up in an index jumps about in it; more than an index of some
 * size needs anyway brings nothing. */
#define CACHE_BYTES (24 * MIB)

/* Rows after which SQLite ends the answer for a single table. */
#define ANSWER_ROWS_MAX 100

/* A proof reads the whole schema for each table and index. Below this SQLite has looked all rows up by then.
 */
#define PROOF_ROWS_MIN 1024

/* About how long things take, each in comparison with the others: so that the largest task can be first. */
#define COST_ROW 4     /* quick_check of a row and its part of the indexes */
#define COST_SCAN 1    /* of a row, or an entry of an index */
#define COST_LOOK_UP 8 /* of a row in an index, by SQLite */
#define COST_KEY 2     /* joining a foreign key */
#define COST_PAGE 4    /* following what a page points to */

typedef enum TaskKind {
        TASK_TABLE,
        TASK_SCAN, /* one of a table's index proof */
        TASK_FOREIGN_KEYS,
        TASK_PAGE_MAP,
        TASK_WHOLE, /* quick_check of the whole file */
} TaskKind;

typedef struct Task {
        TaskKind kind;
        char *table;       /* NULL for the last two kinds */
        IndexProof *proof; /* of that table; its TASK_TABLE owns it; NULL when it has none */
        unsigned scan;     /* which one of its scans */
        uint64_t n_parts;  /* of the table: indexes, or foreign keys */
        uint64_t cost;
} Task;

typedef struct Shares {
        const char *path;
        ConnectionMode mode;
        CheckDepth depth;
        unsigned n_threads;
        Progress progress; /* of all the threads' connections; cancelled as soon as one is not content */

        pthread_mutex_t mutex; /* guards the rest once the threads run */
        Task *tasks;           /* largest first; the list itself does not change any more */
        size_t n_tasks, n_taken, n_done;
        uint64_t constraint_violations, foreign_key_violations;
} Shares;

static void shares_done(Shares *shares)
{
        for (size_t i = 0; i < shares->n_tasks; i++) {
                if (shares->tasks[i].kind == TASK_TABLE)
                        index_proof_free(shares->tasks[i].proof);
                free(shares->tasks[i].table);
        }
        free(shares->tasks);
        (void) pthread_mutex_destroy(&shares->mutex);
        progress_done(&shares->progress);
}

/* Takes task.table for a name to be copied; it may be NULL. */
static bool add_task(Shares *shares, Task task)
{
        Task *tasks = reallocarray(shares->tasks, shares->n_tasks + 1, sizeof *tasks);

        if (!tasks)
                return false;
        shares->tasks = tasks;
        if (task.table) {
                task.table = strdup(task.table);
                if (!task.table)
                        return false;
        }
        tasks[shares->n_tasks++] = task;
        return true;
}

/* SQLite takes an argument that begins like a number for the bound of the answer. */
static bool can_be_named(const char *table)
{
        return table[0] != '+' && table[0] != '-' && (table[0] < '0' || table[0] > '9');
}

/* Where there are no rowids, or their largest says little, only the balance suffers. */
static uint64_t count_rows_roughly(Connection *connection, const char *table, uint64_t otherwise)
{
        char *sql = sqlite3_mprintf("SELECT max(_rowid_) FROM main.\"%w\"", table);
        int64_t rows = 0;
        int r = sql ? connection_query_integer(connection, sql, &rows, NULL) : -ENOMEM;

        sqlite3_free(sql);
        return r < 0 || rows < 0 ? otherwise : MIN_OF((uint64_t) rows, otherwise);
}

static bool add_proof(Shares *shares, Task of_table, uint64_t rows)
{
        unsigned n = index_proof_count_scans(of_table.proof);

        for (unsigned i = 0; i < n; i++)
                if (!add_task(shares,
                                    (Task){.kind = TASK_SCAN,
                                                    .table = of_table.table,
                                                    .proof = of_table.proof,
                                                    .scan = i,
                                                    .cost = rows * COST_SCAN}))
                        return false;
        return true;
}

/* On a live database pages can't be read but through SQLite, and there is no proof. */
static bool plan_table(Shares *shares, Connection *connection, Task *task, uint64_t rows)
{
        bool is_full = shares->depth == CHECK_FULL;

        if (is_full && shares->mode == CONNECTION_PRIVATE && task->n_parts > 0 && rows >= PROOF_ROWS_MIN)
                task->proof = index_proof_new(connection, task->table);
        task->cost = rows * (COST_ROW + (is_full && !task->proof ? COST_LOOK_UP * task->n_parts : 0));
        return !task->proof || add_proof(shares, *task, rows);
}

static bool count_parts(
                sqlite3_stmt *statement, const char *table, uint64_t *ret_indexes, uint64_t *ret_keys)
{
        bool is_counted = sqlite3_bind_text(statement, 1, table, -1, SQLITE_STATIC) == SQLITE_OK &&
                          sqlite3_step(statement) == SQLITE_ROW;

        if (is_counted) {
                *ret_indexes = (uint64_t) sqlite3_column_int64(statement, 0);
                *ret_keys = (uint64_t) sqlite3_column_int64(statement, 1);
        }
        (void) sqlite3_reset(statement);
        return is_counted;
}

/* Makes the tasks that have a table; sqlite_schema is one of those. */
static bool list_tables(Shares *shares, Connection *connection)
{
        _cleanup_(statement_finalizep) sqlite3_stmt *parts = NULL;
        _cleanup_(table_list_done) TableList list = {0};

        if (table_list_load(connection, &list, NULL) < 0 ||
                        connection_prepare(connection,
                                        "SELECT (SELECT count(*) FROM pragma_index_list(?1, 'main')),"
                                        " (SELECT count(*) FROM pragma_foreign_key_list(?1, 'main'))",
                                        &parts,
                                        NULL) < 0)
                return false;
        for (size_t i = 0; i < list.n_tables; i++) {
                Task task = {.kind = TASK_TABLE, .table = list.tables[i].name};
                uint64_t n_keys;

                if (!can_be_named(task.table) || !count_parts(parts, task.table, &task.n_parts, &n_keys) ||
                                !add_task(shares, task))
                        return false;
                task.kind = TASK_FOREIGN_KEYS;
                task.n_parts = n_keys;
                if (shares->depth == CHECK_FULL && n_keys > 0 && !add_task(shares, task))
                        return false;
        }
        return true;
}

static bool add_tables(Shares *shares, Connection *connection, uint64_t pages)
{
        size_t first = shares->n_tasks, end;

        if (!list_tables(shares, connection))
                return false;
        end = shares->n_tasks;
        for (size_t i = first; i < end; i++) {
                Task *task = shares->tasks + i;
                /* More than a page holds of what is worth dividing. */
                uint64_t rows = count_rows_roughly(connection, task->table, pages * 256);

                if (task->kind == TASK_FOREIGN_KEYS)
                        task->cost = rows * task->n_parts * COST_KEY;
                else if (!plan_table(shares, connection, task, rows))
                        return false;
        }
        return true;
}

static int compare_tasks(const void *a, const void *b)
{
        const Task *one = a, *two = b;

        return one->cost < two->cost ? 1 : one->cost > two->cost ? -1 : 0;
}

/* False for a database that is not taken on. */
static bool plan(Shares *shares, Connection *connection)
{
        bool is_private = shares->mode == CONNECTION_PRIVATE, is_wal = false;
        int64_t pages, auto_vacuum;

        /* A private copy with a -wal takes a lock that lets nobody else in, not even our own threads. */
        if (connection_is_wal(connection, &is_wal, NULL) < 0 || is_wal == is_private)
                return false;
        if (connection->unread || connection_shadows_pragmas(connection))
                return false;
        if (connection_query_integer(connection, "PRAGMA main.page_count", &pages, NULL) < 0 || pages < 1 ||
                        connection_query_integer(connection, "PRAGMA main.auto_vacuum", &auto_vacuum, NULL) <
                                        0)
                return false;
        if (is_private && auto_vacuum == 0) {
                if (!add_task(shares, (Task){.kind = TASK_PAGE_MAP, .cost = (uint64_t) pages * COST_PAGE}))
                        return false;
        } else {
                /* With that as one piece of it a quick check has nothing left to share. */
                if (shares->depth == CHECK_QUICK ||
                                !add_task(shares,
                                                (Task){.kind = TASK_WHOLE,
                                                                .cost = (uint64_t) pages * COST_PAGE * 8}))
                        return false;
        }
        if (!add_tables(shares, connection, (uint64_t) pages))
                return false;
        qsort(shares->tasks, shares->n_tasks, sizeof *shares->tasks, compare_tasks);
        return true;
}

static const Task *take_task(Shares *shares)
{
        const Task *task = NULL;

        (void) pthread_mutex_lock(&shares->mutex);
        if (shares->n_taken < shares->n_tasks && progress_check(&shares->progress, NULL) >= 0)
                task = shares->tasks + shares->n_taken++;
        (void) pthread_mutex_unlock(&shares->mutex);
        return task;
}

static void finish_task(Shares *shares, const CheckResult *result)
{
        (void) pthread_mutex_lock(&shares->mutex);
        shares->n_done++;
        shares->constraint_violations += result->constraint_violations;
        shares->foreign_key_violations += result->foreign_key_violations;
        (void) pthread_mutex_unlock(&shares->mutex);
}

static bool check_table(Connection *connection, CheckDepth depth, const char *table, CheckResult *result)
{
        char *sql = sqlite3_mprintf("PRAGMA main.%s(%Q)",
                        depth == CHECK_FULL ? "integrity_check" : "quick_check",
                        table);
        uint64_t rows = 0;
        int r = sql ? check_pragma_run(connection, sql, result, &rows, NULL) : -ENOMEM;

        sqlite3_free(sql);
        return r >= 0 && result->n_lines == 0 && rows < ANSWER_ROWS_MAX;
}

/* The rows that break a rule are counted table by table. */
static bool check_whole(Connection *connection)
{
        _cleanup_(check_result_done) CheckResult result = {0};
        uint64_t rows;

        return check_pragma_run(connection, "PRAGMA main.quick_check(2000000000)", &result, &rows, NULL) >=
                               0 &&
               result.n_lines == 0;
}

static bool run_scan(Connection *connection, const Task *task)
{
        _cleanup_(check_result_done) CheckResult again = {0}; /* the quick check counts the violations */

        switch (index_proof_scan(task->proof, connection, task->scan)) {
        case INDEX_PROOF_DOUBTED:
                return check_table(connection, CHECK_FULL, task->table, &again);
        case INDEX_PROOF_SOUND:
        case INDEX_PROOF_OPEN:
        default:
                return true;
        }
}

static bool run_task(const Shares *shares, Connection *connection, const Task *task, CheckResult *result)
{
        switch (task->kind) {
        case TASK_TABLE:
                return check_table(
                                connection, task->proof ? CHECK_QUICK : shares->depth, task->table, result);
        case TASK_SCAN:
                return run_scan(connection, task);
        case TASK_FOREIGN_KEYS:
                return foreign_keys_count(connection, task->table, &result->foreign_key_violations, NULL) >=
                       0;
        case TASK_PAGE_MAP:
                return page_map_adds_up(connection);
        case TASK_WHOLE:
        default:
                return check_whole(connection);
        }
}

static int begin_thread(Shares *shares, Connection **ret_connection, sqlite3_stmt **ret_pin)
{
        char sql[64];
        int r;

        (void) snprintf(sql,
                        sizeof sql,
                        "PRAGMA main.cache_size=-%" PRIu64,
                        (uint64_t) (CACHE_BYTES / KIB / shares->n_threads));
        r = connection_open(shares->path, shares->mode, &shares->progress, ret_connection, NULL);
        if (r >= 0)
                r = connection_execute(*ret_connection, sql, NULL);
        if (r >= 0)
                r = connection_pin(*ret_connection, ret_pin, NULL);
        return r;
}

/* Fails never: what was not done is not counted. */
static int work(void *userdata, unsigned index, Fault *fault)
{
        Shares *shares = userdata;
        _cleanup_(connection_closep) Connection *connection = NULL;
        _cleanup_(statement_finalizep) sqlite3_stmt *pin = NULL;
        const Task *task;

        /* A thread that can't begin leaves its part to the others. */
        if (begin_thread(shares, &connection, &pin) < 0)
                return 0;
        while ((task = take_task(shares))) {
                _cleanup_(check_result_done) CheckResult result = {0};

                if (!run_task(shares, connection, task, &result)) {
                        progress_cancel(&shares->progress);
                        return 0;
                }
                finish_task(shares, &result);
        }
        return 0;
}

static void cancel_all(void *progress)
{
        progress_cancel(progress);
}

bool check_shared(Connection *connection,
                ConnectionMode mode,
                CheckDepth depth,
                unsigned n_threads,
                CheckResult *result)
{
        _cleanup_(shares_done) Shares shares = {
                        .path = connection->path, .mode = mode, .depth = depth, .n_threads = n_threads};
        ProgressInterrupt interrupt = {.function = cancel_all, .target = &shares.progress};

        progress_init(&shares.progress);
        (void) pthread_mutex_init(&shares.mutex, NULL);
        if (!plan(&shares, connection))
                return false;
        if (connection->progress)
                progress_add_interrupt(connection->progress, &interrupt);
        (void) parallel_run(n_threads, work, &shares, NULL);
        if (connection->progress)
                progress_remove_interrupt(connection->progress, &interrupt);
        if (shares.n_done < shares.n_tasks)
                return false;
        result->constraint_violations += shares.constraint_violations;
        result->foreign_key_violations += shares.foreign_key_violations;
        return true;
}
