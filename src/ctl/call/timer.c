/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ctl/call/timer.h"

#include <string.h>

#define TIMER_UNIT "oracxpred-backup.timer"
#define SYSTEMD_NAME "org.freedesktop.systemd1"
#define SYSTEMD_PATH "/org/freedesktop/systemd1"

/* A systemd that doesn't answer must not hold up `status` for long. */
#define SYSTEMD_TIMEOUT_USEC (5 * USEC_PER_SEC)

/* GetUnit, without starting anything on a bus that has no systemd. */
static int find_unit(sd_bus *bus, char **ret_path, sd_bus_error *error)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
        const char *path;
        int r = sd_bus_message_new_method_call(
                        bus, &call, SYSTEMD_NAME, SYSTEMD_PATH, SYSTEMD_NAME ".Manager", "GetUnit");

        if (r >= 0)
                r = sd_bus_message_set_auto_start(call, false);
        if (r >= 0)
                r = sd_bus_message_append(call, "s", TIMER_UNIT);
        if (r >= 0)
                r = sd_bus_call(bus, call, SYSTEMD_TIMEOUT_USEC, error, &reply);
        if (r >= 0)
                r = sd_bus_message_read(reply, "o", &path);
        if (r < 0)
                return r;
        *ret_path = strdup(path);
        return *ret_path ? 0 : -ENOMEM;
}

static int read_timer(
                sd_bus *bus, const char *path, uint64_t *ret_next_usec, char **ret_state, bool *ret_elapsed)
{
        _cleanup_free_ char *state = NULL, *sub_state = NULL;
        uint64_t next_usec;
        int r = sd_bus_get_property_string(
                        bus, SYSTEMD_NAME, path, SYSTEMD_NAME ".Unit", "ActiveState", NULL, &state);

        if (r >= 0)
                r = sd_bus_get_property_string(
                                bus, SYSTEMD_NAME, path, SYSTEMD_NAME ".Unit", "SubState", NULL, &sub_state);
        if (r >= 0)
                r = sd_bus_get_property_trivial(bus,
                                SYSTEMD_NAME,
                                path,
                                SYSTEMD_NAME ".Timer",
                                "NextElapseUSecRealtime",
                                NULL,
                                't',
                                &next_usec);
        if (r < 0)
                return r;
        /* While its service runs, and when it never will again, systemd says infinity. */
        *ret_next_usec = next_usec == UINT64_MAX ? 0 : next_usec;
        *ret_state = TAKE_PTR(state);
        *ret_elapsed = strcmp(sub_state, "elapsed") == 0;
        return 0;
}

int timer_describe(Session *session, json_object *document)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_free_ char *path = NULL, *state = NULL;
        const char *finding = "";
        uint64_t next_usec = 0;
        bool elapsed = false;
        int r = find_unit(session->bus, &path, &error);

        if (r >= 0)
                r = read_timer(session->bus, path, &next_usec, &state, &elapsed);
        if (r == -ENOMEM)
                return r;
        if (sd_bus_error_has_name(&error, SYSTEMD_NAME ".NoSuchUnit"))
                finding = TIMER_UNIT " is not enabled; `systemctl enable --now " TIMER_UNIT "` does it";
        else if (r < 0)
                finding = "unknown: systemd does not answer on this bus";
        else if (strcmp(state, "active") != 0)
                finding = TIMER_UNIT " is stopped; `systemctl start " TIMER_UNIT "` starts it";
        else if (elapsed)
                finding = TIMER_UNIT " has no next elapse; `systemctl restart " TIMER_UNIT
                                     "`, and give its OnCalendar= in UTC";

        r = document_put(document, "NextBackupUSec", json_object_new_uint64(next_usec));
        if (r >= 0)
                r = document_put(document, "TimerState", json_object_new_string(state ? state : ""));
        if (r >= 0)
                r = document_put(document, "TimerFinding", json_object_new_string(finding));
        return r;
}
