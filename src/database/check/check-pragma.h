/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the answer of an `integrity_check` means: damage, a row that breaks a rule of its table, or a page
 * that could not be read. Belongs to the connection's thread. */

#include "database/check/check.h"

/* Findings after which a check ends: enough to be sure; a file full of rubbish has millions. */
#define CHECK_FINDINGS_MAX 100

/* Whether a fault is a statement about the content. */
bool check_is_content(const Fault *fault);

/* Adds one finding of `length` bytes, as finding.h reads it. What it damages is still to be judged. */
int check_add_finding(CheckResult *result, const char *text, size_t length, Fault *fault);

/* Runs one `PRAGMA integrity_check(…)` or `quick_check(…)` and adds what it says to *result; *ret_rows is
 * how many rows its answer had. CHECK constraints are left out of the run altogether. Faults: as the
 * connection's; damage that SQLite meets as an error, and not as a row of the answer, is one of them. */
int check_pragma_run(Connection *connection,
                const char *sql,
                CheckResult *result,
                uint64_t *ret_rows,
                Fault *fault);
