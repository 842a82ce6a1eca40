/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/bus/unit-permission.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/bus/bus-argument.h"
#include "daemon/bus/unit-facts.h"

/* The calls, with the job mode that systemd refuses once it has authorized them. */
static const struct {
        const char *method;
        const char *mode;
} calls[] = {
                {"StopUnit", "isolate"},
                {"StartUnit", "triggering"},
};

typedef struct UnitQuestion {
        UnitPermissionCheck *check;
        size_t unit;
        sd_bus_slot *slot;
} UnitQuestion;

struct UnitPermissionCheck {
        char **units;
        UnitPermission *permissions;
        size_t n_units;
        UnitQuestion *questions;
        size_t n_questions;
        size_t n_waiting;
        UnitPermissionHandler handler;
        void *userdata;
};

UnitPermissionCheck *unit_permission_check_free(UnitPermissionCheck *check)
{
        if (!check)
                return NULL;
        for (size_t i = 0; i < check->n_questions; i++)
                (void) sd_bus_slot_unref(check->questions[i].slot);
        for (size_t i = 0; i < check->n_units; i++)
                free(check->units[i]);
        free(check->units);
        free(check->permissions);
        free(check->questions);
        free(check);
        return NULL;
}

DEFINE_CLEANUP(UnitPermissionCheck *, unit_permission_check_free);

UnitPermission unit_permission_from_error(const char *error_name)
{
        static const struct {
                const char *name;
                UnitPermission permission;
        } errors[] = {
                        {SD_BUS_ERROR_INVALID_ARGS, UNIT_PERMISSION_GRANTED},
                        {SD_BUS_ERROR_ACCESS_DENIED, UNIT_PERMISSION_REFUSED},
                        {SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED, UNIT_PERMISSION_REFUSED},
        };

        for (size_t i = 0; error_name && i < ELEMENTSOF(errors); i++)
                if (strcmp(error_name, errors[i].name) == 0)
                        return errors[i].permission;
        return UNIT_PERMISSION_UNKNOWN;
}

/* Both calls have to be granted; one that is refused decides. */
static UnitPermission combine(UnitPermission a, UnitPermission b)
{
        if (a == UNIT_PERMISSION_REFUSED || b == UNIT_PERMISSION_REFUSED)
                return UNIT_PERMISSION_REFUSED;
        return a == b ? a : UNIT_PERMISSION_UNKNOWN;
}

static int on_answer(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        UnitQuestion *question = userdata;
        UnitPermissionCheck *check = question->check;
        const sd_bus_error *refusal = sd_bus_message_get_error(reply);
        UnitPermission *permission = check->permissions + question->unit;

        *permission = combine(*permission, unit_permission_from_error(refusal ? refusal->name : NULL));
        if (--check->n_waiting == 0)
                check->handler(check, check->userdata);
        return 0;
}

static int ask(UnitPermissionCheck *check, sd_bus *bus, size_t unit, const char *method, const char *mode)
{
        UnitQuestion *question = check->questions + check->n_questions;
        _cleanup_message_ sd_bus_message *call = NULL;
        int r;

        *question = (UnitQuestion){.check = check, .unit = unit};
        r = sd_bus_message_new_method_call(
                        bus, &call, SYSTEMD_BUS_NAME, SYSTEMD_BUS_PATH, SYSTEMD_BUS_NAME ".Manager", method);
        if (r >= 0)
                r = sd_bus_message_set_auto_start(call, false);
        if (r >= 0)
                r = sd_bus_message_append(call, "ss", check->units[unit], mode);
        if (r >= 0)
                r = sd_bus_call_async(
                                bus, &question->slot, call, on_answer, question, unit_facts_patience_usec());
        if (r < 0)
                return r;
        check->n_questions++;
        check->n_waiting++;
        return 0;
}

int unit_permission_check_start(sd_bus *bus,
                char *const *units,
                size_t n_units,
                UnitPermissionHandler handler,
                void *userdata,
                UnitPermissionCheck **ret)
{
        _cleanup_(unit_permission_check_freep) UnitPermissionCheck *check = calloc(1, sizeof *check);
        int r = 0;

        if (!check)
                return -ENOMEM;
        check->handler = handler;
        check->userdata = userdata;
        check->units = calloc(n_units + 1, sizeof(char *));
        check->permissions = calloc(n_units + 1, sizeof(UnitPermission));
        check->questions = calloc(n_units * ELEMENTSOF(calls) + 1, sizeof(UnitQuestion));
        if (!check->units || !check->permissions || !check->questions)
                return -ENOMEM;
        for (size_t i = 0; i < n_units; i++) {
                check->units[i] = strdup(units[i]);
                if (!check->units[i])
                        return -ENOMEM;
                check->n_units++;
                check->permissions[i] = UNIT_PERMISSION_GRANTED;
        }
        for (size_t i = 0; r >= 0 && i < n_units * ELEMENTSOF(calls); i++) {
                size_t call = i % ELEMENTSOF(calls);

                r = ask(check, bus, i / ELEMENTSOF(calls), calls[call].method, calls[call].mode);
        }
        if (r < 0)
                return r;
        *ret = TAKE_PTR(check);
        return 0;
}

UnitPermission unit_permission_of(const UnitPermissionCheck *check, const char *unit)
{
        for (size_t i = 0; check && check->n_waiting == 0 && i < check->n_units; i++)
                if (strcmp(check->units[i], unit) == 0)
                        return check->permissions[i];
        return UNIT_PERMISSION_UNKNOWN;
}

const char *unit_permission_first_refused(const UnitPermissionCheck *check)
{
        for (size_t i = 0; check && check->n_waiting == 0 && i < check->n_units; i++)
                if (check->permissions[i] == UNIT_PERMISSION_REFUSED)
                        return check->units[i];
        return NULL;
}
