/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A new database with the application's tables, open for the service, and one user in it. */

#include "../database/fixture.h"

#include "records/log-writer.h"

#define NOW_USEC UINT64_C(1769219181123456) /* 2026-01-24 01:46:21.123456 UTC */

extern Connection *log_connection;

int log_setup(void **state);
int log_teardown(void **state);

/* Rows that are good as they are. */
LogEntry log_system_entry(void);
LogEntry log_access_entry(void);

/* Writes one row, which must succeed. Returns its id. */
int64_t log_add(const LogEntry *entry);

/* Fails when SQLite would run the statement by looking at more than an index or the primary key leads to. */
void log_assert_plan(const char *sql);
