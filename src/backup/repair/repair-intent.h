/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* STATE/repair.json: which repair is under way, so that one that is killed after its commit is told all the
 * same, and one that did not help is not tried again and again. Any thread, one at a time. */

#include "backup/remedy/remedy.h"

typedef enum RepairDecision {
        REPAIR_GO,
        REPAIR_AGAIN, /* the same was repaired before, and nobody has acknowledged it, or it was just now */
        REPAIR_IN_VAIN, /* the same was tried, and did not help */
        _REPAIR_DECISION_MAX,
        _REPAIR_DECISION_INVALID = -EINVAL,
} RepairDecision;

/* What breaks again so soon has a cause that a repair does not mend; another SQLite may compute an index
 * otherwise, and each would repair what the other has written. Pure. `intent` is the last one, `objects`
 * what is damaged now, NULL-terminated. */
RepairDecision repair_decide(
                const Remedies *remedies, const Remedy *intent, char *const *objects, uint64_t now_usec);

#define REPAIR_LOOP_GUARD_USEC USEC_PER_HOUR

/* An empty one (usec 0) when there is none, or none that can be understood. `acknowledged` says that it did
 * not help. */
void repair_intent_load(const char *state_directory_path, Remedy *ret);
int repair_intent_store(const char *state_directory_path, const Remedy *intent, Fault *fault);
int repair_intent_remove(const char *state_directory_path, Fault *fault);

/* A full check has found the database sound: a repair that was cut off behind its commit has made it so and
 * becomes a remedy. Nothing to settle is no fault, and leaves *ret alone. */
int repair_intent_settle(const char *state_directory_path, Remedies *ret, Fault *fault);
