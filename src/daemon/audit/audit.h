/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Who asked for what, and how it ended: the one place that records it, in the journal at once and in the
 * application's own logs through the queue. One per process, like the journal. All functions are for the
 * loop's thread, and do nothing to what they are given. Looking (properties, lists of backups) is not
 * recorded: polling writes nothing. */

#include "daemon/audit/audit-queue.h"

/* From now on rows go into this queue, until audit_end(). */
int audit_begin(sd_event *event, AuditQueue *queue, Fault *fault);
void audit_end(void);

/* As audit_queue_resume(), audit_queue_is_busy() and audit_queue_flush(); the last one also tells what was
 * only counted so far. */
void audit_resume(void);
bool audit_is_busy(void);
bool audit_flush(void);

/* A call that has changed something, or would have: `operation` in a few lower-case words joined by hyphens
 * ("reload", "create-account"), the name of what it was about (may be NULL), and its fault (NULL or
 * FAULT_NONE when it was done). */
void audit_call(const Caller *caller, const char *operation, const char *object, const Fault *fault);

/* The same for calls that the application makes all the time: the journal has them at the debug level, or
 * when they fail. */
void audit_frequent_call(
                const Caller *caller, const char *operation, const char *object, const Fault *fault);

/* A call that was shown secrets, logs or accounts. A caller's tenth within a minute is the last one
 * recorded; how many followed is told afterwards. */
void audit_read(const Caller *caller, const char *operation, const char *object);

/* A call that was refused: `method` is the member, `what` follows "may not". Bounded in the same way. */
void audit_refused(const Caller *caller, const char *method, const char *what);

/* Somebody has signed in to the application, or has tried to: `caller` is the application. 0 for the id of a
 * user who is not there; the name that was typed instead may be a password and is not recorded. `plan` and
 * `address` may be NULL. */
void audit_sign_in(const Caller *caller,
                int64_t user_id,
                const char *plan,
                const char *address,
                bool succeeded);

/* A user was shown a prediction. What is not known is 0 or NULL. */
void audit_view(int64_t user_id,
                int64_t match_id,
                int64_t prediction_id,
                const char *plan,
                const char *address);
