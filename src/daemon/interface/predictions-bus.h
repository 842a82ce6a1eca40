/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The interface .Predictions of the root object. */

typedef struct Manager Manager;

int predictions_bus_register(Manager *manager);
