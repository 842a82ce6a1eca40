/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/operation/restore-remedy.h"

#include "backup/restore/restore-loss.h"
#include "base/journal.h"
#include "daemon/job/job-event.h"
#include "daemon/manager.h"
#include "daemon/operation/remedy-state.h"

int restore_remedy_prepare(const Manager *manager, RestoreTask *task)
{
        const TableCount *tables = manager->statistics.tables;
        size_t n_tables = manager->statistics.n_tables;
        uint64_t counted_usec = manager->tables_counted_usec;
        int r;

        if (!task->automatic || task->known_tables)
                return 0;
        for (size_t i = 0; i < manager->catalogue->n_entries; i++) {
                const Manifest *manifest = manager->catalogue->entries[i].manifest;

                if (manifest->kind == BACKUP_IMPORTED || manifest->adopted || manifest->n_tables == 0 ||
                                manifest->created_usec <= counted_usec)
                        continue;
                tables = manifest->tables;
                n_tables = manifest->n_tables;
                counted_usec = manifest->created_usec;
        }
        r = table_counts_copy(tables, n_tables, &task->known_tables);
        if (r >= 0)
                task->n_known_tables = n_tables;
        return r;
}

/* What was counted in the backup is what the database has now: others may have written since. */
void restore_remedy_tell(RestoreTask *task, Progress *progress)
{
        const RestoreRequest *request = &task->request;
        const Manifest *source = request->source;
        bool counted = source && source->n_tables > 0;

        (void) restore_loss_tell(request,
                        &task->outcome,
                        counted ? source->tables : task->settled.statistics.tables,
                        counted ? source->n_tables : task->settled.statistics.n_tables,
                        progress,
                        &task->remedies,
                        &task->remedies_fault);
}

void restore_remedy_take_over(Job *job, RestoreTask *task)
{
        Manager *manager = job->manager;

        if (task->remedies_fault.code != FAULT_NONE)
                journal_line(LOG_ERR, "%s", task->remedies_fault.message);
        if (task->remedies.n_items > 0) {
                const Remedy *remedy = task->remedies.items + task->remedies.n_items - 1;

                if (remedy_lost_rows(remedy))
                        event_rows_lost(job, remedy);
        }
        remedy_state_take(manager, &task->remedies);
}
