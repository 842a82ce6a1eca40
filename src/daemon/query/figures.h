/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The numbers that GetStatistics replies with, from one table: they are properties, too (of the
 * Manager, and those of the cache of .Predictions), whose getter looks its name up in the same table. Worked
 * out when they are asked for; nothing is kept for them.
 */

#include "daemon/bus/bus-argument.h"
#include "daemon/manager.h"

/* The a{sv} of GetStatistics. */
int figures_append(Manager *manager, sd_bus_message *message);

/* For a property that has the name of a figure. */
PROPERTY_GETTER(figures_get_property);
