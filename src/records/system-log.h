/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The application's own log table, `system_logs`, which its administrators read: the service adds a row for
 * what it did to their database. After a restore the row goes into the restored database, since the one that
 * was there is gone with what it replaced. */

#include "database/connection.h"

typedef enum SystemLogSeverity {
        SYSTEM_LOG_INFO,
        SYSTEM_LOG_WARNING,
        SYSTEM_LOG_ERROR,
        SYSTEM_LOG_CRITICAL,
        _SYSTEM_LOG_SEVERITY_MAX,
        _SYSTEM_LOG_SEVERITY_INVALID = -EINVAL,
} SystemLogSeverity;

const char *system_log_severity_to_string(SystemLogSeverity severity); /* "info", "warning", … */
SystemLogSeverity system_log_severity_from_string(const char *text);

#define SYSTEM_LOG_ACTION_MAX_BYTES 50 /* the column's width */

typedef struct SystemLogEntry {
        const char *action_type; /* "database_restored", … */
        const char *message;
        SystemLogSeverity severity;
        const char *extra_data; /* a JSON object as text, or NULL */
        uint64_t created_usec;  /* stored as the application writes it: YYYY-MM-DD HH:MM:SS.ffffff, UTC */
} SystemLogEntry;

/* Adds one row in a transaction of its own. Needs a CONNECTION_WRITE. INVALID_ARGUMENT for text that is not
 * UTF-8 or too wide; NOT_FOUND when the table is missing; else what connection_fault() tells. */
int system_log_append(Connection *connection, const SystemLogEntry *entry, Fault *fault);
