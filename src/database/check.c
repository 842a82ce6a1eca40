/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "database/check.h"

#include <string.h>

#include "database/check-pragma.h"
#include "database/check-shared.h"
#include "database/foreign-key.h"
#include "database/table-list.h"

void check_result_done(CheckResult *result)
{
        free(result->unchecked);
        free(result->first_finding);
        *result = (CheckResult){0};
}

/* Turns a fault that is a statement about the content into a finding, and leaves every other one alone. */
static int fault_to_finding(CheckResult *result, int r, Fault *met, Fault *fault)
{
        if (check_is_content(met))
                return check_add_finding(result, FINDING_CONTENT, met->message, strlen(met->message), fault);
        if (fault)
                fault_move(fault, met);
        return r;
}

static int check_integrity(Connection *connection, CheckDepth depth, CheckResult *result, Fault *fault)
{
        uint64_t rows;

        /* SQLite's own bound counts constraint violations as well, and what comes after it is not checked:
         * the bound that matters is CHECK_FINDINGS_MAX. */
        return check_pragma_run(connection,
                        depth == CHECK_FULL ? "PRAGMA main.integrity_check(2000000000)"
                                            : "PRAGMA main.quick_check(2000000000)",
                        result,
                        &rows,
                        fault);
}

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

static int check_connection(Connection *connection,
                ConnectionMode mode,
                CheckDepth depth,
                unsigned threads,
                CheckResult *result,
                Fault *fault)
{
        _cleanup_(statement_finalizep) sqlite3_stmt *pin = NULL;
        int r;

        /* For the sake of cancelling: SQLite forgets an interrupt that comes just before a statement starts,
         * and integrity_check is one long statement that asks for nothing else. */
        r = connection_pin(connection, &pin, fault);
        if (r >= 0 && is_shared(mode, depth, threads) &&
                        check_shared(connection, mode, depth, MAX_OF(threads, 1U), result))
                return 0;
        if (r >= 0)
                r = check_integrity(connection, depth, result, fault);
        if (r >= 0 && depth == CHECK_FULL && result->n_findings == 0)
                r = check_foreign_keys(connection, result, fault);
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
        /* Asked before anything is believed: an interrupted integrity_check reports every page that it did
         * not reach as "never used", and only then that it was interrupted. */
        if (progress && progress_check(progress, fault) < 0)
                return fault_errno(FAULT_CANCELLED);
        if (r < 0)
                r = fault_to_finding(&result, r, &met, fault);
        if (r < 0)
                return r;

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
