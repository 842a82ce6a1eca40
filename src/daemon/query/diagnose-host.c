/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/query/diagnose-host.h"

#include <string.h>

#include "base/clock.h"
#include "base/names.h"
#include "base/timestamp.h"

/* One that others left, or that its manifest dates otherwise than its name; health speaks of the rest. */
static const char *future_file(const Manager *manager, uint64_t now_usec)
{
        for (size_t i = 0; i < manager->catalogue->n_entries; i++) {
                const CatalogueEntry *entry = manager->catalogue->entries + i;

                if (MAX_OF(entry->moment_usec, entry->manifest->created_usec) > now_usec + USEC_PER_HOUR)
                        return entry->manifest->file;
        }
        return NULL;
}

static void diagnose_clock(const Manager *manager, DiagnoseReport *report)
{
        uint64_t now_usec = clock_now_usec();
        const char *file = future_file(manager, now_usec);
        char now[TIMESTAMP_RFC3339_MAX];

        for (size_t i = 0; i < manager->health.n_reasons; i++)
                if (strcmp(manager->health.reasons[i].code, "clock-not-sane") == 0) {
                        diagnose_row(report,
                                        "clock",
                                        "fault",
                                        "Set the clock (`timedatectl` shows it); retention keeps what is "
                                        "dated in the future",
                                        "%s",
                                        manager->health.reasons[i].text);
                        return;
                }
        if (file) {
                diagnose_row(report,
                                "clock",
                                "warning",
                                "Rename the file to when it was made, or remove it",
                                "%s is dated in the future",
                                file);
                return;
        }
        if (timestamp_format_rfc3339(now_usec, now) < 0)
                now[0] = '\0';
        diagnose_row(report, "clock", "ok", "", "%.19sZ, and no backup is dated later", now);
}

static void diagnose_timer(
                const char *timer, const char *what, const UnitFacts *facts, DiagnoseReport *report)
{
        const char *name = strcmp(timer, BACKUP_TIMER) == 0 ? "backup-timer" : "verify-timer";

        switch (unit_facts_judge(facts)) {
        case UNIT_ACTIVE:
                diagnose_row(report, name, "ok", "", "%s is active and enabled", timer);
                break;
        case UNIT_DISABLED:
                diagnose_row(report,
                                name,
                                "warning",
                                "Run `systemctl enable` on it",
                                "%s is active, but not enabled: %s only until the next boot",
                                timer,
                                what);
                break;
        case UNIT_ELAPSED:
                diagnose_row(report,
                                name,
                                "fault",
                                "Run `systemctl restart` on it, and give its OnCalendar= in UTC",
                                "%s is active, but has no next elapse: nothing %s any more",
                                timer,
                                what);
                break;
        case UNIT_STOPPED:
                diagnose_row(report,
                                name,
                                "fault",
                                "Run `systemctl enable --now` on it",
                                "%s is stopped: nothing %s",
                                timer,
                                what);
                break;
        case UNIT_MISSING:
                diagnose_row(report,
                                name,
                                "fault",
                                "Install the units again, then run `systemctl enable --now` on it",
                                "There is no %s: nothing %s",
                                timer,
                                what);
                break;
        case UNIT_UNKNOWN:
        default:
                diagnose_row(report,
                                name,
                                "warning",
                                "",
                                "Not known: systemd does not answer on this bus; without it, others have to "
                                "ask for the work");
        }
}

/* True when there was something to report. */
static bool diagnose_unit(const HostFacts *facts, size_t i, DiagnoseReport *report)
{
        const char *name = facts->application_unit_names[i];
        UnitState state = unit_facts_judge(facts->application_units + i);

        if (state == UNIT_MISSING || state == UNIT_UNKNOWN)
                diagnose_row(report,
                                "units",
                                state == UNIT_MISSING ? "fault" : "warning",
                                "Correct ApplicationUnits=, then run `systemctl reload oracxpredd`",
                                state == UNIT_MISSING ? "There is no unit %s (ApplicationUnits=)"
                                                      : "systemd does not say whether there is a unit %s",
                                name);
        else if (unit_permission_of(facts->permissions, name) == UNIT_PERMISSION_REFUSED)
                diagnose_row(report,
                                "units",
                                "fault",
                                "As root: `oracxpredctl units-rule > " UNITS_RULE_PATH "`",
                                "This service may not stop and start %s (ApplicationUnits=)",
                                name);
        else
                return false;
        return true;
}

static void diagnose_units(const HostFacts *facts, DiagnoseReport *report)
{
        bool bad = false;

        for (size_t i = 0; i < facts->n_application_units; i++)
                bad = diagnose_unit(facts, i, report) || bad;
        if (bad)
                return;
        if (facts->n_application_units == 0)
                diagnose_row(report,
                                "units",
                                "ok",
                                "",
                                "No units are stopped while the file has to be replaced "
                                "(ApplicationUnits= is empty)");
        else
                diagnose_row(report,
                                "units",
                                "ok",
                                "",
                                "systemd knows each of the %zu in ApplicationUnits=, and lets this service "
                                "stop and start them",
                                facts->n_application_units);
}

static void diagnose_polkit(const HostFacts *facts, DiagnoseReport *report)
{
        if (!facts->polkit_known)
                diagnose_row(report,
                                "polkit",
                                "warning",
                                "Look at the bus with `busctl`",
                                "The bus does not say whether polkit is there");
        else if (facts->polkit_there)
                diagnose_row(report, "polkit", "ok", "", "There, and asked who may do what");
        else
                diagnose_row(report,
                                "polkit",
                                "ok",
                                "",
                                "Not there: only root and the service's own user may act");
}

void diagnose_host(const Manager *manager, const HostFacts *facts, DiagnoseReport *report)
{
        diagnose_clock(manager, report);
        diagnose_timer(BACKUP_TIMER, "asks for backups", &facts->backup_timer, report);
        diagnose_timer(VERIFY_TIMER, "verifies the backups", &facts->verify_timer, report);
        diagnose_units(facts, report);
        diagnose_polkit(facts, report);
}
