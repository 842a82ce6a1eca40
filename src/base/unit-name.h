/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Names of systemd's units, as ApplicationUnits= may have them. */

#include <stdbool.h>

#define UNIT_NAME_MAX 256

/* True for a unit that holds processes or starts such ones: service, socket, timer, path or target. */
bool unit_name_is_valid(const char *name);
