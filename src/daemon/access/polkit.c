/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/access/polkit.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <systemd/sd-event.h>

#include "base/journal.h"
#include "base/test-hook.h"
#include "daemon/bus/bus-argument.h"

#define POLKIT_NAME "org.freedesktop.PolicyKit1"
#define POLKIT_PATH "/org/freedesktop/PolicyKit1/Authority"
#define POLKIT_INTERFACE "org.freedesktop.PolicyKit1.Authority"

/* CheckAuthorizationFlags */
#define ALLOW_USER_INTERACTION UINT32_C(1)

/* For rules to be looked at, and for a person to find and type a password. */
#define PATIENCE_USEC (25 * USEC_PER_SEC)
#define PATIENCE_INTERACTIVE_USEC (3 * USEC_PER_MINUTE)

/* While more descriptors are open, no further call waits at a question that is open: with what all places
 * for questions may hold on top of them, the process stays below its limit. */
#define DESCRIPTORS_TO_SHARE 96

/* A call that waits for an answer. */
typedef struct Call {
        struct Call *next;
        sd_bus_message *message;
} Call;

typedef struct Question Question;

struct Question {
        Question *next;
        Polkit *polkit;
        uid_t uid;
        const char *action;
        uint32_t id;          /* what it is cancelled by */
        bool shared;          /* its answer is good for calls that come before it, too */
        Call *calls;          /* in the order in which they came; the first is what was asked about */
        Call **end;           /* where the next goes; until it is answered */
        bool extra;           /* beyond the places that all questions have; the first counts as a sharer */
        size_t n_sharers;     /* calls but the first, those that are answered included */
        uint64_t share_bytes; /* what their arguments amount to */
        sd_bus_track *caller; /* NULL once it is answered, like the next */
        sd_bus_slot *slot;
        bool answered;
        Verdict verdict;
};

struct Polkit {
        sd_bus *bus; /* borrowed, like the next two */
        sd_bus *inquiry_bus;
        ResponseTimes *response_times;
        Question *questions; /* newest first */
        uint32_t last_id;
        bool stopping;
        sd_event_source *idle_event_source; /* drops answers that no handler asked for */
};

static void call_drop(Question *question, Call **place)
{
        Call *call = *place;

        *place = call->next;
        response_times_release(question->polkit->response_times, call->message);
        free(call);
}

static int call_add(Question *question, sd_bus_message *message)
{
        Call *call = calloc(1, sizeof(Call));

        if (!call)
                return -ENOMEM;
        call->message = response_times_keep(question->polkit->response_times, message);
        *question->end = call;
        question->end = &call->next;
        return 0;
}

static Question *question_free(Question *question)
{
        if (!question)
                return NULL;
        (void) sd_bus_slot_unref(question->slot);
        (void) sd_bus_track_unref(question->caller);
        while (question->calls)
                call_drop(question, &question->calls);
        free(question);
        return NULL;
}
DEFINE_CLEANUP(Question *, question_free);

static void question_drop(Question *question)
{
        Question **place = &question->polkit->questions;

        while (*place != question)
                place = &(*place)->next;
        *place = question->next;
        (void) question_free(question);
}

/* Takes the dialogue away that a person may be looking at. */
static void question_cancel(const Question *question)
{
        __attribute__((cleanup(sd_bus_message_unrefp))) sd_bus_message *call = NULL;
        char id[sizeof("4294967295")];

        (void) snprintf(id, sizeof id, "%" PRIu32, question->id);
        if (sd_bus_message_new_method_call(question->polkit->inquiry_bus,
                            &call,
                            POLKIT_NAME,
                            POLKIT_PATH,
                            POLKIT_INTERFACE,
                            "CancelCheckAuthorization") < 0 ||
                        sd_bus_message_append(call, "s", id) < 0 ||
                        sd_bus_message_set_auto_start(call, false) < 0 ||
                        sd_bus_message_set_expect_reply(call, false) < 0)
                return;
        (void) sd_bus_send(question->polkit->inquiry_bus, call, NULL);
}

static int on_caller_gone(sd_bus_track *track, void *userdata)
{
        Question *question = userdata;

        question_cancel(question);
        question_drop(question);
        return 0;
}

/* By now every call that was to be dispatched again has been: sources of this priority come last. An answer
 * that is left belongs to a call that its handler refused before asking. */
static int on_idle(sd_event_source *source, void *userdata)
{
        Polkit *polkit = userdata;
        Question *next;

        for (Question *question = polkit->questions; question; question = next) {
                next = question->next;
                if (question->answered)
                        question_drop(question);
        }
        return 0;
}

static Verdict read_verdict(sd_bus_message *reply)
{
        int authorized, challenge;

        if (sd_bus_message_is_method_error(reply, NULL)) {
                const sd_bus_error *error = sd_bus_message_get_error(reply);

                journal_line(LOG_DEBUG, "polkit gave no answer: %s", error->message);
                return VERDICT_NONE;
        }
        if (sd_bus_message_enter_container(reply, 'r', "bba{ss}") < 0 ||
                        sd_bus_message_read(reply, "bb", &authorized, &challenge) < 0)
                return VERDICT_NONE;
        return authorized ? VERDICT_ALLOWED : challenge ? VERDICT_CHALLENGE : VERDICT_DENIED;
}

static int dispatch_again(const Polkit *polkit, sd_bus_message *message)
{
        int r = sd_event_source_set_enabled(polkit->idle_event_source, SD_EVENT_ONESHOT);

        if (r >= 0)
                r = sd_bus_message_rewind(message, true);
        return r < 0 ? r : sd_bus_enqueue_for_read(polkit->bus, message);
}

static int on_answer(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        Question *question = userdata;
        Call **place = &question->calls;
        int r;

        question->verdict = read_verdict(reply);
        question->answered = true;
        /* Perhaps only the waiting has ended. */
        if (question->verdict == VERDICT_NONE)
                question_cancel(question);
        question->slot = sd_bus_slot_unref(question->slot);
        question->caller = sd_bus_track_unref(question->caller);

        while (*place) {
                r = dispatch_again(question->polkit, (*place)->message);
                if (r >= 0) {
                        place = &(*place)->next;
                        continue;
                }
                (void) sd_bus_reply_method_errno((*place)->message, r, NULL);
                call_drop(question, place);
        }
        if (!question->calls)
                question_drop(question);
        return 1;
}

static int append_details(sd_bus_message *call, const char *member, const char *backup)
{
        int r;

        r = sd_bus_message_open_container(call, 'a', "{ss}");
        if (r >= 0)
                r = sd_bus_message_append(call, "{ss}", "method", member);
        if (r >= 0 && backup)
                r = sd_bus_message_append(call, "{ss}", "backup", backup);
        return r < 0 ? r : sd_bus_message_close_container(call);
}

static uint64_t patience(bool interactive)
{
#if TEST_HOOKS
        uint64_t injected_usec;

        if (test_hook_patience(&injected_usec))
                return injected_usec;
#endif
        return interactive ? PATIENCE_INTERACTIVE_USEC : PATIENCE_USEC;
}

static int question_send(Question *question, const char *backup)
{
        __attribute__((cleanup(sd_bus_message_unrefp))) sd_bus_message *call = NULL;
        sd_bus_message *message = question->calls->message;
        bool interactive = sd_bus_message_get_allow_interactive_authorization(message) > 0;
        char id[sizeof("4294967295")];
        int r;

        (void) snprintf(id, sizeof id, "%" PRIu32, question->id);
        r = sd_bus_message_new_method_call(question->polkit->inquiry_bus,
                        &call,
                        POLKIT_NAME,
                        POLKIT_PATH,
                        POLKIT_INTERFACE,
                        "CheckAuthorization");
        if (r >= 0)
                r = sd_bus_message_append(call,
                                "(sa{sv})s",
                                "system-bus-name",
                                1,
                                "name",
                                "s",
                                sd_bus_message_get_sender(message),
                                question->action);
        if (r >= 0)
                r = append_details(call, sd_bus_message_get_member(message), backup);
        if (r >= 0)
                r = sd_bus_message_append(call, "us", interactive ? ALLOW_USER_INTERACTION : 0, id);
        if (r < 0)
                return r;
        return sd_bus_call_async(question->polkit->inquiry_bus,
                        &question->slot,
                        call,
                        on_answer,
                        question,
                        patience(interactive));
}

static int question_new(Polkit *polkit,
                sd_bus_message *message,
                uid_t uid,
                const char *action,
                const char *backup,
                bool shared,
                Question **ret)
{
        _cleanup_(question_freep) Question *question = calloc(1, sizeof(Question));
        int r;

        if (!question)
                return -ENOMEM;
        question->polkit = polkit;
        question->uid = uid;
        question->action = action;
        question->id = ++polkit->last_id;
        question->shared = shared;
        question->end = &question->calls;
        r = call_add(question, message);
        if (r >= 0)
                r = sd_bus_track_new(polkit->inquiry_bus, &question->caller, on_caller_gone, question);
        if (r >= 0)
                r = sd_bus_track_add_name(question->caller, sd_bus_message_get_sender(message));
        if (r >= 0)
                r = question_send(question, backup);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(question);
        return 0;
}

/* Whether fewer than DESCRIPTORS_TO_SHARE are open, as near as matters: the next one gets the lowest number
 * that is free. A message does not tell whether it carries any, which a caller may add to every call. */
static bool has_descriptors_to_share(const Polkit *polkit)
{
        _cleanup_close_ int next = fcntl(sd_bus_get_fd(polkit->bus), F_DUPFD_CLOEXEC, 0);

        return next >= 0 && next < DESCRIPTORS_TO_SHARE;
}

/* Whether one more call may wait beside those that have a place of their own. */
static bool may_share(const Polkit *polkit, uid_t uid, uint64_t bytes)
{
        uint64_t all_bytes = bytes, own_bytes = bytes;
        size_t n = 1, n_own = 1;

        for (const Question *question = polkit->questions; question; question = question->next) {
                n += question->n_sharers;
                all_bytes += question->share_bytes;
                if (question->uid != uid)
                        continue;
                n_own += question->n_sharers;
                own_bytes += question->share_bytes;
        }
        return n <= POLKIT_SHARERS_MAX && n_own <= POLKIT_SHARERS_PER_CALLER_MAX &&
               all_bytes <= POLKIT_SHARE_BYTES_MAX && own_bytes <= POLKIT_SHARE_BYTES_PER_CALLER_MAX &&
               has_descriptors_to_share(polkit);
}

/* Where all places are taken, a question whose answer others may share gets an extra one: *ret_extra. */
static int check_bounds(
                const Polkit *polkit, uid_t uid, bool shared, uint64_t bytes, bool *ret_extra, Fault *fault)
{
        size_t n[2] = {0}, n_own[2] = {0}; /* the extra ones are the second */
        bool room;

        if (polkit->stopping)
                return fault_set(fault, FAULT_BUSY, "The service is stopping");
        for (const Question *question = polkit->questions; question; question = question->next) {
                n[question->extra]++;
                n_own[question->extra] += question->uid == uid;
        }
        room = n_own[false] < POLKIT_QUESTIONS_PER_CALLER_MAX &&
               n[false] < (n_own[false] > 0 ? POLKIT_QUESTIONS_MAX : POLKIT_FIRST_QUESTIONS_MAX);
        if (room || (shared && n_own[true] < POLKIT_EXTRA_QUESTIONS_PER_CALLER_MAX &&
                                    n[true] < POLKIT_EXTRA_QUESTIONS_MAX && may_share(polkit, uid, bytes))) {
                *ret_extra = !room;
                return 0;
        }
        return fault_set(fault,
                        FAULT_BUSY,
                        "Too many calls wait for polkit's answer already; try again when those of %s are "
                        "answered",
                        n_own[false] >= POLKIT_QUESTIONS_PER_CALLER_MAX ? "yours" : "others");
}

/* The open question whose answer is this call's as well. */
static Question *find_shared(const Polkit *polkit, sd_bus_message *message, const char *action)
{
        const char *sender = sd_bus_message_get_sender(message),
                   *member = sd_bus_message_get_member(message);

        for (Question *question = polkit->questions; question; question = question->next)
                if (question->shared && !question->answered && strcmp(question->action, action) == 0 &&
                                strcmp(sd_bus_message_get_sender(question->calls->message), sender) == 0 &&
                                strcmp(sd_bus_message_get_member(question->calls->message), member) == 0)
                        return question;
        return NULL;
}

int polkit_new(sd_bus *bus, sd_bus *inquiry_bus, ResponseTimes *response_times, Polkit **ret)
{
        _cleanup_(polkit_freep) Polkit *polkit = calloc(1, sizeof(Polkit));
        int r;

        if (!polkit)
                return -ENOMEM;
        polkit->bus = bus;
        polkit->inquiry_bus = inquiry_bus;
        polkit->response_times = response_times;
        r = sd_event_add_defer(sd_bus_get_event(bus), &polkit->idle_event_source, on_idle, polkit);
        if (r >= 0)
                r = sd_event_source_set_enabled(polkit->idle_event_source, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_event_source_set_priority(polkit->idle_event_source, SD_EVENT_PRIORITY_IDLE);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(polkit);
        return 0;
}

Polkit *polkit_free(Polkit *polkit)
{
        if (!polkit)
                return NULL;
        while (polkit->questions)
                question_drop(polkit->questions);
        (void) sd_event_source_disable_unref(polkit->idle_event_source);
        free(polkit);
        return NULL;
}

bool polkit_take_answer(Polkit *polkit, const sd_bus_message *message, const char *action, Verdict *ret)
{
        for (Question *question = polkit->questions; question; question = question->next) {
                if (!question->answered || strcmp(question->action, action) != 0)
                        continue;
                for (Call **place = &question->calls; *place; place = &(*place)->next) {
                        if ((*place)->message != message)
                                continue;
                        *ret = question->verdict;
                        call_drop(question, place);
                        if (!question->calls)
                                question_drop(question);
                        return true;
                }
        }
        return false;
}

int polkit_ask(Polkit *polkit,
                sd_bus_message *message,
                uid_t uid,
                const char *action,
                const char *backup,
                bool shared,
                Fault *fault)
{
        Question *question = shared ? find_shared(polkit, message, action) : NULL;
        bool extra = false;
        uint64_t bytes;
        int r;

        r = bus_check_size(message, POLKIT_CALL_BYTES_MAX, &bytes);
        if (r == -E2BIG)
                return fault_set(fault,
                                FAULT_INVALID_ARGUMENT,
                                "The call is too large to be kept while polkit is asked");
        if (r < 0)
                return fault_set_errno(fault, r, "Asking polkit");
        if (question && may_share(polkit, uid, bytes)) {
                r = call_add(question, message);
                if (r < 0)
                        return fault_set_errno(fault, r, "Waiting for polkit");
                question->n_sharers++;
                question->share_bytes += bytes;
                return 0;
        }
        r = check_bounds(polkit, uid, shared, bytes, &extra, fault);
        if (r < 0)
                return r;
        r = question_new(polkit, message, uid, action, backup, shared, &question);
        if (r < 0)
                return fault_set_errno(fault, r, "Asking polkit");
        question->extra = extra;
        question->n_sharers = extra ? 1 : 0;
        question->share_bytes = extra ? bytes : 0;
        question->next = polkit->questions;
        polkit->questions = question;
        return 0;
}

void polkit_stop(Polkit *polkit)
{
        _cleanup_fault_ Fault fault = {0};
        Question *next;

        if (!polkit || polkit->stopping)
                return;
        polkit->stopping = true;
        (void) fault_set(&fault, FAULT_BUSY, "The service is stopping");
        for (Question *question = polkit->questions; question; question = next) {
                next = question->next;
                /* What has its answer is dispatched again, and refused by its handler. */
                if (question->answered)
                        continue;
                question_cancel(question);
                for (const Call *call = question->calls; call; call = call->next)
                        (void) bus_reply_fault(call->message, &fault);
                question_drop(question);
        }
}
