/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Keeps track of which database the service guards (identity.h): finds out at the start, looks again when
 * the file was exchanged, follows a restore, and notices that the records are gone. All but the look is for
 * the loop. */

#include "daemon/manager.h"
#include "database/schema/table-list.h"

typedef struct IdentityLook {
        bool readable;
        bool newer_write_version;
        TableList tables;
} IdentityLook;

/* Lists the tables of the file; a worker's. What can't be read is not readable, and no fault. */
void identity_look(const char *database_path, Progress *progress, IdentityLook *ret);
void identity_look_done(IdentityLook *look);

/* At the start, when the backups are known: takes over what the last run has recorded, and decides which
 * database belongs at the configured path. */
void identity_keeper_begin(Manager *manager, DatabaseIdentity *recorded);

/* The file was looked at: it is the database still, or another one, which gets an id of its own and holds
 * retention. */
void identity_keeper_settle(Manager *manager, const IdentityLook *look);

/* A restore has put the content of a backup, or with NULL of a quarantined file, in force: the database is
 * now the one that this is of. */
void identity_keeper_restored(Manager *manager, const Manifest *source);

/* The records were counted, at the start or in a backup that is not in the catalogue yet: compares them with
 * the backup that the database continues, and holds retention when nearly all are gone. */
void identity_keeper_compare(Manager *manager, const TableCount *tables, size_t n_tables);
