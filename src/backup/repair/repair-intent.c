/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup/repair/repair-intent.h"

#include <string.h>

#include "backup/remedy/remedy-document.h"
#include "backup/state/restore-state.h"

#define INTENT_FILE "repair.json"

static bool share_an_object(char *const *some, char *const *others)
{
        for (; some && *some; some++)
                for (char *const *other = others; other && *other; other++)
                        if (strcmp(*some, *other) == 0)
                                return true;
        return false;
}

RepairDecision repair_decide(
                const Remedies *remedies, const Remedy *intent, char *const *objects, uint64_t now_usec)
{
        for (size_t i = 0; i < remedies->n_items; i++) {
                const Remedy *remedy = remedies->items + i;

                if (remedy->kind != REMEDY_REPAIRED || !share_an_object(remedy->objects, objects))
                        continue;
                /* One that is dated in the future was made before the clock jumped back. */
                if (!remedy->acknowledged || remedy->usec > now_usec ||
                                now_usec - remedy->usec < REPAIR_LOOP_GUARD_USEC)
                        return REPAIR_AGAIN;
        }
        if (intent->acknowledged && share_an_object(intent->objects, objects))
                return REPAIR_IN_VAIN;
        return REPAIR_GO;
}

void repair_intent_load(const char *state_directory_path, Remedy *ret)
{
        _cleanup_(json_object_putp) json_object *document = NULL;
        _cleanup_(remedies_done) Remedies list = {0};

        *ret = (Remedy){0};
        if (restore_state_load(state_directory_path, INTENT_FILE, &document, NULL) < 0 ||
                        remedies_parse(document, &list) < 0 || list.n_items != 1)
                return;
        *ret = list.items[0];
        list.items[0] = (Remedy){0};
}

int repair_intent_store(const char *state_directory_path, const Remedy *intent, Fault *fault)
{
        _cleanup_(json_object_putp) json_object *document = NULL;
        Remedy copy = *intent;
        Remedies list = {.items = &copy, .n_items = 1};
        int r;

        copy.id = 1;
        r = remedies_format(&list, &document);
        if (r < 0)
                return fault_set_errno(fault, r, "Writing %s/" INTENT_FILE, state_directory_path);
        return restore_state_store(state_directory_path, INTENT_FILE, document, fault);
}

int repair_intent_remove(const char *state_directory_path, Fault *fault)
{
        return restore_state_remove(state_directory_path, INTENT_FILE, fault);
}

int repair_intent_settle(const char *state_directory_path, Remedies *ret, Fault *fault)
{
        _cleanup_(remedy_done) Remedy intent = {0};
        _cleanup_(remedies_done) Remedies told = {0};
        int r;

        repair_intent_load(state_directory_path, &intent);
        if (intent.usec == 0)
                return 0;
        r = remedies_load(state_directory_path, &told, NULL);
        /* What did not help was mended by somebody else meanwhile. */
        if (!intent.acknowledged && !(r >= 0 && remedies_find(&told, REMEDY_REPAIRED, intent.usec))) {
                r = remedy_append(state_directory_path, &intent, ret, fault);
                if (r < 0)
                        return r;
        }
        return repair_intent_remove(state_directory_path, fault);
}
