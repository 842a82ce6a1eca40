/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/audit/audit.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <string.h>

#include "backup/state/restore-state.h"
#include "base/clock.h"
#include "base/journal.h"
#include "base/names.h"
#include "base/utf8.h"
#include "daemon/audit/audit-limit.h"

typedef enum Outcome {
        OUTCOME_DONE,
        OUTCOME_FAILED,
        OUTCOME_CANCELLED,
        OUTCOME_REFUSED,
        _OUTCOME_MAX,
} Outcome;

static const struct {
        const char *name;
        const char *severity;
        int level;
} outcomes[_OUTCOME_MAX] = {
                [OUTCOME_DONE] = {"done", "info", LOG_INFO},
                [OUTCOME_FAILED] = {"failed", "error", LOG_NOTICE},
                [OUTCOME_CANCELLED] = {"cancelled", "info", LOG_INFO},
                [OUTCOME_REFUSED] = {"refused", "warning", LOG_NOTICE},
};

/* What a caller could cause without end; the names of the rows that tell what was left out. */
typedef enum Bounded {
        BOUNDED_REFUSAL,
        BOUNDED_READING,
        BOUNDED_STRANGER,
        _BOUNDED_MAX,
} Bounded;

static const char *const bounded_table[_BOUNDED_MAX] = {
                [BOUNDED_REFUSAL] = "refused calls",
                [BOUNDED_READING] = "calls that read",
                [BOUNDED_STRANGER] = "sign-ins of unknown users",
};

static struct {
        AuditQueue *queue;
        sd_event_source *timer;
        AuditLimit limits[_BOUNDED_MAX];
} audit;

typedef struct Record {
        const Caller *caller;
        const char *operation;
        const char *object; /* or NULL */
        Outcome outcome;
        const Fault *fault; /* or NULL */
        const char *words;  /* for people, instead of what follows from the rest; or NULL */
        bool frequent;
} Record;

#define NUMBER_MAX sizeof("18446744073709551615")

/* A Caller as text; "" and then NULL is what isn't known. The process chose these bytes itself. */
typedef struct Who {
        char uid[NUMBER_MAX], pid[NUMBER_MAX];
        char process[sizeof((Caller){0}.process)];
        char unit[sizeof((Caller){0}.unit)];
        char session[sizeof((Caller){0}.session)];
        char words[128];
} Who;

static Who who_is(const Caller *caller)
{
        Who who = {0};

        if (caller->uid == UID_INVALID) {
                (void) strcpy(who.words, "The service itself");
                return who;
        }
        (void) snprintf(who.uid, sizeof who.uid, "%" PRIu32, (uint32_t) caller->uid);
        if (caller->pid > 0)
                (void) snprintf(who.pid, sizeof who.pid, "%" PRIi32, (int32_t) caller->pid);
        (void) memcpy(who.process, caller->process, sizeof who.process);
        (void) memcpy(who.unit, caller->unit, sizeof who.unit);
        (void) memcpy(who.session, caller->session, sizeof who.session);
        utf8_make_line(who.process);
        utf8_make_line(who.unit);
        utf8_make_line(who.session);
        (void) snprintf(who.words,
                        sizeof who.words,
                        "User %s%s%s%s%s",
                        who.uid,
                        who.pid[0] ? " (process " : "",
                        who.pid,
                        who.pid[0] && who.process[0] ? ", " : "",
                        who.pid[0] ? who.process : "");
        if (who.pid[0])
                (void) strcat(who.words, ")");
        return who;
}

static const char *known(const char *text)
{
        return text[0] ? text : NULL;
}

static const char *fault_of(const Record *record)
{
        return record->fault && record->fault->code != FAULT_NONE ? fault_name(record->fault->code) : NULL;
}

static void add_member(json_object *document, const char *key, const char *text)
{
        if (text)
                (void) json_object_object_add(document, key, json_object_new_string(text));
}

static void add_number(json_object *document, const char *key, int64_t number)
{
        (void) json_object_object_add(document, key, json_object_new_int64(number));
}

static json_object *describe(const Record *record, const Who *who)
{
        json_object *document = json_object_new_object();

        if (!document)
                return NULL;
        add_member(document, "operation", record->operation);
        add_member(document, "object", record->object);
        add_member(document, "outcome", outcomes[record->outcome].name);
        add_member(document, "fault", fault_of(record));
        if (who->uid[0])
                add_number(document, "uid", record->caller->uid);
        if (who->pid[0])
                add_number(document, "pid", record->caller->pid);
        add_member(document, "process", known(who->process));
        add_member(document, "unit", known(who->unit));
        add_member(document, "session", known(who->session));
        return document;
}

static void add_row(const Record *record, const Who *who, char *message)
{
        _cleanup_(json_object_putp) json_object *document = describe(record, who);
        char action_type[LOG_TYPE_MAX_BYTES + 1];
        LogEntry entry = {
                        .table = LOG_SYSTEM,
                        .created_usec = clock_now_usec(),
                        .action_type = action_type,
                        .message = message,
                        .severity = outcomes[record->outcome].severity,
        };

        if (!audit.queue)
                return;
        (void) snprintf(action_type,
                        sizeof action_type,
                        LOG_TYPE_PREFIX "%s",
                        record->outcome == OUTCOME_REFUSED ? "refused" : record->operation);
        if (strlen(message) > LOG_MESSAGE_MAX_BYTES)
                message[LOG_MESSAGE_MAX_BYTES] = '\0';
        utf8_make_line(message);
        if (document)
                entry.extra_data = json_object_to_json_string_ext(document, JSON_C_TO_STRING_PLAIN);
        if (entry.extra_data && strlen(entry.extra_data) > LOG_EXTRA_MAX_BYTES)
                entry.extra_data = NULL;
        if (log_entry_check(&entry, NULL) >= 0)
                audit_queue_add(audit.queue, &entry);
}

static void write_record(const Record *record)
{
        const Who who = who_is(record->caller);
        const Fault *fault = fault_of(record) ? record->fault : NULL;
        bool only_debug = record->frequent && record->outcome == OUTCOME_DONE;
        _cleanup_free_ char *message = NULL;
        const JournalField fields[] = {
                        {FIELD_OPERATION, record->operation},
                        {FIELD_OBJECT, record->object},
                        {FIELD_OUTCOME, outcomes[record->outcome].name},
                        {FIELD_FAULT, fault_of(record)},
                        {FIELD_CALLER_UID, known(who.uid)},
                        {FIELD_CALLER_PID, known(who.pid)},
                        {FIELD_CALLER_PROCESS, known(who.process)},
                        {FIELD_CALLER_UNIT, known(who.unit)},
                        {FIELD_CALLER_SESSION, known(who.session)},
        };

        if (asprintf(&message,
                            "%s: %s%s%s: %s%s%s",
                            who.words,
                            record->operation,
                            record->object ? " " : "",
                            record->object ? record->object : "",
                            record->words ? record->words : outcomes[record->outcome].name,
                            fault && fault->message ? ": " : "",
                            fault && fault->message ? fault->message : "") < 0) {
                message = NULL;
                return;
        }
        journal_event(only_debug ? LOG_DEBUG : outcomes[record->outcome].level,
                        record->outcome == OUTCOME_REFUSED ? MESSAGE_CALL_REFUSED_ID : MESSAGE_CALL_ENDED_ID,
                        fields,
                        "%s",
                        message);
        add_row(record, &who, message);
}

static void tell_suppressed(Bounded bounded, const AuditWindow *window)
{
        _cleanup_free_ char *words = NULL;
        Caller caller = {.uid = window->uid};
        Record record = {.caller = &caller, .operation = "suppressed", .outcome = OUTCOME_REFUSED};

        if (asprintf(&words,
                            "%" PRIu64 " more %s within a minute%s",
                            window->n_suppressed,
                            bounded_table[bounded],
                            window->shared ? ", of this and other users" : "") < 0) {
                words = NULL;
                return;
        }
        if (bounded == BOUNDED_READING)
                record.outcome = OUTCOME_DONE;
        record.words = words;
        write_record(&record);
}

/* `now_usec` UINT64_MAX: all. */
static bool tell_all_suppressed(uint64_t now_usec)
{
        bool more = false;

        for (Bounded bounded = 0; bounded < _BOUNDED_MAX; bounded++) {
                AuditLimit *limit = &audit.limits[bounded];
                AuditWindow window;

                while (audit_limit_take(limit, now_usec, &window))
                        tell_suppressed(bounded, &window);
                for (size_t i = 0; i < limit->n_windows; i++)
                        more |= limit->windows[i].n_suppressed > 0;
        }
        return more;
}

static void arm(void)
{
        if (audit.timer && sd_event_source_set_time_relative(audit.timer, AUDIT_LIMIT_WINDOW_USEC) >= 0)
                (void) sd_event_source_set_enabled(audit.timer, SD_EVENT_ONESHOT);
}

static int on_window_end(sd_event_source *source, uint64_t usec, void *userdata)
{
        if (tell_all_suppressed(clock_monotonic_usec()))
                arm();
        return 0;
}

static bool admit(Bounded bounded, const Caller *caller)
{
        int enabled = SD_EVENT_OFF;

        if (audit_limit_admit(&audit.limits[bounded], caller->uid, clock_monotonic_usec()))
                return true;
        if (audit.timer && sd_event_source_get_enabled(audit.timer, &enabled) == 0)
                arm();
        return false;
}

int audit_begin(sd_event *event, AuditQueue *queue, Fault *fault)
{
        int r = sd_event_add_time_relative(
                        event, &audit.timer, CLOCK_MONOTONIC, 0, USEC_PER_SEC, on_window_end, NULL);

        if (r >= 0)
                r = sd_event_source_set_enabled(audit.timer, SD_EVENT_OFF);
        if (r < 0)
                return fault_set_errno(fault, r, "Starting");
        audit.queue = queue;
        return 0;
}

void audit_end(void)
{
        audit.timer = sd_event_source_disable_unref(audit.timer);
        audit.queue = NULL;
}

void audit_resume(void)
{
        if (audit.queue)
                audit_queue_resume(audit.queue);
}

bool audit_is_busy(void)
{
        return audit.queue && audit_queue_is_busy(audit.queue);
}

bool audit_flush(void)
{
        (void) tell_all_suppressed(UINT64_MAX);
        return audit.queue && audit_queue_flush(audit.queue);
}

static Outcome outcome_of(const Fault *fault)
{
        if (!fault || fault->code == FAULT_NONE)
                return OUTCOME_DONE;
        return fault->code == FAULT_CANCELLED ? OUTCOME_CANCELLED : OUTCOME_FAILED;
}

static void write_call(const Caller *caller,
                const char *operation,
                const char *object,
                const Fault *fault,
                bool frequent)
{
        const Record record = {
                        .caller = caller,
                        .operation = operation,
                        .object = object,
                        .outcome = outcome_of(fault),
                        .fault = fault,
                        .frequent = frequent,
        };

        write_record(&record);
}

void audit_call(const Caller *caller, const char *operation, const char *object, const Fault *fault)
{
        write_call(caller, operation, object, fault, false);
}

void audit_frequent_call(const Caller *caller, const char *operation, const char *object, const Fault *fault)
{
        write_call(caller, operation, object, fault, true);
}

void audit_read(const Caller *caller, const char *operation, const char *object)
{
        if (admit(BOUNDED_READING, caller))
                audit_call(caller, operation, object, NULL);
}

void audit_refused(const Caller *caller, const char *method, const char *what)
{
        _cleanup_free_ char *words = NULL;
        Record record = {.caller = caller, .operation = method, .outcome = OUTCOME_REFUSED};

        if (!admit(BOUNDED_REFUSAL, caller))
                return;
        if (asprintf(&words, "refused; may not %s", what) < 0)
                words = NULL;
        record.words = words;
        write_record(&record);
}

/* What does not fit is left out, rather than the row. */
static void add_access(LogEntry *entry)
{
        if (!audit.queue)
                return;
        entry->table = LOG_ACCESS;
        entry->created_usec = clock_now_usec();
        if (log_entry_check(entry, NULL) < 0)
                entry->subscription_plan = NULL;
        if (log_entry_check(entry, NULL) < 0)
                entry->ip_address = NULL;
        if (log_entry_check(entry, NULL) >= 0)
                audit_queue_add(audit.queue, entry);
}

void audit_sign_in(
                const Caller *caller, int64_t user_id, const char *plan, const char *address, bool succeeded)
{
        LogEntry entry = {
                        .action_type = succeeded ? LOG_TYPE_SIGNED_IN : LOG_TYPE_NOT_SIGNED_IN,
                        .user_id = user_id,
                        .ip_address = address,
                        .subscription_plan = plan,
        };
        Record record = {
                        .caller = caller,
                        .operation = "sign-in",
                        .object = address,
                        .outcome = OUTCOME_REFUSED,
                        .words = "refused; there is no such user",
        };

        if (user_id == 0) {
                if (admit(BOUNDED_STRANGER, caller))
                        write_record(&record);
        } else
                add_access(&entry);
}

void audit_view(int64_t user_id,
                int64_t match_id,
                int64_t prediction_id,
                const char *plan,
                const char *address)
{
        LogEntry entry = {
                        .action_type = "view_prediction",
                        .user_id = user_id,
                        .match_id = match_id,
                        .prediction_id = prediction_id,
                        .ip_address = address,
                        .subscription_plan = plan,
        };

        add_access(&entry);
}
