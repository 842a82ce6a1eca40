/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Removes old rows of the application's logs, a few at a time, so that its writers never wait long. Belongs
 * to the connection's thread. */

#include "database/connection.h"
#include "records/log-entry.h"

/* The rows of one transaction. */
#define LOG_RETENTION_STEP_ROWS 500

/* So many of the newest stay whatever their age: a clock that jumped ahead must not empty the log. */
#define LOG_RETENTION_KEPT_ROWS 1000

/* Removes the oldest rows from before `before_usec`, at most LOG_RETENTION_STEP_ROWS, in a transaction of
 * its own; as many are told by *ret_removed, and as long as there are some it may be called again. A row
 * whose moment is no text stays. What connection_fault() tells. */
int log_retention_step(Connection *connection,
                LogTable table,
                uint64_t before_usec,
                unsigned *ret_removed,
                Fault *fault);

/* The statement for a table, so that a test can ask SQLite how it runs it. */
const char *log_retention_sql(LogTable table);
