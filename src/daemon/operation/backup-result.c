/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/operation/backup-result.h"

#include <string.h>

#include "backup/state/last-check.h"
#include "daemon/catalogue/collection.h"
#include "daemon/job/job-event.h"
#include "daemon/manager.h"
#include "daemon/operation/automatic-restore.h"
#include "daemon/operation/check-schedule.h"
#include "daemon/state/condition.h"
#include "daemon/state/property-changes.h"

/* The rows were counted in the copy anyway. What can't be copied leaves the old counts. */
static void take_counts(Manager *manager, const Manifest *manifest)
{
        Statistics *statistics = &manager->statistics;
        TableCount *tables;

        tables = calloc(manifest->n_tables + 1, sizeof(TableCount));
        if (!tables)
                return;
        for (size_t i = 0; i < manifest->n_tables; i++) {
                tables[i] = (TableCount){
                                .name = strdup(manifest->tables[i].name), .rows = manifest->tables[i].rows};
                if (!tables[i].name) {
                        while (i > 0)
                                free(tables[--i].name);
                        free(tables);
                        return;
                }
        }
        for (size_t i = 0; i < statistics->n_tables; i++)
                free(statistics->tables[i].name);
        free(statistics->tables);
        statistics->tables = tables;
        statistics->n_tables = manifest->n_tables;
        statistics->page_size_bytes = manifest->page_size_bytes;
        statistics->pages = manifest->pages;
        manager->tables_counted_usec = manifest->created_usec;
        manager_changed(manager, CHANGE_STATISTICS);
}

static bool has_checked_disk(const Manifest *manifest, const DiskRead *disk)
{
        return manifest && disk->done && !manifest->quick_check;
}

void backup_result_note(const char *state_directory_path, const Manifest *manifest, const DiskRead *disk)
{
        if (has_checked_disk(manifest, disk))
                last_check_note(state_directory_path, manifest->copied_usec);
}

int backup_result_made(Job *job, Manifest *manifest, const DiskRead *disk)
{
        Manager *manager = job->manager;

        event_backup_created(job, manifest);
        take_counts(manager, manifest);
        manager_set_last_backup_fault(manager, NULL);
        /* The copy passed the full check, and it is what the database was a moment ago. */
        if (!manifest->quick_check && manifest->copied_usec == manifest->created_usec)
                manager_set_integrity(manager,
                                manifest->unchecked ? INTEGRITY_UNCHECKABLE : INTEGRITY_OK,
                                manifest->unchecked);
        /* A copy that went wrong is no verdict: the check looks twice. */
        if (disk->failed)
                check_schedule_hasten(manager);
        else if (has_checked_disk(manifest, disk))
                check_schedule_done(manager, manifest->copied_usec);
        return collection_put(manager, manifest, job->id, true);
}

void backup_result_failed(Job *job)
{
        Manager *manager = job->manager;

        if (job->fault.code == FAULT_CANCELLED)
                return;
        manager_set_last_backup_fault(manager, job->fault.message);
        manager_met_fault(manager, &job->fault);
}
