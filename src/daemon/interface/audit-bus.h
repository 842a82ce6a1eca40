/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The interface .Audit: the application appends to its logs, and who may reads them page by page. */

#include "daemon/manager.h"

int audit_bus_register(Manager *manager);
