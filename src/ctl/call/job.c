/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ctl/call/job.h"

#include <signal.h>
#include <string.h>

#include "base/names.h"
#include "ctl/show/progress-line.h"
#include "ctl/show/text.h"

struct JobWaiter {
        Session *session;
        sd_event *event;
        sd_bus_slot *slots[4];
        size_t n_slots;
        ProgressLine line;
        bool owned;                  /* see job_waiter_own() */
        sd_event_source *signals[2]; /* while they are watched, which blocks their default */

        /* Of the job that is waited for. */
        uint32_t id;
        char *path;
        sd_bus_slot *asked;    /* the question for its properties */
        char *owner;           /* unique name of the service that took it */
        json_object *state;    /* what is known of its properties */
        json_object *outcome;  /* set when it has ended */
        char *name;            /* the backup that it made */
        json_object *restored; /* what DatabaseRestored said of it */
        bool service_gone;
        int signal;
};

static int on_manager_signal(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        static const char *const keys[] = {"Id", "Job", "Operation", "Result", "Error", "Message", NULL};
        static const char *const restored_keys[] = {
                        "Id", "Name", "Method", "Automatic", "SavedAs", "Quarantine", NULL};
        JobWaiter *waiter = userdata;
        _cleanup_json_ json_object *ended = NULL, *restored = NULL;
        const char *name;
        uint32_t id;

        if (sd_bus_message_is_signal(message, BUS_INTERFACE_MANAGER, "BackupCreated")) {
                if (sd_bus_message_read(message, "us", &id, &name) > 0 && id == waiter->id && id > 0) {
                        free(waiter->name);
                        waiter->name = strdup(name);
                }
        } else if (sd_bus_message_is_signal(message, BUS_INTERFACE_MANAGER, "DatabaseRestored")) {
                if (document_read_fields(message, restored_keys, &restored) >= 0 &&
                                document_number(restored, "Id") == waiter->id && !waiter->restored)
                        waiter->restored = TAKE_PTR(restored);
        } else if (sd_bus_message_is_signal(message, BUS_INTERFACE_MANAGER, "JobRemoved")) {
                if (document_read_fields(message, keys, &ended) >= 0 &&
                                document_number(ended, "Id") == waiter->id && !waiter->outcome)
                        waiter->outcome = TAKE_PTR(ended);
        }
        return 0;
}

static void show_progress(JobWaiter *waiter)
{
        const char *state = document_text(waiter->state, "State"),
                   *step = document_text(waiter->state, "Step");

        progress_line_show(&waiter->line,
                        strcmp(state, "running") != 0 || step[0] == '\0' ? state : step,
                        document_number(waiter->state, "DoneBytes"),
                        document_number(waiter->state, "TotalBytes"));
}

static int merge(json_object *target, json_object *source)
{
        json_object_object_foreach (source, key, value) {
                int r = document_put(target, key, json_object_get(value));

                if (r < 0)
                        return r;
        }
        return 0;
}

static int on_properties_changed(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        static const char *const keys[] = {"Interface", "Changed", NULL};
        JobWaiter *waiter = userdata;
        _cleanup_json_ json_object *fields = NULL;

        if (!waiter->path || strcmp(sd_bus_message_get_path(message), waiter->path) != 0)
                return 0;
        if (document_read_fields(message, keys, &fields) >= 0 &&
                        json_object_is_type(document_member(fields, "Changed"), json_type_object)) {
                (void) merge(waiter->state, document_member(fields, "Changed"));
                show_progress(waiter);
        }
        return 0;
}

/* An error means that it has ended meanwhile; the signal that says so is there then. */
static int on_properties(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        _cleanup_json_ json_object *properties = NULL;
        JobWaiter *waiter = userdata;

        if (!sd_bus_message_is_method_error(reply, NULL) && document_read(reply, &properties) >= 0 &&
                        json_object_is_type(properties, json_type_object)) {
                (void) merge(waiter->state, properties);
                show_progress(waiter);
        }
        return 0;
}

static int on_owner_changed(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        const char *name, *old_owner, *new_owner;
        JobWaiter *waiter = userdata;

        if (sd_bus_message_read(message, "sss", &name, &old_owner, &new_owner) > 0 && waiter->owner &&
                        strcmp(old_owner, waiter->owner) == 0)
                waiter->service_gone = true;
        return 0;
}

static int on_disconnected(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        JobWaiter *waiter = userdata;

        waiter->service_gone = true;
        return 0;
}

static int on_interrupt(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
        JobWaiter *waiter = userdata;

        waiter->signal = (int) info->ssi_signo;
        return 0;
}

static int subscribe(JobWaiter *waiter)
{
        static const struct {
                const char *rule;
                sd_bus_message_handler_t handler;
        } rules[] = {
                        {"type='signal',sender='" BUS_NAME "',path='" BUS_PATH
                         "',interface='" BUS_INTERFACE_MANAGER "'",
                                        on_manager_signal},
                        {"type='signal',sender='" BUS_NAME "',path_namespace='" BUS_PATH_JOB
                         "',interface='org.freedesktop.DBus.Properties',member='PropertiesChanged'",
                                        on_properties_changed},
                        {"type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged',arg0="
                         "'" BUS_NAME "'",
                                        on_owner_changed},
                        {"type='signal',sender='org.freedesktop.DBus.Local',member='Disconnected'",
                                        on_disconnected},
        };

        for (; waiter->n_slots < ELEMENTSOF(rules); waiter->n_slots++) {
                int r = sd_bus_add_match(waiter->session->bus,
                                waiter->slots + waiter->n_slots,
                                rules[waiter->n_slots].rule,
                                rules[waiter->n_slots].handler,
                                waiter);

                if (r < 0)
                        return r;
        }
        return 0;
}

int job_waiter_new(Session *session, bool many, JobWaiter **ret, Fault *fault)
{
        _cleanup_(job_waiter_freep) JobWaiter *waiter = calloc(1, sizeof *waiter);
        int r;

        if (!waiter)
                return session_set_errno(-ENOMEM, fault);
        waiter->session = session;
        waiter->line.terminal = isatty(STDERR_FILENO);
        waiter->line.quiet = session->arguments->quiet || (many && !waiter->line.terminal);
        r = sd_event_new(&waiter->event);
        if (r >= 0)
                r = sd_bus_attach_event(session->bus, waiter->event, SD_EVENT_PRIORITY_NORMAL);
        if (r >= 0 && !session->arguments->no_wait)
                r = subscribe(waiter);
        if (r < 0)
                return session_set_fault(session, &SD_BUS_ERROR_NULL, r, fault);
        *ret = TAKE_PTR(waiter);
        return 0;
}

static void forget_job(JobWaiter *waiter)
{
        waiter->asked = sd_bus_slot_unref(waiter->asked);
        progress_line_clear(&waiter->line);
        free(waiter->path);
        free(waiter->owner);
        free(waiter->name);
        waiter->path = waiter->owner = waiter->name = NULL;
        json_object_putp(&waiter->state);
        json_object_putp(&waiter->outcome);
        json_object_putp(&waiter->restored);
        waiter->state = waiter->outcome = waiter->restored = NULL;
        waiter->service_gone = false;
}

static int watch_signals(JobWaiter *waiter)
{
        static const int numbers[ELEMENTSOF(waiter->signals)] = {SIGINT, SIGTERM};

        for (size_t i = 0; i < ELEMENTSOF(numbers); i++) {
                int r = 0;

                if (!waiter->signals[i])
                        r = sd_event_add_signal(waiter->event,
                                        waiter->signals + i,
                                        numbers[i] | SD_EVENT_SIGNAL_PROCMASK,
                                        on_interrupt,
                                        waiter);
                if (r < 0)
                        return r;
        }
        return 0;
}

static void leave_signals(JobWaiter *waiter)
{
        for (size_t i = 0; i < ELEMENTSOF(waiter->signals); i++)
                waiter->signals[i] = sd_event_source_unref(waiter->signals[i]);
}

JobWaiter *job_waiter_free(JobWaiter *waiter)
{
        if (!waiter)
                return NULL;
        forget_job(waiter);
        leave_signals(waiter);
        for (size_t i = 0; i < waiter->n_slots; i++)
                (void) sd_bus_slot_unref(waiter->slots[i]);
        if (waiter->event)
                (void) sd_bus_detach_event(waiter->session->bus);
        (void) sd_event_unref(waiter->event);
        free(waiter);
        return NULL;
}

int job_waiter_own(JobWaiter *waiter, bool quiet, Fault *fault)
{
        int r = watch_signals(waiter);

        if (r < 0)
                return session_set_errno(r, fault);
        waiter->owned = true;
        waiter->line.quiet |= quiet;
        return 0;
}

sd_event *job_waiter_event(JobWaiter *waiter)
{
        return waiter->event;
}

/* Asks, and keeps who took the job. */
static int start_job(JobWaiter *waiter, sd_bus_message *call, Fault *fault)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const char *path, *sender;
        int r = session_call(waiter->session, call, 0, "uo", &reply, fault);

        if (r < 0)
                return r;
        r = sd_bus_message_read(reply, "uo", &waiter->id, &path);
        if (r < 0)
                return session_set_errno(r, fault);
        sender = sd_bus_message_get_sender(reply);
        waiter->path = strdup(path);
        waiter->owner = strdup(sender ? sender : "");
        waiter->state = json_object_new_object();
        if (!waiter->path || !waiter->owner || !waiter->state)
                return session_set_errno(-ENOMEM, fault);
        return 0;
}

/* Dies of the signal, as the shell expects of what it interrupts. */
static void leave_job(JobWaiter *waiter)
{
        uint32_t id = waiter->id;
        int number = waiter->signal;

        progress_line_clear(&waiter->line);
        (void) fprintf(stderr, "Job %u goes on; `oracxpredctl cancel %u` stops it.\n", id, id);
        (void) fflush(stdout);
        (void) signal(number, SIG_DFL);
        (void) raise(number);
}

/* Doesn't wait for its end: nobody is there any more for what it has still to say. */
static int cancel_job(JobWaiter *waiter, Fault *fault)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        _cleanup_fault_ Fault ignored = {0};

        progress_line_clear(&waiter->line);
        if (session_new_call(waiter->session,
                            BUS_PATH,
                            BUS_INTERFACE_MANAGER,
                            "CancelJob",
                            &call,
                            &ignored) >= 0 &&
                        sd_bus_message_append(call, "u", waiter->id) >= 0)
                (void) session_call(waiter->session, call, 0, "", NULL, &ignored);
        return fault_set(fault, FAULT_CANCELLED, "Interrupted; job %u was cancelled.", waiter->id);
}

static int wait_for_job(JobWaiter *waiter, Fault *fault)
{
        int r = watch_signals(waiter);

        if (r < 0)
                return session_set_errno(r, fault);
        /* What it does already. Not waited for, so that the answer has its place among the changes. */
        r = sd_bus_call_method_async(waiter->session->bus,
                        &waiter->asked,
                        BUS_NAME,
                        waiter->path,
                        "org.freedesktop.DBus.Properties",
                        "GetAll",
                        on_properties,
                        waiter,
                        "s",
                        BUS_INTERFACE_JOB);
        if (r < 0)
                return session_set_fault(waiter->session, &SD_BUS_ERROR_NULL, r, fault);
        while (!waiter->outcome && !waiter->service_gone && waiter->signal == 0) {
                r = sd_event_run(waiter->event, UINT64_MAX);
                if (r < 0)
                        return session_set_fault(waiter->session, &SD_BUS_ERROR_NULL, r, fault);
        }
        return 0;
}

int job_run(JobWaiter *waiter,
                sd_bus_message *call,
                const char *operation,
                json_object **ret_outcome,
                Fault *fault)
{
        _cleanup_json_ json_object *outcome = NULL;
        int r;

        forget_job(waiter);
        waiter->line.prefix = operation;
        r = start_job(waiter, call, fault);
        if (r < 0)
                return r;
        if (waiter->session->arguments->no_wait) {
                outcome = json_object_new_object();
                if (!outcome || document_put(outcome, "Id", json_object_new_uint64(waiter->id)) < 0 ||
                                document_put(outcome, "Job", json_object_new_string(waiter->path)) < 0)
                        return session_set_errno(-ENOMEM, fault);
                *ret_outcome = TAKE_PTR(outcome);
                return 0;
        }
        r = wait_for_job(waiter, fault);
        if (!waiter->owned)
                leave_signals(waiter);
        if (r < 0)
                return r;
        if (waiter->signal != 0 && waiter->owned)
                return cancel_job(waiter, fault);
        if (waiter->signal != 0)
                leave_job(waiter);
        progress_line_clear(&waiter->line);
        if (!waiter->outcome)
                return fault_set(fault,
                                FAULT_NOT_RUNNING,
                                "The service went away while job %u ran, which ended it. `journalctl -u "
                                "oracxpredd` says why; ask again once it is back.",
                                waiter->id);
        outcome = TAKE_PTR(waiter->outcome);
        if (document_put(outcome, "Name", json_object_new_string(waiter->name ? waiter->name : "")) < 0 ||
                        (waiter->restored && merge(outcome, waiter->restored) < 0))
                return session_set_errno(-ENOMEM, fault);
        *ret_outcome = TAKE_PTR(outcome);
        return 0;
}

int job_outcome_fault(const Session *session, json_object *outcome, Fault *fault)
{
        const char *result = document_text(outcome, "Result");
        const char *name = document_text(outcome, "Error"), *message = document_text(outcome, "Message");
        sd_bus_error error = {.name = name, .message = message};

        if (result[0] == '\0' || strcmp(result, "done") == 0)
                return 0;
        if (name[0] == '\0')
                return fault_set(fault,
                                strcmp(result, "cancelled") == 0 ? FAULT_CANCELLED : FAULT_FAILED,
                                "Job %" PRIu64 " ended: %s.",
                                document_number(outcome, "Id"),
                                result);
        return session_set_fault(session, &error, 0, fault);
}

void job_print_queued(json_object *outcome)
{
        (void) printf("%" PRIu64 " ", document_number(outcome, "Id"));
        text_print(stdout, document_text(outcome, "Job"));
        (void) putchar('\n');
}
