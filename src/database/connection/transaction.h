/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Several statements that take effect together or not at all. Belongs to the connection's thread. */

#include "database/connection/connection.h"

/* Runs `work` between BEGIN IMMEDIATE, which waits for other writers as every statement does, and COMMIT; a
 * negative result, or a COMMIT that fails, rolls back. `work` leaves no statement open. Needs a
 * CONNECTION_WRITE outside of a transaction. Returns what `work` did, or the fault of SQLite's own. */
int transaction_run(Connection *connection,
                int (*work)(Connection *connection, void *userdata, Fault *fault),
                void *userdata,
                Fault *fault);
