/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "records/system-log.h"

#include <string.h>

#include "base/timestamp.h"
#include "base/utf8.h"

static const char *const severity_names[_SYSTEM_LOG_SEVERITY_MAX] = {
                [SYSTEM_LOG_INFO] = "info",
                [SYSTEM_LOG_WARNING] = "warning",
                [SYSTEM_LOG_ERROR] = "error",
                [SYSTEM_LOG_CRITICAL] = "critical",
};

const char *system_log_severity_to_string(SystemLogSeverity severity)
{
        return severity >= 0 && severity < _SYSTEM_LOG_SEVERITY_MAX ? severity_names[severity] : NULL;
}

SystemLogSeverity system_log_severity_from_string(const char *text)
{
        for (SystemLogSeverity severity = 0; severity < _SYSTEM_LOG_SEVERITY_MAX; severity++)
                if (strcmp(severity_names[severity], text) == 0)
                        return severity;
        return _SYSTEM_LOG_SEVERITY_INVALID;
}

static int refuse_bad_entry(const SystemLogEntry *entry, Fault *fault)
{
        if (!system_log_severity_to_string(entry->severity))
                return fault_set(fault, FAULT_INVALID_ARGUMENT, "There is no such severity");
        if (!entry->action_type[0] || strlen(entry->action_type) > SYSTEM_LOG_ACTION_MAX_BYTES)
                return fault_set(fault,
                                FAULT_INVALID_ARGUMENT,
                                "An action type has 1 to %d bytes",
                                SYSTEM_LOG_ACTION_MAX_BYTES);
        if (!utf8_is_valid(entry->action_type) || !utf8_is_valid(entry->message) ||
                        (entry->extra_data && !utf8_is_valid(entry->extra_data)))
                return fault_set(fault, FAULT_INVALID_ARGUMENT, "An entry of the system log is valid UTF-8");
        return 0;
}

/* "2026-01-24 01:46:21.123456": what SQLAlchemy writes and reads. */
static int format_moment(uint64_t usec, char ret[static TIMESTAMP_RFC3339_MAX], Fault *fault)
{
        if (timestamp_format_rfc3339(usec, ret) < 0)
                return fault_set(fault,
                                FAULT_INVALID_ARGUMENT,
                                "An entry of the system log is past the year 9999");
        *strchr(ret, 'T') = ' ';
        *strchr(ret, 'Z') = '\0';
        return 0;
}

static int find_table(Connection *connection, Fault *fault)
{
        int64_t n;
        int r = connection_query_integer(connection,
                        "SELECT count(*) FROM main.sqlite_schema WHERE type = 'table' AND "
                        "lower(name) = 'system_logs'",
                        &n,
                        fault);

        if (r >= 0 && n == 0)
                return fault_set(fault,
                                FAULT_NOT_FOUND,
                                "%s has no table system_logs; the next start of the service creates it",
                                connection->path);
        return r;
}

int system_log_append(Connection *connection, const SystemLogEntry *entry, Fault *fault)
{
        static const char sql[] = "INSERT INTO main.system_logs(action_type, message, severity, extra_data, "
                                  "created_at) VALUES(?, ?, ?, ?, ?)";
        _cleanup_(statement_finalizep) sqlite3_stmt *statement = NULL;
        char moment[TIMESTAMP_RFC3339_MAX];
        int code, r = refuse_bad_entry(entry, fault);

        if (r >= 0)
                r = format_moment(entry->created_usec, moment, fault);
        if (r >= 0)
                r = find_table(connection, fault);
        if (r >= 0)
                r = connection_prepare(connection, sql, &statement, fault);
        if (r < 0)
                return r;

        const char *const values[] = {
                        entry->action_type,
                        entry->message,
                        system_log_severity_to_string(entry->severity),
                        entry->extra_data, /* NULL binds NULL */
                        moment,
        };
        for (size_t i = 0; i < ELEMENTSOF(values); i++) {
                code = sqlite3_bind_text(statement, (int) i + 1, values[i], -1, SQLITE_STATIC);
                if (code != SQLITE_OK)
                        return connection_fault(connection, code, fault, "Writing to system_logs");
        }
        code = sqlite3_step(statement);
        if (code != SQLITE_DONE)
                return connection_fault(connection, code, fault, "Writing to system_logs");
        return 0;
}
