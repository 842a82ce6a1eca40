/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The notable events that a job brings about, as state/event.h has the others: each with the job, its
 * operation and its caller in the fields. */

#include "backup/remedy/remedy.h"
#include "backup/repair/repair.h"
#include "backup/restore/restore.h"
#include "daemon/job/job.h"

void event_backup_created(const Job *job, const Manifest *manifest);
void event_backup_verified(const Job *job, const Manifest *manifest);
void event_backup_removed(const Job *job, const Manifest *manifest, const char *reason);
void event_database_checked(const Job *job, const char *database_path);
void event_database_restored(
                const Job *job, const char *source, const RestoreOutcome *outcome, bool automatic);
void event_database_repaired(const Job *job, const RepairOutcome *outcome);
void event_rows_lost(const Job *job, const Remedy *remedy);
void event_database_exported(
                const Job *job, const char *database_path, const ExportResult *result, bool redacted);
/* A job that did not get done: failed, or cancelled. */
void event_job_failed(const Job *job, const char *file);
