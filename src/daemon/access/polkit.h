/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Questions to polkit, which decides for every caller but root and the service's own user. The loop never
 * waits for an answer: the call that needs one is kept, and dispatched again when it is there. What callers
 * can have kept is bounded, and a caller that goes away takes its questions with it. Loop only.
 *
 * The interface is that of org.freedesktop.PolicyKit1.Authority, polkit's reference manual. */

#include <systemd/sd-bus.h>

#include "base/fault.h"
#include "daemon/latency/response-times.h"

/* Questions that are open, of one user and of all. A call may hold 16 descriptors (dbus-daemon's limit), and
 * all of them together have to stay below the process's limit of 1024. The places between the two totals are
 * for users who have none open yet, whom others' dialogues would lock out. */
#define POLKIT_QUESTIONS_PER_CALLER_MAX 16
#define POLKIT_QUESTIONS_MAX 40
#define POLKIT_FIRST_QUESTIONS_MAX 48

/* Further places for questions whose answers may be shared, which no dialogue holds up: an application has
 * many connections, and each is asked about. The bus allows 128 questions in all. */
#define POLKIT_EXTRA_QUESTIONS_PER_CALLER_MAX 48
#define POLKIT_EXTRA_QUESTIONS_MAX 64

/* Calls that wait for the answer to an earlier one's question or for an extra one's, of one user and of all.
 * Beyond these, and while many descriptors are open, a call has to find one of the first places. */
#define POLKIT_SHARERS_PER_CALLER_MAX 1024
#define POLKIT_SHARERS_MAX 2048
#define POLKIT_SHARE_BYTES_PER_CALLER_MAX (4 * MIB)
#define POLKIT_SHARE_BYTES_MAX (8 * MIB)

/* What the arguments of such a call may amount to; a prediction's text alone may be 1 MiB long. */
#define POLKIT_CALL_BYTES_MAX (2 * MIB)

typedef struct Polkit Polkit;

typedef enum Verdict {
        VERDICT_PENDING,   /* the call will be dispatched again */
        VERDICT_ALLOWED,   /* for this call; the answer is used up */
        VERDICT_DENIED,    /* polkit says no */
        VERDICT_CHALLENGE, /* it would ask for a password, but may not or finds nobody to ask */
        VERDICT_NONE,      /* there is no polkit, or it gave no answer */
} Verdict;

/* Calls come in on `bus`; questions go out on `inquiry_bus` (caller.h says why). All three are borrowed.
 */
int polkit_new(sd_bus *bus, sd_bus *inquiry_bus, ResponseTimes *response_times, Polkit **ret);
Polkit *polkit_free(Polkit *polkit);
DEFINE_CLEANUP(Polkit *, polkit_free);

/* Whether `message` is one that is dispatched again with the answer to what was asked about it, which is for
 * `action` alone and used up by this. */
bool polkit_take_answer(Polkit *polkit, const sd_bus_message *message, const char *action, Verdict *ret);

/* Asks whether the sender of `message`, a user `uid`, may do `action`, with the member that is called and
 * `backup` (may be NULL) as details for polkit's rules; the message is dispatched again when the answer is
 * there. A call asks for one action only. `shared`: the answer is the same for all calls of this sender,
 * action and member, and so the call waits for that of a question which is open already; not for a call that
 * may bring up a dialogue. Fails with BUSY when too many wait or the service stops, and with
 * INVALID_ARGUMENT when the call is too large to be kept. */
int polkit_ask(Polkit *polkit,
                sd_bus_message *message,
                uid_t uid,
                const char *action,
                const char *backup,
                bool shared,
                Fault *fault);

/* Refuses every call that waits, and from now on every one that would. */
void polkit_stop(Polkit *polkit);
