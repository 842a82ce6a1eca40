/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Writes into sqlite_schema itself, where no statement can say what is meant. The thread that owns the
 * connection. */

#include "database/connection/connection.h"

/* Runs one statement on main.sqlite_schema with `values` for ?1, ?2 and so on. SQLite reads the schema anew
 * before the next statement. Faults as the connection's. */
int import_schema_write(Connection *connection,
                const char *sql,
                const char *const *values,
                size_t n_values,
                Fault *fault);
