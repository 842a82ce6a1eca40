/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/bus/caller.h"

#include <string.h>
#include <unistd.h>

static sd_bus *inquiries;

void caller_inquire_through(sd_bus *bus)
{
        inquiries = bus;
}

static int inquire(sd_bus_message *message, uint64_t mask, sd_bus_creds **ret)
{
        const char *sender = sd_bus_message_get_sender(message);

        return sender ? sd_bus_get_name_creds(inquiries, sender, mask, ret) : -ENODATA;
}

/* Cut to fit: the kernel's own limits are lower. */
static void keep_text(char *ret, size_t size, const char *text)
{
        (void) snprintf(ret, size, "%s", text);
}

static void describe_process(sd_bus_creds *creds, Caller *caller)
{
        const char *text;

        if (sd_bus_creds_get_pid(creds, &caller->pid) < 0)
                caller->pid = 0;
        if (sd_bus_creds_get_comm(creds, &text) >= 0)
                keep_text(caller->process, sizeof caller->process, text);
        if (sd_bus_creds_get_unit(creds, &text) >= 0)
                keep_text(caller->unit, sizeof caller->unit, text);
        if (sd_bus_creds_get_session(creds, &text) >= 0)
                keep_text(caller->session, sizeof caller->session, text);
}

int caller_of(sd_bus_message *message, Caller *ret, sd_bus_error *error)
{
        __attribute__((cleanup(sd_bus_creds_unrefp))) sd_bus_creds *creds = NULL;
        const uint64_t told = SD_BUS_CREDS_EUID | SD_BUS_CREDS_PID;
        Caller caller = caller_self();
        int r;

        /* What the bus doesn't tell is read from /proc, which may be of another process by now. */
        r = inquire(message,
                        told | SD_BUS_CREDS_COMM | SD_BUS_CREDS_UNIT | SD_BUS_CREDS_SESSION |
                                        SD_BUS_CREDS_AUGMENT,
                        &creds);
        if (r < 0)
                r = inquire(message, told, &creds);
        if (r >= 0 && !(sd_bus_creds_get_augmented_mask(creds) & SD_BUS_CREDS_EUID))
                r = sd_bus_creds_get_euid(creds, &caller.uid);
        if (r < 0 || caller.uid == UID_INVALID)
                return sd_bus_error_set(
                                error, SD_BUS_ERROR_ACCESS_DENIED, "The bus does not tell who you are");
        describe_process(creds, &caller);
        *ret = caller;
        return 0;
}

static bool has_own_group(sd_bus_message *credentials)
{
        const void *groups;
        size_t size;

        if (sd_bus_message_enter_container(credentials, 'v', "au") < 0 ||
                        sd_bus_message_read_array(credentials, 'u', &groups, &size) < 0)
                return false;
        for (size_t i = 0; i < size / sizeof(uint32_t); i++)
                if (((const uint32_t *) groups)[i] == getegid())
                        return true;
        return false;
}

bool caller_is_in_own_group(sd_bus_message *message)
{
        __attribute__((cleanup(sd_bus_message_unrefp))) sd_bus_message *credentials = NULL;
        const char *sender = sd_bus_message_get_sender(message), *name;

        if (!sender ||
                        sd_bus_call_method(inquiries,
                                        "org.freedesktop.DBus",
                                        "/org/freedesktop/DBus",
                                        "org.freedesktop.DBus",
                                        "GetConnectionCredentials",
                                        NULL,
                                        &credentials,
                                        "s",
                                        sender) < 0 ||
                        sd_bus_message_enter_container(credentials, 'a', "{sv}") < 0)
                return false;
        while (sd_bus_message_enter_container(credentials, 'e', "sv") > 0 &&
                        sd_bus_message_read(credentials, "s", &name) > 0) {
                if (strcmp(name, "UnixGroupIDs") == 0)
                        return has_own_group(credentials);
                if (sd_bus_message_skip(credentials, "v") < 0 ||
                                sd_bus_message_exit_container(credentials) < 0)
                        return false;
        }
        return false;
}
