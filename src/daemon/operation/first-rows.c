/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/operation/first-rows.h"

#include "backup/catalogue/identity.h"
#include "base/journal.h"
#include "base/test-hook.h"
#include "daemon/job/job.h"
#include "daemon/loop/one-shot.h"
#include "daemon/manager.h"
#include "daemon/operation/file-events.h"
#include "daemon/query/statistics-run.h"
#include "daemon/state/condition.h"

/* An application that has just been installed writes more than one row. */
#define DELAY_USEC (10 * USEC_PER_SEC)

struct FirstRows {
        bool counting;      /* somebody's count may come in between, which does not count */
        FileTraces counted; /* the files when the records were last counted */
        sd_event_source *event_source;
};

int first_rows_new(FirstRows **ret, Fault *fault)
{
        FirstRows *rows = calloc(1, sizeof(FirstRows));

        if (!rows)
                return fault_set_errno(fault, ENOMEM, "Starting");
        *ret = rows;
        return 0;
}

FirstRows *first_rows_free(FirstRows *rows)
{
        if (!rows)
                return NULL;
        (void) sd_event_source_disable_unref(rows->event_source);
        free(rows);
        return NULL;
}

FirstRowsStep first_rows_decide(const FirstRowsFacts *facts)
{
        if (facts->backed_up || facts->last_failed || !facts->able)
                return FIRST_ROWS_REST;
        return facts->counted && facts->n_records > 0 ? FIRST_ROWS_BACK_UP : FIRST_ROWS_AWAIT;
}

static bool is_backed_up(const Manager *manager)
{
        for (size_t i = 0; i < manager->catalogue->n_entries; i++) {
                const CatalogueEntry *entry = manager->catalogue->entries + i;
                const Manifest *manifest = entry->manifest;

                if (!entry->other && manifest_is_own(manifest) &&
                                database_records(manifest->tables, manifest->n_tables) > 0)
                        return true;
        }
        return false;
}

static bool is_able(const Manager *manager)
{
        if (!manager->started || manager->stopping || manager->restoring || manager->backups_away ||
                        manager_require_sound_database(manager, NULL) < 0)
                return false;
        for (const Job *job = manager->jobs; job; job = job->next)
                if (job->operation == &operation_backup)
                        return false;
        return true;
}

static FirstRowsStep decide(const Manager *manager, bool counted)
{
        FirstRowsFacts facts = {
                        .able = is_able(manager),
                        .backed_up = is_backed_up(manager),
                        .last_failed = manager->last_backup_fault,
                        .counted = counted,
                        .n_records = database_records(
                                        manager->statistics.tables, manager->statistics.n_tables),
        };

        return first_rows_decide(&facts);
}

bool first_rows_are_awaited(const Manager *manager)
{
        return decide(manager, false) != FIRST_ROWS_REST;
}

static int on_due(sd_event_source *source, uint64_t usec, void *userdata)
{
        Manager *manager = userdata;
        Caller self = caller_self();

        if (!first_rows_are_awaited(manager))
                return 0;
        manager->first_rows->counting = true;
        file_events_trace(manager, &manager->first_rows->counted);
        if (statistics_run_ask(manager->statistics_run, NULL, &self, NULL) < 0)
                first_rows_counted(manager, false);
        return 0;
}

static void count_soon(Manager *manager)
{
        uint64_t delay_usec = DELAY_USEC;

#if TEST_HOOKS
        (void) test_hook_first_rows(&delay_usec);
#endif
        one_shot_arm(manager->event, &manager->first_rows->event_source, delay_usec, on_due, manager);
}

static void back_up(Manager *manager)
{
        _cleanup_fault_ Fault fault = {0};
        Caller self = caller_self();

        journal_line(LOG_INFO,
                        "%s has its first rows, and no backup holds any; making one",
                        manager->database_path);
        if (operation_backup_queue(manager, true, false, NULL, &self, NULL, &fault) >= 0)
                return;
        journal_line(LOG_WARNING, "The first rows are not backed up yet: %s", fault.message);
        manager->first_rows->counted = (FileTraces){0};
}

void first_rows_consider(Manager *manager)
{
        FileTraces now;

        if (!first_rows_are_awaited(manager))
                return;
        file_events_watch_commits(manager);
        file_events_trace(manager, &now);
        if (file_traces_tell_commit(&manager->first_rows->counted, &now))
                count_soon(manager);
}

void first_rows_counted(Manager *manager, bool counted)
{
        bool ours = manager->first_rows->counting;

        manager->first_rows->counting = false;
        if (!ours)
                return;
        TEST_POINT("first-rows-counted");
        switch (decide(manager, counted)) {
        case FIRST_ROWS_BACK_UP:
                back_up(manager);
                break;
        case FIRST_ROWS_REST:
                /* It may be able to later, without another commit. */
                manager->first_rows->counted = (FileTraces){0};
                break;
        case FIRST_ROWS_AWAIT:
                if (!counted)
                        manager->first_rows->counted = (FileTraces){0};
                break;
        case _FIRST_ROWS_STEP_MAX:
        case _FIRST_ROWS_STEP_INVALID:
                break;
        }
        first_rows_consider(manager);
}
