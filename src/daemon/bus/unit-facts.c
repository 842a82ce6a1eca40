/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/bus/unit-facts.h"

#include <string.h>

#include "base/test-hook.h"
#include "daemon/bus/bus-argument.h"

#define PATIENCE_USEC (5 * USEC_PER_SEC)

UnitState unit_facts_judge(const UnitFacts *facts)
{
        if (!facts->known)
                return UNIT_UNKNOWN;
        if (facts->missing)
                return UNIT_MISSING;
        if (!facts->active)
                return UNIT_STOPPED;
        if (facts->elapsed)
                return UNIT_ELAPSED;
        return facts->enabled ? UNIT_ACTIVE : UNIT_DISABLED;
}

uint64_t unit_facts_patience_usec(void)
{
#if TEST_HOOKS
        uint64_t injected_usec;

        if (test_hook_patience(&injected_usec))
                return injected_usec;
#endif
        return PATIENCE_USEC;
}

void unit_facts_set(UnitFacts *facts, const char *property, const char *value)
{
        if (strcmp(property, "LoadState") == 0) {
                facts->known = true;
                facts->missing = strcmp(value, "not-found") == 0;
        } else if (strcmp(property, "ActiveState") == 0) {
                facts->known = true;
                facts->active = strcmp(value, "active") == 0 || strcmp(value, "activating") == 0 ||
                                strcmp(value, "reloading") == 0;
        } else if (strcmp(property, "SubState") == 0)
                facts->elapsed = strcmp(value, "elapsed") == 0;
        else if (strcmp(property, "UnitFileState") == 0)
                /* "static" and what has no file (empty) somebody else starts. */
                facts->enabled = strcmp(value, "disabled") != 0 && strncmp(value, "masked", 6) != 0 &&
                                 strcmp(value, "bad") != 0;
}

int unit_facts_read(sd_bus_message *message, UnitFacts *facts)
{
        int r = sd_bus_message_enter_container(message, 'a', "{sv}");

        if (r < 0)
                return r;
        while ((r = sd_bus_message_enter_container(message, 'e', "sv")) > 0) {
                const char *property, *contents, *value;
                char type;

                r = sd_bus_message_read(message, "s", &property);
                if (r >= 0)
                        r = sd_bus_message_peek_type(message, &type, &contents);
                if (r >= 0 && strcmp(contents, "s") == 0) {
                        r = sd_bus_message_read(message, "v", "s", &value);
                        if (r >= 0)
                                unit_facts_set(facts, property, value);
                } else if (r >= 0)
                        r = sd_bus_message_skip(message, "v");
                if (r >= 0)
                        r = sd_bus_message_exit_container(message);
                if (r < 0)
                        return r;
        }
        return r < 0 ? r : sd_bus_message_exit_container(message);
}

void unit_facts_read_reply(sd_bus_message *reply, UnitFacts *ret)
{
        UnitFacts facts = {0};

        if (sd_bus_message_is_method_error(reply, NULL) || unit_facts_read(reply, &facts) < 0)
                facts = (UnitFacts){0};
        *ret = facts;
}

int unit_facts_ask(sd_bus *bus,
                const char *unit,
                sd_bus_message_handler_t handler,
                void *userdata,
                sd_bus_slot **ret)
{
        _cleanup_message_ sd_bus_message *call = NULL;
        _cleanup_free_ char *path = NULL;
        int r;

        /* systemd loads the unit when its path is looked up. */
        r = sd_bus_path_encode(SYSTEMD_BUS_PATH "/unit", unit, &path);
        if (r >= 0)
                r = sd_bus_message_new_method_call(bus,
                                &call,
                                SYSTEMD_BUS_NAME,
                                path,
                                "org.freedesktop.DBus.Properties",
                                "GetAll");
        if (r >= 0)
                r = sd_bus_message_set_auto_start(call, false);
        if (r >= 0)
                r = sd_bus_message_append(call, "s", SYSTEMD_BUS_NAME ".Unit");
        return r < 0 ? r : sd_bus_call_async(bus, ret, call, handler, userdata, unit_facts_patience_usec());
}
