/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Watches the wall clock for the retention (clock-history.h): looks at it at the start and whenever a backup
 * is made or its age is asked for. */

#include "daemon/manager.h"

/* Takes the moment into the Manager's history, and stores that once an hour or when the clock has leapt. */
void clock_keeper_see(Manager *manager);
