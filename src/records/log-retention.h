/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Removes old rows of the logs, a few at a time, so that the application's writers never wait long. The rows
 * of the application are its own: unless the operator says so, only those that this service wrote are
 * removed. Belongs to the connection's thread. */

#include "database/connection/connection.h"
#include "records/log-entry.h"

/* At how many rows one step looks, and how many it removes in one transaction. */
#define LOG_RETENTION_SCAN_ROWS 5000
#define LOG_RETENTION_STEP_ROWS 500

/* So many of the newest stay whatever their age: a clock that jumped ahead must not empty the log. */
#define LOG_RETENTION_KEPT_ROWS 1000

typedef struct LogRetention {
        LogTable table;
        uint64_t before_usec; /* older rows go */
        bool all;             /* also the application's */
        int64_t after_id;     /* where the next step begins; 0 at first, and when all rows were looked at */
} LogRetention;

/* Whether a row of this type and moment is to go. One whose moment is not understood never is. */
bool log_retention_wants(const LogRetention *retention, const char *action_type, const char *created_at);

/* One step; removed rows are told by *ret_removed. A table that is not there, or lacks the columns, has no
 * row to remove. What connection_fault() tells. */
int log_retention_step(Connection *connection, LogRetention *retention, unsigned *ret_removed, Fault *fault);

/* The statement for a table, so that a test can ask SQLite how it runs it. */
const char *log_retention_sql(LogTable table);
