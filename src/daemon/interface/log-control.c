/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/interface/log-control.h"
#include "daemon/bus/bus-argument.h"

#include <string.h>

#include "base/journal.h"
#include "base/names.h"
#include "daemon/access/authorize.h"
#include "daemon/audit/audit.h"
#include "daemon/interface/property.h"

static const char *const level_table[] = {
                [LOG_EMERG] = "emerg",
                [LOG_ALERT] = "alert",
                [LOG_CRIT] = "crit",
                [LOG_ERR] = "err",
                [LOG_WARNING] = "warning",
                [LOG_NOTICE] = "notice",
                [LOG_INFO] = "info",
                [LOG_DEBUG] = "debug",
};

static PROPERTY_GETTER(get_level)
{
        return sd_bus_message_append(reply, "s", level_table[journal_max_level()]);
}

static PROPERTY_GETTER(get_target)
{
        return sd_bus_message_append(reply, "s", journal_target());
}

static PROPERTY_GETTER(get_identifier)
{
        return sd_bus_message_append(reply, "s", "oracxpredd");
}

/* Looks at the message that sets the property; what its sender may set is recorded. */
static int authorize_set(sd_bus *bus, const char *operation, const char *value, sd_bus_error *error)
{
        sd_bus_message *message = sd_bus_get_current_message(bus);
        Caller caller;
        int r;

        if (!message)
                return -EINVAL;
        r = authorize_at_once(message, ACTION_CONFIGURE, &caller, error);
        if (r > 0)
                audit_call(&caller, operation, value, NULL);
        return r;
}

static int set_level(sd_bus *bus,
                const char *path,
                const char *interface,
                const char *property,
                sd_bus_message *value,
                void *userdata,
                sd_bus_error *error)
{
        const char *text;
        int level = 0, r;

        r = sd_bus_message_read(value, "s", &text);
        if (r < 0)
                return r;
        while (level < (int) ELEMENTSOF(level_table) && strcmp(level_table[level], text) != 0)
                level++;
        if (level >= (int) ELEMENTSOF(level_table))
                return bus_error(error, SD_BUS_ERROR_INVALID_ARGS, "There is no log level '%.50s'", text);
        r = authorize_set(bus, "set-log-level", text, error);
        return r <= 0 ? r : journal_set_max_level(level);
}

static int set_target(sd_bus *bus,
                const char *path,
                const char *interface,
                const char *property,
                sd_bus_message *value,
                void *userdata,
                sd_bus_error *error)
{
        const char *text;
        int r;

        r = sd_bus_message_read(value, "s", &text);
        if (r < 0)
                return r;
        if (strcmp(text, "auto") != 0 && strcmp(text, "journal") != 0 && strcmp(text, "console") != 0)
                return bus_error(error, SD_BUS_ERROR_INVALID_ARGS, "There is no log target '%.50s'", text);
        r = authorize_set(bus, "set-log-target", text, error);
        return r <= 0 ? r : journal_set_target(text);
}

static const sd_bus_vtable log_control_vtable[] = {
                SD_BUS_VTABLE_START(0),
                SD_BUS_WRITABLE_PROPERTY(
                                "LogLevel", "s", get_level, set_level, 0, SD_BUS_VTABLE_UNPRIVILEGED),
                SD_BUS_WRITABLE_PROPERTY(
                                "LogTarget", "s", get_target, set_target, 0, SD_BUS_VTABLE_UNPRIVILEGED),
                SD_BUS_PROPERTY("SyslogIdentifier", "s", get_identifier, 0, 0),
                SD_BUS_VTABLE_END,
};

int log_control_register(sd_bus *bus)
{
        return sd_bus_add_object_vtable(bus,
                        NULL,
                        BUS_PATH_LOG_CONTROL,
                        "org.freedesktop.LogControl1",
                        log_control_vtable,
                        NULL);
}
