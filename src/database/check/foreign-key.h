/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How many rows name a parent that is not there? `PRAGMA foreign_key_check` looks each one up in the order
 * of the child's rows, all over the parent table, which takes two thirds as long as a whole integrity_check.
 * A join takes the children in the order of an index, and so the parents in theirs: a tenth of that. It
 * serves where it can't mean anything else; the pragma serves the rest. Belongs to the connection's thread.
 */

#include "database/connection/connection.h"

/* Adds the violations of one table's foreign keys to *violations. A key whose parent columns are not unique
 * can't be checked and counts as one. Faults as the connection's. */
int foreign_keys_count(Connection *connection, const char *table, uint64_t *violations, Fault *fault);
