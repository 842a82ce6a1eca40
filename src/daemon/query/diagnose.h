/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What `oracxpredctl doctor` shows: every check with its finding and the way out. Looks at names, inodes,
 * what the Manager knows, and what diagnose-run.c has asked others before. */

#include "daemon/query/diagnose-host.h"

/* Appends the a(ssss) of Diagnose: check, ok, warning or fault, finding, way out. */
int diagnose(Manager *manager, const HostFacts *facts, sd_bus_message *reply);

/* Whether a version of SQLite (as sqlite3_libversion_number() tells it) has the WAL-reset defect: two
 * connections that checkpoint at the same moment can corrupt the database. */
bool sqlite_has_wal_reset_defect(int version);
