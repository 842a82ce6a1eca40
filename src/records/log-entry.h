/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One row of the application's two logs, as it is given to be written and as it is read: `system_logs`, what
 * happened to the system, and `access_logs`, what a user did. Any thread. */

#include "base/fault.h"

typedef enum LogTable {
        LOG_SYSTEM,
        LOG_ACCESS,
        _LOG_TABLE_MAX,
        _LOG_TABLE_INVALID = -EINVAL,
} LogTable;

const char *log_table_to_string(LogTable table); /* "system_logs", "access_logs" */

/* The columns' widths, and what the texts are held to, in bytes. */
#define LOG_TYPE_MAX_BYTES 50
#define LOG_MESSAGE_MAX_BYTES (8 * KIB)
#define LOG_EXTRA_MAX_BYTES (16 * KIB)
#define LOG_ADDRESS_MAX_BYTES 45
#define LOG_PLAN_MAX_BYTES 20

/* What JavaScript and JSON readers hold exactly. */
#define LOG_ID_MAX ((INT64_C(1) << 53) - 1)

/* Ids are 0, and texts NULL, for what a row does not have. */
typedef struct LogEntry {
        LogTable table;
        uint64_t created_usec; /* stored as the application writes it: YYYY-MM-DD HH:MM:SS.ffffff, UTC */
        const char *action_type;
        int64_t user_id; /* access_logs: not 0 */
        const char *ip_address;
        const char *extra_data; /* a JSON object */

        /* system_logs */
        const char *message;
        const char *severity; /* info, warning, error or critical */
        int64_t admin_id;

        /* access_logs */
        int64_t match_id;
        int64_t prediction_id;
        const char *subscription_plan;
} LogEntry;

/* What the service's own rows begin with, in both tables. */
#define LOG_TYPE_PREFIX "persistence."
/* In the database that was restored. */
#define LOG_TYPE_RESTORED "database_restored"
/* In access_logs: that this service has compared the password. */
#define LOG_TYPE_SIGNED_IN "sign_in"
#define LOG_TYPE_NOT_SIGNED_IN "sign_in_failed"

/* Whether only this service writes rows of this type: callers can't append such. */
bool log_type_is_own(LogTable table, const char *action_type);

/* Whether it is one of the four words. */
bool log_severity_is_valid(const char *severity);

/* 0, or INVALID_ARGUMENT for a text that is too long, no UTF-8 or missing, an id that is out of range, and a
 * moment past the year 9999. That `extra_data` is JSON is looked at when it is written. */
int log_entry_check(const LogEntry *entry, Fault *fault);

/* A copy in one piece of memory, freed with free(); NULL when there is none. */
LogEntry *log_entry_copy(const LogEntry *entry);

/* What such a copy takes, in bytes. */
size_t log_entry_size(const LogEntry *entry);
