/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "database/connection/transaction.h"

int transaction_run(Connection *connection,
                int (*work)(Connection *connection, void *userdata, Fault *fault),
                void *userdata,
                Fault *fault)
{
        int r, committed;

        /* SQLite forgets an interrupt that comes while no statement runs: between two transactions. */
        r = connection->progress ? progress_check(connection->progress, fault) : 0;
        if (r >= 0)
                r = connection_execute(connection, "BEGIN IMMEDIATE", fault);
        if (r < 0)
                return r;
        r = work(connection, userdata, fault);
        if (r >= 0) {
                committed = connection_execute(connection, "COMMIT", fault);
                if (committed >= 0)
                        return r;
                r = committed;
        }
        /* Some faults have rolled back already, and then this says so. */
        (void) connection_execute(connection, "ROLLBACK", NULL);
        return r;
}
