/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Whether the units of ApplicationUnits= may be stopped and started, as systemd last said: a fact for
 * health. It is asked at the start and at each reload, and by each Diagnose. */

#include "daemon/bus/unit-permission.h"
#include "daemon/manager.h"

/* The answer comes later. Without units there is none to ask for. */
void application_permission_ask(Manager *manager);

/* Takes over what a check that is complete has found, and reports a refusal that is new. */
void application_permission_take(Manager *manager, UnitPermissionCheck *check);
