/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A Manager without a bus, a database or a thread but the bulk lane's: what it emits goes nowhere, and what
 * it keeps is looked at. Its loop runs only when the test runs it. */

#include "daemon/manager.h"

/* Sets up one that is all zeros. `database_path` is borrowed. */
void manager_fixture_begin(Manager *manager, char *database_path, size_t lane_capacity);

/* No job may be left. */
void manager_fixture_end(Manager *manager);
