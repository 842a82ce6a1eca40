/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "database/check.h"

#include <string.h>

/* Enough to be sure; a file full of rubbish has millions. */
#define FINDINGS_MAX 100

void check_result_done(CheckResult *result)
{
        free(result->first_finding);
        *result = (CheckResult){0};
}

static bool is_content(const Fault *fault)
{
        return fault->message && (fault->code == FAULT_CORRUPT || fault->code == FAULT_NOT_A_DATABASE);
}

/* Findings that say "this row breaks a rule" rather than "this file is damaged": a schema that was changed
 * after its rows were written gives them. CHECK constraints are left out of the run altogether. */
static bool is_constraint(const char *text, size_t length)
{
        static const char null_words[] = "NULL value in ";
        const char *value_words = memmem(text, length, " value in ", strlen(" value in "));

        return strncmp(text, null_words, strlen(null_words)) == 0 ||
               /* "non-INT value in t.c", in STRICT tables */
               (strncmp(text, "non-", 4) == 0 && value_words &&
                               !memchr(text, ' ', (size_t) (value_words - text)));
}

static int add_finding(CheckResult *result, const char *text, size_t length, Fault *fault)
{
        if (!result->first_finding) {
                result->first_finding = strndup(text, length);
                if (!result->first_finding)
                        return fault_set_errno(fault, ENOMEM, "Checking the database");
        }
        result->n_findings++;
        return 0;
}

/* SQLite puts "I could not read this page" among the findings; a disk that fails once would look like a
 * corrupt database. The code that it had is in the text, or is one of input/output where there is none (a
 * page number out of range has a finding of its own). */
static int code_in_finding(const char *text, size_t length)
{
        static const char page_words[] = "unable to get the page. error code=";
        const char *end = text + length, *at = strstr(text, page_words);

        if (at && at < end)
                return (int) strtol(at + strlen(page_words), NULL, 10);
        at = strstr(text, "failed to get page");
        return at && at < end ? SQLITE_IOERR_READ : SQLITE_CORRUPT;
}

/* One row of the answer: "ok", one finding, or several in lines under a heading "*** in database main ***".
 * The fault is that of a line that is none. */
static int add_row(const Connection *connection, CheckResult *result, const char *text, Fault *fault)
{
        if (strcmp(text, "ok") == 0)
                return 0;
        while (*text) {
                size_t length = strcspn(text, "\n");
                int r = 0;

                if (length > 0 && strncmp(text, "*** ", 4) != 0) {
                        _cleanup_fault_ Fault met = {0};

                        r = connection_fault(connection,
                                        code_in_finding(text, length),
                                        &met,
                                        "Reading a page to check it");
                        if (is_constraint(text, length)) {
                                result->constraint_violations++;
                                r = 0;
                        } else if (is_content(&met))
                                r = add_finding(result, text, length, fault);
                        else if (fault)
                                fault_move(fault, &met);
                }
                if (r < 0)
                        return r;
                text += length + (text[length] == '\n');
        }
        return 0;
}

/* Turns a fault that is a statement about the content into a finding, and leaves every other one alone. */
static int fault_to_finding(CheckResult *result, int r, Fault *met, Fault *fault)
{
        if (is_content(met))
                return add_finding(result, met->message, strlen(met->message), fault);
        if (fault)
                fault_move(fault, met);
        return r;
}

static int check_integrity(Connection *connection, CheckDepth depth, CheckResult *result, Fault *fault)
{
        _cleanup_(statement_finalizep) sqlite3_stmt *statement = NULL;
        /* SQLite's own bound counts constraint violations as well, and what comes after it is not checked:
         * the bound that matters is FINDINGS_MAX, below. */
        const char *sql = depth == CHECK_FULL ? "PRAGMA main.integrity_check(2000000000)"
                                              : "PRAGMA main.quick_check(2000000000)";
        int code, r = connection_execute(connection, "PRAGMA ignore_check_constraints=ON", fault);

        if (r >= 0)
                r = connection_prepare(connection, sql, &statement, fault);
        while (r >= 0 && result->n_findings < FINDINGS_MAX &&
                        (code = sqlite3_step(statement)) != SQLITE_DONE) {
                const char *text;

                if (code != SQLITE_ROW)
                        return connection_fault(connection, code, fault, sql);
                text = (const char *) sqlite3_column_text(statement, 0);
                r = text ? add_row(connection, result, text, fault)
                         : connection_fault(connection, SQLITE_NOMEM, fault, sql);
        }
        return r;
}

static int check_foreign_keys(Connection *connection, CheckResult *result, Fault *fault)
{
        static const char sql[] = "PRAGMA main.foreign_key_check";
        _cleanup_(statement_finalizep) sqlite3_stmt *statement = NULL;
        int code = sqlite3_prepare_v2(connection->handle, sql, -1, &statement, NULL);

        if (code == SQLITE_OK)
                while ((code = sqlite3_step(statement)) == SQLITE_ROW)
                        result->foreign_key_violations++;
        if (code == SQLITE_ERROR) { /* "foreign key mismatch": the schema is at fault, not the content */
                result->foreign_key_violations++;
                return 0;
        }
        if (code != SQLITE_DONE)
                return connection_fault(connection, code, fault, sql);
        return 0;
}

static int check_connection(Connection *connection, CheckDepth depth, CheckResult *result, Fault *fault)
{
        _cleanup_(statement_finalizep) sqlite3_stmt *pin = NULL;
        int r;

        /* For the sake of cancelling: SQLite forgets an interrupt that comes just before a statement starts,
         * and integrity_check is one long statement that asks for nothing else. */
        r = connection_pin(connection, &pin, fault);
        if (r >= 0)
                r = check_integrity(connection, depth, result, fault);
        if (r >= 0 && depth == CHECK_FULL && result->n_findings == 0)
                r = check_foreign_keys(connection, result, fault);
        return r;
}

int check_run(const char *path,
                ConnectionMode mode,
                CheckDepth depth,
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
                r = check_connection(connection, depth, &result, &met);
        /* Asked before anything is believed: an interrupted integrity_check reports every page that it did
         * not reach as "never used", and only then that it was interrupted. */
        if (progress && progress_check(progress, fault) < 0)
                return fault_errno(FAULT_CANCELLED);
        if (r < 0)
                r = fault_to_finding(&result, r, &met, fault);
        if (r < 0)
                return r;

        result.healthy = result.n_findings == 0;
        *ret = result;
        result = (CheckResult){0};
        return 0;
}
