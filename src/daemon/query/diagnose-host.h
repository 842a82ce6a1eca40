/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The checks of `doctor` that look beyond this process: its timers, the application's units, polkit, and the
 * clock. The facts are gathered before (diagnose-run.h). */

#include "daemon/bus/unit-permission.h"
#include "daemon/manager.h"
#include "daemon/query/diagnose-report.h"

typedef struct HostFacts {
        UnitFacts backup_timer;
        UnitFacts verify_timer;
        UnitFacts *application_units; /* as many as configuration.n_application_units when it was asked */
        char **application_unit_names;
        size_t n_application_units;
        const UnitPermissionCheck *permissions; /* of the same units; NULL without any */
        bool polkit_known;
        bool polkit_there; /* on the bus, or to be started by it */
} HostFacts;

/* Appends a row, or some, for each check. */
void diagnose_host(const Manager *manager, const HostFacts *facts, DiagnoseReport *report);
