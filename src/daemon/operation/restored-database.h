/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What follows a restore on the database itself: one that this service has made is brought to the schema of
 * today, the restore is recorded in the application's own log (the rows of before went away with what was
 * replaced), and its rows are counted. Runs in the restore's worker, before anybody else may open the
 * database. Nothing here makes the restore undone: what does not work out is told, and left. */

#include "backup/restore/restore.h"
#include "database/schema/schema.h"

typedef struct RestoredDatabase {
        bool migrated;
        SchemaReport schema;
        bool counted;
        Statistics statistics;
        Fault fault; /* the first that was met */
} RestoredDatabase;

void restored_database_done(RestoredDatabase *restored);

/* `request` and `outcome` are those of the restore; `source` is the name of the backup, or the folder.
 * `choice` is what is configured: nothing is added to a database that others have made. Where it has no
 * place for the row, that goes to `audit_path` (records/log-file.h). */
void restored_database_settle(const RestoreRequest *request,
                SchemaChoice choice,
                const char *audit_path,
                const char *source,
                const RestoreOutcome *outcome,
                Progress *progress,
                RestoredDatabase *ret);
