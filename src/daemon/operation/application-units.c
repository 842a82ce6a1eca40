/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/operation/application-units.h"

#include <string.h>
#include <systemd/sd-bus.h>

#include "base/clock.h"
#include "daemon/bus/bus-argument.h"

#define SYSTEMD_NAME "org.freedesktop.systemd1"
#define SYSTEMD_PATH "/org/freedesktop/systemd1"
#define SYSTEMD_MANAGER SYSTEMD_NAME ".Manager"

/* Every call is answered at once; what takes time is the job that it makes. */
#define CALL_BOUND_USEC (5 * USEC_PER_SEC)
/* Between two looks at the cancellation. */
#define WAIT_SLICE_USEC (100 * USEC_PER_MSEC)

/* One connection, and the job of systemd's that is waited for. */
typedef struct Systemd {
        sd_bus *bus;
        const char *job; /* path */
        char result[32]; /* "" until it has ended */
} Systemd;

static void systemd_done(Systemd *systemd)
{
        (void) sd_bus_flush_close_unref(systemd->bus);
}

int application_units_init(ApplicationUnits *units, char *const *names, size_t n_names)
{
        units->names = calloc(n_names + 1, sizeof(char *));
        units->was_active = calloc(n_names + 1, sizeof(bool));
        if (!units->names || !units->was_active)
                return -ENOMEM;
        for (size_t i = 0; i < n_names; i++) {
                units->names[i] = strdup(names[i]);
                if (!units->names[i])
                        return -ENOMEM;
                units->n_names++;
        }
        return 0;
}

void application_units_done(ApplicationUnits *units)
{
        for (size_t i = 0; i < units->n_names; i++)
                free(units->names[i]);
        free(units->names);
        free(units->was_active);
        *units = (ApplicationUnits){0};
}

static int on_job_removed(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        Systemd *systemd = userdata;
        const char *path, *unit, *result;
        uint32_t id;

        if (sd_bus_message_read(message, "uoss", &id, &path, &unit, &result) < 0)
                return 0;
        if (systemd->job && strcmp(path, systemd->job) == 0)
                (void) snprintf(systemd->result, sizeof systemd->result, "%s", result);
        return 0;
}

static int systemd_connect(const ApplicationUnits *units, Systemd *systemd, Fault *fault)
{
        int r;

        r = units->user_bus ? sd_bus_open_user(&systemd->bus) : sd_bus_open_system(&systemd->bus);
        if (r >= 0)
                r = sd_bus_set_method_call_timeout(systemd->bus, CALL_BOUND_USEC);
        if (r >= 0)
                r = sd_bus_match_signal(systemd->bus,
                                NULL,
                                SYSTEMD_NAME,
                                SYSTEMD_PATH,
                                SYSTEMD_MANAGER,
                                "JobRemoved",
                                on_job_removed,
                                systemd);
        if (r >= 0)
                r = sd_bus_call_method(systemd->bus,
                                SYSTEMD_NAME,
                                SYSTEMD_PATH,
                                SYSTEMD_MANAGER,
                                "Subscribe",
                                NULL,
                                NULL,
                                NULL);
        return r < 0 ? fault_set_errno(fault, r, "Asking systemd for the units of ApplicationUnits=") : 0;
}

/* Waits for the job at `path`. 0 when it is done; -ECANCELED when nobody wants to wait any more. */
static int systemd_wait(
                Systemd *systemd, const char *path, Progress *progress, const char *unit, Fault *fault)
{
        uint64_t begun_usec = clock_monotonic_usec();
        int r;

        systemd->job = path;
        systemd->result[0] = '\0';
        while (!systemd->result[0]) {
                r = progress_check(progress, fault);
                if (r < 0)
                        return r;
                if (clock_monotonic_usec() - begun_usec > APPLICATION_UNITS_BOUND_USEC)
                        return fault_set(fault,
                                        FAULT_BUSY,
                                        "The unit %s took longer than two minutes; look at `systemctl "
                                        "status "
                                        "%s`",
                                        unit,
                                        unit);
                r = sd_bus_process(systemd->bus, NULL);
                if (r == 0)
                        r = sd_bus_wait(systemd->bus, WAIT_SLICE_USEC);
                if (r < 0)
                        return fault_set_errno(fault, r, "Waiting for the unit %s", unit);
        }
        systemd->job = NULL;
        if (strcmp(systemd->result, "done") != 0)
                return fault_set(fault,
                                FAULT_FAILED,
                                "systemd's job for the unit %s ended with '%s'; look at `systemctl status "
                                "%s`",
                                unit,
                                systemd->result,
                                unit);
        return 0;
}

static bool is_refusal(const sd_bus_error *error)
{
        return sd_bus_error_has_name(error, SD_BUS_ERROR_ACCESS_DENIED) ||
               sd_bus_error_has_name(error, "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired");
}

/* StopUnit or StartUnit, and with a `progress` the end of the job that it makes. */
static int systemd_run(
                Systemd *systemd, const char *method, const char *unit, Progress *progress, Fault *fault)
{
        __attribute__((cleanup(sd_bus_error_free))) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_message_ sd_bus_message *reply = NULL;
        const char *path;
        int r;

        r = sd_bus_call_method(systemd->bus,
                        SYSTEMD_NAME,
                        SYSTEMD_PATH,
                        SYSTEMD_MANAGER,
                        method,
                        &error,
                        &reply,
                        "ss",
                        unit,
                        "replace");
        if (r >= 0)
                r = sd_bus_message_read(reply, "o", &path);
        if (r < 0)
                return fault_set(fault,
                                is_refusal(&error) ? FAULT_PERMISSION : FAULT_FAILED,
                                "%s of %s failed: %s (a polkit rule must let the service's user manage it: "
                                "`oracxpredctl units-rule` prints one)",
                                method,
                                unit,
                                error.message ? error.message : strerrordesc_np(-r));
        return progress ? systemd_wait(systemd, path, progress, unit, fault) : 0;
}

/* 1 or 0. A unit that isn't loaded or doesn't run needs no stopping, and must not be started afterwards; of
 * one that can't be asked about, nobody knows whether it has the database open. */
static int is_active(Systemd *systemd, const char *unit, Fault *fault)
{
        __attribute__((cleanup(sd_bus_error_free))) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_message_ sd_bus_message *reply = NULL;
        _cleanup_free_ char *state = NULL;
        const char *path;
        int r;

        r = sd_bus_call_method(systemd->bus,
                        SYSTEMD_NAME,
                        SYSTEMD_PATH,
                        SYSTEMD_MANAGER,
                        "GetUnit",
                        &error,
                        &reply,
                        "s",
                        unit);
        if (sd_bus_error_has_name(&error, SYSTEMD_NAME ".NoSuchUnit"))
                return 0;
        if (r >= 0)
                r = sd_bus_message_read(reply, "o", &path);
        if (r < 0)
                return fault_set(fault,
                                FAULT_FAILED,
                                "Asking systemd whether %s runs failed: %s; look at `systemctl status %s`",
                                unit,
                                error.message ? error.message : strerrordesc_np(-r),
                                unit);
        if (sd_bus_get_property_string(systemd->bus,
                            SYSTEMD_NAME,
                            path,
                            SYSTEMD_NAME ".Unit",
                            "ActiveState",
                            NULL,
                            &state) < 0)
                return 1; /* stopping too much is harmless */
        return strcmp(state, "inactive") != 0 && strcmp(state, "failed") != 0;
}

int application_units_stop(void *userdata, Fault *fault)
{
        _cleanup_(systemd_done) Systemd systemd = {0};
        ApplicationUnits *units = userdata;
        int r;

        units->stopped = true;
        r = systemd_connect(units, &systemd, fault);
        for (size_t i = 0; r >= 0 && i < units->n_names; i++) {
                r = is_active(&systemd, units->names[i], fault);
                if (r <= 0)
                        continue;
                r = systemd_run(&systemd, "StopUnit", units->names[i], units->progress, fault);
                /* A stop that failed or was not waited for may have stopped it; one that was refused did
                 * not. */
                units->was_active[i] = r != -EPERM;
        }
        return r;
}

int application_units_start(void *userdata, Fault *fault)
{
        _cleanup_(systemd_done) Systemd systemd = {0};
        ApplicationUnits *units = userdata;
        bool needed = !units->stopped;
        int r = 0;

        for (size_t i = 0; i < units->n_names; i++)
                needed = needed || units->was_active[i];
        if (!needed)
                return 0;
        r = systemd_connect(units, &systemd, fault);
        if (r < 0)
                return r;
        /* In the opposite order: the last one stopped may need the first ones. */
        for (size_t i = units->n_names; i > 0; i--) {
                _cleanup_fault_ Fault met = {0};
                bool wait = units->wait_for_start && progress_check(units->progress, NULL) >= 0;
                int q;

                if (units->stopped && !units->was_active[i - 1])
                        continue;
                q = systemd_run(&systemd,
                                "StartUnit",
                                units->names[i - 1],
                                wait ? units->progress : NULL,
                                &met);
                /* A cancellation while waiting: systemd goes on with it. */
                if (q >= 0 || met.code == FAULT_CANCELLED || r < 0)
                        continue;
                r = q;
                if (fault)
                        fault_move(fault, &met);
        }
        return r;
}
