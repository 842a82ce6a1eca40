/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "database/check/check-pragma.h"

#include <string.h>

bool check_is_content(const Fault *fault)
{
        return fault->message && (fault->code == FAULT_CORRUPT || fault->code == FAULT_NOT_A_DATABASE);
}

int check_add_finding(CheckResult *result, const char *text, size_t length, Fault *fault)
{
        Finding finding = finding_read(text, length);
        CheckLine *lines;
        char *copy;

        if (finding.kind == FINDING_RULE) {
                result->constraint_violations++;
                return 0;
        }
        lines = reallocarray(result->lines, result->n_lines + 1, sizeof *lines);
        if (lines)
                result->lines = lines;
        copy = lines ? strndup(text, length) : NULL;
        if (!copy)
                return fault_set_errno(fault, ENOMEM, "Checking the database");
        lines[result->n_lines++] = (CheckLine){.kind = finding.kind, .page = finding.page, .text = copy};
        if (finding.kind != FINDING_UNCHECKED)
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
                        if (check_is_content(&met))
                                r = check_add_finding(result, text, length, fault);
                        else if (fault)
                                fault_move(fault, &met);
                }
                if (r < 0)
                        return r;
                text += length + (text[length] == '\n');
        }
        return 0;
}

int check_pragma_run(Connection *connection,
                const char *sql,
                CheckResult *result,
                uint64_t *ret_rows,
                Fault *fault)
{
        _cleanup_(statement_finalizep) sqlite3_stmt *statement = NULL;
        uint64_t rows = 0;
        int code, r;

        r = connection_execute(connection, "PRAGMA ignore_check_constraints=ON", fault);
        if (r >= 0)
                r = connection_prepare(connection, sql, &statement, fault);
        while (r >= 0 && result->n_findings < CHECK_FINDINGS_MAX &&
                        (code = sqlite3_step(statement)) != SQLITE_DONE) {
                const char *text;

                if (code != SQLITE_ROW)
                        return connection_fault(connection, code, fault, sql);
                rows++;
                text = (const char *) sqlite3_column_text(statement, 0);
                r = text ? add_row(connection, result, text, fault)
                         : connection_fault(connection, SQLITE_NOMEM, fault, sql);
        }
        if (r < 0)
                return r;
        *ret_rows = rows;
        return 0;
}
