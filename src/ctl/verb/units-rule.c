/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* units-rule: the polkit rule for exactly the units that are configured. */

#include <string.h>

#include "base/names.h"
#include "base/unit-name.h"
#include "config.h"
#include "ctl/verb/verbs.h"

/* A unit's name may have backslashes, and no quotes. */
static void print_string(const char *name)
{
        (void) fputs("        \"", stdout);
        for (; *name; name++) {
                if (*name == '\\')
                        (void) fputc('\\', stdout);
                (void) fputc(*name, stdout);
        }
        (void) puts("\",");
}

/* Root installs what is printed here: a name that is none could end the string and say anything. */
static int require_names(json_object *units, Fault *fault)
{
        for (size_t i = 0; i < json_object_array_length(units); i++)
                if (!unit_name_is_valid(json_object_get_string(json_object_array_get_idx(units, i))))
                        return fault_set(fault,
                                        FAULT_INVALID_ARGUMENT,
                                        "The service names '%s' as a unit, which is not a unit's name; "
                                        "correct "
                                        "ApplicationUnits=, then run `systemctl reload oracxpredd`",
                                        json_object_get_string(json_object_array_get_idx(units, i)));
        return 0;
}

int verb_units_rule(Session *session, Fault *fault)
{
        _cleanup_json_ json_object *properties = NULL;
        json_object *units;
        int r = session_get_properties(session, BUS_PATH, BUS_INTERFACE_MANAGER, &properties, fault);

        if (r < 0)
                return r;
        units = document_member(properties, "ApplicationUnits");
        if (!json_object_is_type(units, json_type_array) || json_object_array_length(units) == 0)
                return fault_set(fault,
                                FAULT_NOT_FOUND,
                                "No unit is configured; name those that have the database open in "
                                "ApplicationUnits=, then run `systemctl reload oracxpredd`");
        r = require_names(units, fault);
        if (r < 0)
                return r;
        (void) puts("// Lets the database service stop and start the application's units, and nothing else, "
                    "for a\n"
                    "// restore that has to replace the database file. Made by `oracxpredctl units-rule` "
                    "from\n"
                    "// ApplicationUnits=; it belongs into " UNITS_RULE_PATH ".\n"
                    "\n"
                    "var oracxpredApplicationUnits = [");
        for (size_t i = 0; i < json_object_array_length(units); i++)
                print_string(json_object_get_string(json_object_array_get_idx(units, i)));
        (void) puts("];\n"
                    "\n"
                    "polkit.addRule(function (action, subject) {\n"
                    "        if (action.id == \"org.freedesktop.systemd1.manage-units\" &&\n"
                    "            subject.user == \"" SERVICE_USER "\" &&\n"
                    "            (action.lookup(\"verb\") == \"start\" || action.lookup(\"verb\") == "
                    "\"stop\") &&\n"
                    "            oracxpredApplicationUnits.indexOf(action.lookup(\"unit\")) >= 0)\n"
                    "                return polkit.Result.YES;\n"
                    "        return polkit.Result.NOT_HANDLED;\n"
                    "});");
        return 0;
}
