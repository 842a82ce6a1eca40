/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/bus/caller.h"

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

bool caller_is_in_own_group(sd_bus_message *message)
{
        __attribute__((cleanup(sd_bus_creds_unrefp))) sd_bus_creds *creds = NULL;
        const gid_t *groups;
        gid_t group;
        int n;

        if (inquire(message,
                            SD_BUS_CREDS_EGID | SD_BUS_CREDS_SUPPLEMENTARY_GIDS | SD_BUS_CREDS_AUGMENT,
                            &creds) < 0)
                return false;
        if (sd_bus_creds_get_egid(creds, &group) >= 0 && group == getegid())
                return true;
        n = sd_bus_creds_get_supplementary_gids(creds, &groups);
        for (int i = 0; i < n; i++)
                if (groups[i] == getegid())
                        return true;
        return false;
}
