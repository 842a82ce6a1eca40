/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The notable events, each logged in one place with its message id and its fields, so that what an operator
 * filters for in the journal never depends on the way that led there. */

#include "backup/catalogue/manifest.h"
#include "daemon/facts/health.h"

void event_backup_appeared(const Manifest *manifest);
void event_backup_vanished(const char *name, const char *file);
void event_corruption_detected(const char *database_path, const char *finding);
void event_database_created(const char *database_path);
void event_schema_changed(const char *database_path, unsigned tables, unsigned indexes);
void event_schema_differs(const char *database_path, const char *difference);
void event_configuration_fault(const char *text);
void event_startup_fault(const Fault *fault);
/* Reports each reason that is new, and each that is over. */
void event_health_changed(const Health *before, const Health *now);

void event_auto_restore_stopped(const char *database_path);
void event_no_healthy_backup(const char *database_path);

/* `how` follows "The database PATH": "is gone", "is another file now". */
void event_database_replaced(const char *database_path, const char *how);
