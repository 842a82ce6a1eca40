/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The -wal or -shm of the database was deleted while somebody had it open (deleted-wal.h). What this service
 * has open of it is let go of at once, so that it does not work beside the applications; where nobody else
 * has the database open, the commits that only the deleted -wal holds are written into the database before.
 * While another process has it open, nothing is written, backed up or restored. */

#include "daemon/manager.h"

/* Something was removed beside the database, or a look is due. */
void wal_watch_examine(Manager *manager);

/* Somebody verified the database. */
void wal_watch_accept(Manager *manager);
