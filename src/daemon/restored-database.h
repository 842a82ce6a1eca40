/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What follows a restore on the database itself: it is brought to the schema of today, the restore is
 * recorded in the application's own log (the rows of before went away with what was replaced), and its rows
 * are counted. Runs in the restore's worker, before anybody else may open the database. Nothing here makes
 * the restore undone: what does not work out is told, and left. */

#include "backup/restore.h"
#include "database/schema.h"

typedef struct RestoredDatabase {
        bool migrated;
        SchemaReport schema;
        bool counted;
        Statistics statistics;
        Fault fault; /* the first that was met */
} RestoredDatabase;

void restored_database_done(RestoredDatabase *restored);

/* `request` and `outcome` are those of the restore; `source` is the name of the backup, or the folder. */
void restored_database_settle(const RestoreRequest *request,
                const char *source,
                const RestoreOutcome *outcome,
                Progress *progress,
                RestoredDatabase *ret);
