/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "records/log-entry.h"

#include <inttypes.h>
#include <string.h>

#include "base/timestamp.h"
#include "base/utf8.h"

static const char *const log_tables[_LOG_TABLE_MAX] = {
                [LOG_SYSTEM] = "system_logs",
                [LOG_ACCESS] = "access_logs",
};

const char *log_table_to_string(LogTable table)
{
        return table >= 0 && table < _LOG_TABLE_MAX ? log_tables[table] : NULL;
}

bool log_type_is_own(LogTable table, const char *action_type)
{
        if (strncmp(action_type, LOG_TYPE_PREFIX, strlen(LOG_TYPE_PREFIX)) == 0)
                return true;
        if (table == LOG_SYSTEM)
                return strcmp(action_type, LOG_TYPE_RESTORED) == 0;
        return strcmp(action_type, LOG_TYPE_SIGNED_IN) == 0 ||
               strcmp(action_type, LOG_TYPE_NOT_SIGNED_IN) == 0;
}

bool log_severity_is_valid(const char *severity)
{
        static const char *const severities[] = {"info", "warning", "error", "critical"};

        for (size_t i = 0; i < ELEMENTSOF(severities); i++)
                if (strcmp(severities[i], severity) == 0)
                        return true;
        return false;
}

static int check_text(const char *name, const char *text, size_t max_bytes, bool required, Fault *fault)
{
        if (!text)
                return required ? fault_set(fault, FAULT_INVALID_ARGUMENT, "There is no %s", name) : 0;
        if (required && !text[0])
                return fault_set(fault, FAULT_INVALID_ARGUMENT, "The %s is empty", name);
        if (strlen(text) > max_bytes)
                return fault_set(fault,
                                FAULT_INVALID_ARGUMENT,
                                "The %s is longer than %zu bytes",
                                name,
                                max_bytes);
        if (!utf8_is_valid(text))
                return fault_set(fault, FAULT_INVALID_ARGUMENT, "The %s is not valid UTF-8", name);
        return 0;
}

static int check_id(const char *name, int64_t id, Fault *fault)
{
        if (id >= 0 && id <= LOG_ID_MAX)
                return 0;
        return fault_set(fault,
                        FAULT_INVALID_ARGUMENT,
                        "The number of the %s, %" PRIi64 ", is not from 1 to 2^53 - 1",
                        name,
                        id);
}

static int check_system(const LogEntry *entry, Fault *fault)
{
        int r = check_text("message", entry->message, LOG_MESSAGE_MAX_BYTES, true, fault);

        if (r < 0)
                return r;
        if (!entry->severity || !log_severity_is_valid(entry->severity))
                return fault_set(fault,
                                FAULT_INVALID_ARGUMENT,
                                "A severity is info, warning, error or critical");
        return check_id("administrator", entry->admin_id, fault);
}

static int check_access(const LogEntry *entry, Fault *fault)
{
        int r = check_id("match", entry->match_id, fault);

        if (entry->user_id == 0)
                return fault_set(fault,
                                FAULT_INVALID_ARGUMENT,
                                "A row of the access log needs the user whom it is about");
        if (r >= 0)
                r = check_id("prediction", entry->prediction_id, fault);
        if (r >= 0)
                r = check_text("plan", entry->subscription_plan, LOG_PLAN_MAX_BYTES, false, fault);
        return r;
}

int log_entry_check(const LogEntry *entry, Fault *fault)
{
        char moment[TIMESTAMP_RFC3339_MAX];
        int r = check_text("type", entry->action_type, LOG_TYPE_MAX_BYTES, true, fault);

        if (r >= 0 && !utf8_is_line(entry->action_type))
                r = fault_set(fault, FAULT_INVALID_ARGUMENT, "The type has a control character");
        if (r >= 0)
                r = check_text("address", entry->ip_address, LOG_ADDRESS_MAX_BYTES, false, fault);
        if (r >= 0)
                r = check_text("extra data", entry->extra_data, LOG_EXTRA_MAX_BYTES, false, fault);
        if (r >= 0)
                r = check_id("user", entry->user_id, fault);
        if (r >= 0 && timestamp_format_rfc3339(entry->created_usec, moment) < 0)
                r = fault_set(fault, FAULT_INVALID_ARGUMENT, "The moment is past the year 9999");
        if (r < 0)
                return r;
        return entry->table == LOG_SYSTEM ? check_system(entry, fault) : check_access(entry, fault);
}

/* The places of all texts, for what has to treat each alike. */
#define N_TEXTS 6
static void texts_of(LogEntry *entry, const char **ret[static N_TEXTS])
{
        ret[0] = &entry->action_type;
        ret[1] = &entry->ip_address;
        ret[2] = &entry->extra_data;
        ret[3] = &entry->message;
        ret[4] = &entry->severity;
        ret[5] = &entry->subscription_plan;
}

size_t log_entry_size(const LogEntry *entry)
{
        LogEntry copy = *entry;
        const char **texts[N_TEXTS];
        size_t size = sizeof(LogEntry);

        texts_of(&copy, texts);
        for (size_t i = 0; i < N_TEXTS; i++)
                size += *texts[i] ? strlen(*texts[i]) + 1 : 0;
        return size;
}

LogEntry *log_entry_copy(const LogEntry *entry)
{
        LogEntry *copy = malloc(log_entry_size(entry));
        const char **texts[N_TEXTS];
        char *end;

        if (!copy)
                return NULL;
        *copy = *entry;
        end = (char *) (copy + 1);
        texts_of(copy, texts);
        for (size_t i = 0; i < N_TEXTS; i++) {
                if (!*texts[i])
                        continue;
                char *text = end;

                end = stpcpy(end, *texts[i]) + 1;
                *texts[i] = text;
        }
        return copy;
}
