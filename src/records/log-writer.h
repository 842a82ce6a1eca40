/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Adds rows to the application's logs, many in one transaction: what a commit costs is paid once for all of
 * them. One bad row does not keep the others out. Belongs to the connection's thread. */

#include "database/connection/connection.h"
#include "records/log-entry.h"

/* One row to be written, and what became of it. */
typedef struct LogItem {
        LogEntry *entry; /* the caller's */
        int64_t id;      /* the new row's */
        Fault fault;     /* why this row was not written; freed by the caller */
} LogItem;

/* Writes the items in their order. 0: it is committed, and every item without a fault of its own is on the
 * disk. An item's own fault is INVALID_ARGUMENT (extra data that is no JSON object), NOT_FOUND (a user or a
 * prediction that is not there) or FAILED (another constraint or a trigger, which keeps it out); an item
 * that comes with one is passed over. Negative: nothing was written, for what connection_fault() tells. A
 * table that is missing is added (schema.h); of a column that is, the value is left out. Needs a
 * CONNECTION_WRITE outside of a transaction. The entries have passed log_entry_check(). */
int log_write(Connection *connection, LogItem *const *items, size_t n_items, Fault *fault);
