/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/operation/removal.h"
#include "daemon/job/job-event.h"
#include "daemon/operation/quarantine.h"

#include "backup/catalogue/remove.h"
#include "base/clock.h"
#include "daemon/catalogue/collection.h"
#include "daemon/state/clock-keeper.h"
#include "daemon/state/condition.h"

void removals_clear(Removals *removals)
{
        while (removals->n > 0) {
                Removal *removal = &removals->items[--removals->n];

                (void) manifest_free(removal->manifest);
                *removal = (Removal){0};
        }
}

/* A leap of some minutes may hold a backup or two for that long, and that is nothing to tell. */
#define FEW 2

/* What waits for the clock is told. */
static void note_held(Manager *manager, const RetentionReason *reasons)
{
        size_t n = 0;

        for (size_t i = 0; i < manager->catalogue->n_entries; i++)
                n += reasons[i] == RETENTION_KEEP_AT_ONCE || reasons[i] == RETENTION_KEEP_LEAP;
        n = n > FEW ? n : 0;
        if (n == manager->n_due_at_once)
                return;
        manager->n_due_at_once = n;
        manager_update_health(manager);
}

int removals_plan(Manager *manager, RetentionReason **ret)
{
        clock_keeper_see(manager);

        RetentionPolicy policy = {
                        .keep_usec = manager->configuration.retention_usec,
                        .minimum_verified = manager->configuration.retention_minimum_verified,
                        .clock = &manager->clock,
                        .database_corrupt = manager_require_sound_database(manager, NULL) < 0,
                        .held = manager->database_replaced || manager->hold.code,
        };
        RetentionReason *reasons;

        reasons = calloc(manager->catalogue->n_entries + 1, sizeof(RetentionReason));
        if (!reasons)
                return -ENOMEM;
        retention_plan(manager->catalogue, &policy, clock_now_usec(), reasons);
        note_held(manager, reasons);
        *ret = reasons;
        return 0;
}

void removals_review(Manager *manager)
{
        _cleanup_free_ RetentionReason *reasons = NULL;

        (void) removals_plan(manager, &reasons);
        quarantine_keep_bound(manager);
        manager_update_health(manager);
}

size_t removals_count(const Manager *manager, const RetentionReason *reasons)
{
        size_t n = 0;

        for (size_t i = 0; i < manager->catalogue->n_entries; i++)
                n += !retention_keeps(reasons[i]);
        return n;
}

static int take(Job *job, Removals *removals, const Manifest *manifest, RetentionReason reason)
{
        Removal *removal = &removals->items[removals->n];

        removal->manifest = manifest_copy(manifest);
        if (!removal->manifest)
                return -ENOMEM;
        removal->reason = reason;
        removals->n++;
        return job_claim_file(job, manifest->file);
}

int removals_take(Job *job, const RetentionReason *reasons, size_t n_wanted, Removals *removals)
{
        const Catalogue *catalogue = job->manager->catalogue;
        size_t n = MIN_OF(n_wanted, (size_t) REMOVALS_MAX);
        int r = 0;

        for (size_t i = catalogue->n_entries; r >= 0 && i > 0 && removals->n < n; i--)
                if (!retention_keeps(reasons[i - 1]))
                        r = take(job, removals, catalogue->entries[i - 1].manifest, reasons[i - 1]);
        return r;
}

int removals_run(Removals *removals, int directory_fd, Progress *progress, Fault *fault)
{
        progress_begin(progress, "removing old backups", 0);
        for (size_t i = 0; i < removals->n; i++) {
                int r = progress_check(progress, fault);

                if (r >= 0)
                        r = remove_backup(directory_fd, removals->items[i].manifest, fault);
                if (r < 0)
                        return r;
                removals->items[i].removed = true;
        }
        return 0;
}

void removals_take_over(Job *job, const Removals *removals)
{
        const char *files[REMOVALS_MAX];
        size_t n_files = 0;

        for (size_t i = 0; i < removals->n; i++) {
                const Removal *removal = &removals->items[i];

                if (!removal->removed)
                        continue;
                event_backup_removed(job, removal->manifest, retention_reason_text(removal->reason));
                files[n_files++] = removal->manifest->file;
        }
        collection_drop(job->manager, files, n_files);
}
