/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "database/check/check.h"

#include <string.h>

#include "database/check/check-judge.h"
#include "database/check/check-pragma.h"
#include "database/check/check-shared.h"
#include "database/check/foreign-key.h"
#include "database/schema/table-list.h"

void check_result_done(CheckResult *result)
{
        for (size_t i = 0; i < result->n_lines; i++)
                free(result->lines[i].text);
        free(result->lines);
        free(result->unchecked);
        free(result->first_finding);
        *result = (CheckResult){0};
}

/* SQLite's own bound counts constraint violations as well, and what comes after it is not checked: the bound
 * that matters is CHECK_FINDINGS_MAX. */
static const char *const whole_sql[] = {
                [CHECK_QUICK] = "PRAGMA main.quick_check(2000000000)",
                [CHECK_FULL] = "PRAGMA main.integrity_check(2000000000)",
};

static int check_foreign_keys(Connection *connection, CheckResult *result, Fault *fault)
{
        _cleanup_(table_list_done) TableList list = {0};
        int r = table_list_load(connection, &list, fault);

        for (size_t i = 0; r >= 0 && i < list.n_tables; i++)
                r = foreign_keys_count(
                                connection, list.tables[i].name, &result->foreign_key_violations, fault);
        return r;
}

/* One thread gains nothing by it but the proof of the indexes of a copy. */
static bool is_shared(ConnectionMode mode, CheckDepth depth, unsigned threads)
{
        return threads > 1 || (mode == CONNECTION_PRIVATE && depth == CHECK_FULL);
}

/* What SQLite says of the whole. */
static int check_whole(Connection *connection,
                ConnectionMode mode,
                CheckDepth depth,
                unsigned threads,
                CheckResult *result,
                Fault *fault)
{
        uint64_t rows;
        int r;

        if (is_shared(mode, depth, threads) &&
                        check_shared(connection, mode, depth, MAX_OF(threads, 1U), result))
                return 0;
        r = check_pragma_run(connection, whole_sql[depth], result, &rows, fault);
        if (r >= 0 && depth == CHECK_FULL && result->n_lines == 0)
                r = check_foreign_keys(connection, result, fault);
        return r;
}

/* There is something that this SQLite can't do, which is not that it could not look. */
static bool is_of_the_schema(const Fault *met)
{
        return met->code == FAULT_NOT_SUPPORTED || met->code == FAULT_FAILED;
}

static int check_table(Connection *connection,
                CheckDepth depth,
                const char *table,
                CheckResult *result,
                Fault *fault)
{
        char *sql = sqlite3_mprintf(depth == CHECK_FULL ? "PRAGMA main.integrity_check(%Q)"
                                                        : "PRAGMA main.quick_check(%Q)",
                        table);
        uint64_t rows;
        int r = sql ? check_pragma_run(connection, sql, result, &rows, fault)
                    : fault_set_errno(fault, ENOMEM, "Checking the database");

        sqlite3_free(sql);
        return r;
}

/* The tables that SQLite does understand, each by itself. What it does not was told by the first fault. */
static int check_tables(Connection *connection, CheckDepth depth, CheckResult *result, Fault *fault)
{
        _cleanup_(table_list_done) TableList list = {0};
        int r = table_list_load(connection, &list, fault);

        for (size_t i = 0; r >= 0 && i < list.n_tables; i++) {
                _cleanup_fault_ Fault met = {0};

                r = check_table(connection, depth, list.tables[i].name, result, &met);
                if (r < 0 && (is_of_the_schema(&met) || check_is_content(&met)))
                        r = 0;
                else if (r < 0 && fault)
                        fault_move(fault, &met);
        }
        return r;
}

/* For what SQLite found, or could not look at. */
static int look_at_pages(Connection *connection,
                CheckDepth depth,
                const Fault *met,
                CheckResult *result,
                Fault *fault)
{
        _cleanup_(statement_finalizep) sqlite3_stmt *pin = NULL;
        _cleanup_(page_proof_done) PageProof proof = {0};
        int r = connection_pin_pages(connection, &pin, fault);

        if (r >= 0 && is_of_the_schema(met))
                r = check_tables(connection, depth, result, fault);
        if (r >= 0)
                r = page_proof_run(connection, connection->unread != NULL, &proof, fault);
        if (r < 0)
                return r;
        if (r == 0)
                return fault_set(fault,
                                FAULT_FAILED,
                                "%s: its pages can't be told apart at this moment, and SQLite says: %s",
                                connection->path,
                                result->n_lines > 0 ? result->lines[0].text : met->message);
        return check_judge(connection, &proof, met, result, fault);
}

static int check_connection(Connection *connection,
                ConnectionMode mode,
                CheckDepth depth,
                unsigned threads,
                CheckResult *result,
                Fault *fault)
{
        _cleanup_(statement_finalizep) sqlite3_stmt *pin = NULL;
        _cleanup_fault_ Fault met = {0};
        int r = connection_read_schema(connection, &met);

        /* For the sake of cancelling: SQLite forgets an interrupt that comes just before a statement starts,
         * and integrity_check is one long statement that asks for nothing else. */
        if (r >= 0)
                r = connection_pin(connection, &pin, &met);
        if (r >= 0 && connection->unread)
                r = fault_set(&met, FAULT_NOT_SUPPORTED, "%s", connection->unread);
        if (r >= 0)
                r = check_whole(connection, mode, depth, threads, result, &met);
        if (r >= 0 && result->n_lines == 0)
                return 0;
        /* Asked before anything is believed: an interrupted integrity_check reports every page that it did
         * not reach as "never used", and only then that it was interrupted. */
        if (connection->progress && progress_check(connection->progress, fault) < 0)
                return fault_errno(FAULT_CANCELLED);
        if (r >= 0 || check_is_content(&met) || is_of_the_schema(&met))
                return look_at_pages(connection, depth, &met, result, fault);
        if (fault)
                fault_move(fault, &met);
        return r;
}

int check_run(const char *path,
                ConnectionMode mode,
                CheckDepth depth,
                unsigned threads,
                Progress *progress,
                CheckResult *ret,
                Fault *fault)
{
        _cleanup_(connection_closep) Connection *connection = NULL;
        _cleanup_(check_result_done) CheckResult result = {0};
        _cleanup_fault_ Fault met = {0};
        int r;

        r = connection_open(path, mode, progress, &connection, &met);
        if (r >= 0)
                r = check_connection(connection, mode, depth, threads, &result, &met);
        if (r < 0 && check_is_content(&met)) { /* its first page is not that of a database */
                free(result.first_finding);
                result.damage = DAMAGE_CONTENT;
                result.n_findings = 1;
                result.first_finding = TAKE_PTR(met.message);
                met.code = FAULT_NONE;
                r = 0;
        }
        if (progress && progress_check(progress, fault) < 0)
                return fault_errno(FAULT_CANCELLED);
        if (r < 0) {
                if (fault)
                        fault_move(fault, &met);
                return r;
        }
        result.healthy = result.damage == 0;
        *ret = result;
        result = (CheckResult){0};
        return 0;
}

int check_run_twice(const char *path,
                ConnectionMode mode,
                CheckDepth depth,
                unsigned threads,
                Progress *progress,
                CheckResult *ret,
                Fault *fault)
{
        _cleanup_(check_result_done) CheckResult first = {0};
        int r = check_run(path, mode, depth, threads, progress, &first, fault);

        if (r < 0)
                return r;
        if (first.damage & DAMAGE_CONTENT)
                return check_run(path, mode, depth, threads, progress, ret, fault);
        *ret = first;
        first = (CheckResult){0};
        return 0;
}
