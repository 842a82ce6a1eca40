/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Where tests reach into a running service: named step points at which it kills or stops itself, and an
 * injected wall clock. Compiled only with -Dtest-hooks=true; in production a point is no code at all.
 *
 *   ORACXPRED_TEST_POINT=NAME[:N]  act at the N-th passing (default 1) of the point NAME
 *   ORACXPRED_TEST_ACTION=kill     SIGKILL to itself (default);  stop: SIGSTOP, until the test continues it
 *                                  wait: this thread alone waits at the gate
 *   ORACXPRED_TEST_GATE=FIFO       the gate: reached when it opens for writing, left when that end closes
 *   ORACXPRED_TEST_TRACE=FILE      append the name of every point passed, a line each
 *   ORACXPRED_TEST_STATEMENTS=FILE append every SQL statement that runs, and the character RS (0x1e)
 *   ORACXPRED_TEST_CLOCK=FILE      read the wall clock from FILE (decimal µs) at each use
 *   ORACXPRED_TEST_BOOTTIME=FILE   likewise the time since the boot
 *   ORACXPRED_TEST_DISK=FILE       while it is there, what the disk holds of a database, as against what the
 *                                  kernel has in memory; a directory: the disk can't read
 *   ORACXPRED_TEST_FIRST_ROWS=USEC how long after a change the first rows are counted
 *   ORACXPRED_TEST_NAME_LEAD=USEC how far the name of a backup may be ahead of the clock
 *   ORACXPRED_TEST_ANSWER=USEC     how long an answer from another service is waited for
 *
 * Points may be passed from any thread. */

#include "config.h"

#if TEST_HOOKS
#include <stdbool.h>
#include <stdint.h>

void test_point(const char *name);
void test_hook_statement(const char *sql);
bool test_hook_clock(uint64_t *ret_usec);
bool test_hook_boottime(uint64_t *ret_usec);
bool test_hook_patience(uint64_t *ret_usec);
bool test_hook_first_rows(uint64_t *ret_usec);
bool test_hook_name_lead(uint64_t *ret_usec);
const char *test_hook_disk(void);
#define TEST_POINT(name) test_point(name)
#else
#define TEST_POINT(name) ((void) 0)
#endif
