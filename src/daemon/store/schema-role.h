/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What follows from whose tables are in the database (database/schema/schema.h): which interfaces there are,
 * and where the rows of the logs go. Loop only. */

#include "base/fault.h"
#include "daemon/store/record-store.h"

typedef struct Manager Manager;

/* Makes the Manager's store for the service's own file; opens nothing yet. */
int audit_store_new(Manager *manager, Fault *fault);

/* To be called whenever the role is known anew. */
void manager_schema_known(Manager *manager);

/* Where the rows of the logs are: in the database, or in the service's own file. Once it is known whose
 * tables these are; BUSY until then. */
RecordStore *manager_log_store(const Manager *manager);
int manager_require_schema(const Manager *manager, Fault *fault);

/* NOT_SUPPORTED where the database is another application's, whose tables these are not: `what` are
 * "accounts". */
int manager_require_tables(const Manager *manager, const char *what, Fault *fault);
