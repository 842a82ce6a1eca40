/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the service does for the application's tables without being asked, after each automatic backup: it
 * archives the predictions whose match has got its result, and analyzes tables that have changed much. On
 * the bulk lane, where waiting for a lock keeps nobody waiting, on a connection of its own, in transactions
 * of milliseconds. No job: nobody asked, nothing depends on it, and every job goes before it. Loop only. */

#include "base/fault.h"
#include "database/statistics/statistics.h"

typedef struct Manager Manager;
typedef struct Maintenance Maintenance;

int maintenance_new(Manager *manager, Maintenance **ret, Fault *fault);

/* After the lane was freed. */
Maintenance *maintenance_free(Maintenance *maintenance);

/* Has it run when the lane comes to it. `tables` are the rows as the backup has counted them; copied.
 * Nothing happens while the last one is still under way. */
void maintenance_follow(Maintenance *maintenance, const TableCount *tables, size_t n_tables);

/* A job was queued: what waits goes behind it, what runs is interrupted and begins again behind it. */
void maintenance_make_way(Maintenance *maintenance);

/* The service stops: interrupts it, from now on. */
void maintenance_stop(Maintenance *maintenance);

bool maintenance_is_running(const Maintenance *maintenance);
