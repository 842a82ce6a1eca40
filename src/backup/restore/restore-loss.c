/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup/restore/restore-loss.h"

#include <string.h>
#include <sys/stat.h>

#include "backup/restore/restore-record.h"
#include "base/test-hook.h"
#include "database/connection/placement.h"

/* To SQLite that is an empty database, and it deletes the -wal beside it, which may have the only rows left.
 */
static bool is_nothing(const char *path)
{
        struct stat status;

        return stat(path, &status) < 0 || status.st_size <= PLACEMENT_NOTHING_BYTES;
}

/* Opening a database with a journal beside it would roll it back, and what lies in the quarantine stays as
 * it was found. */
static bool has_journal(const char *path)
{
        _cleanup_free_ char *journal = NULL;
        struct stat status;

        if (asprintf(&journal, "%s-journal", path) < 0) {
                journal = NULL;
                return true;
        }
        return stat(journal, &status) == 0 && status.st_size > 0;
}

static int count_quarantine(const char *quarantine,
                const char *database_path,
                Progress *progress,
                SurvivingRows *ret,
                Fault *fault)
{
        const char *slash = strrchr(database_path, '/');
        _cleanup_free_ char *path = NULL;

        if (asprintf(&path, "%s/%s", quarantine, slash ? slash + 1 : database_path) < 0) {
                path = NULL;
                return fault_set_errno(fault, ENOMEM, "Counting rows");
        }
        if (is_nothing(path) || has_journal(path))
                return fault_set(fault, FAULT_NOT_SUPPORTED, "%s is empty, or has a journal", path);
        return surviving_rows_count(path, progress, ret, fault);
}

/* What was replaced was sound, and was counted when it became a backup. */
static int take_counts(const TableCount *tables, size_t n_tables, SurvivingRows *ret)
{
        SurvivingRows survivors = {.is_whole = true};

        survivors.tables = n_tables > 0 ? calloc(n_tables, sizeof *survivors.tables) : NULL;
        for (size_t i = 0; survivors.tables && i < n_tables; i++) {
                SurvivingTable *table = survivors.tables + survivors.n_tables;

                *table = (SurvivingTable){
                                .name = strdup(tables[i].name), .rows = tables[i].rows, .is_whole = true};
                if (!table->name)
                        break;
                survivors.n_tables++;
        }
        if (survivors.n_tables < n_tables) {
                surviving_rows_done(&survivors);
                return -ENOMEM;
        }
        *ret = survivors;
        return 0;
}

/* A rescue has counted row by row. */
static int take_report(const RescueReport *report, TableLosses *ret)
{
        _cleanup_(table_losses_done) TableLosses losses = {0};

        for (size_t i = 0; i < report->n_tables; i++) {
                const RescueTable *table = report->tables + i;
                const TableLoss loss = {
                                .table = table->name,
                                .lost = table->rows_lost + table->rows_unknown,
                                .rescued = table->rows_rescued,
                                .certainty = table->rows_unknown > 0 ? LOSS_ESTIMATED
                                             : table->rows_lost > 0  ? LOSS_COUNTED
                                                                     : LOSS_UNKNOWN,
                };

                if (loss.lost == 0 && !table->unreadable)
                        continue;
                if (table_losses_merge(&losses, &loss) < 0)
                        return -ENOMEM;
        }
        table_losses_sort(&losses);
        *ret = losses;
        losses = (TableLosses){0};
        return 0;
}

static int measure(const RestoreRequest *request,
                const RestoreOutcome *outcome,
                const TableCount *now,
                size_t n_now,
                Progress *progress,
                TableLosses *ret)
{
        _cleanup_(surviving_rows_done) SurvivingRows survivors = {0};
        const Manifest *pre_restore = outcome->pre_restore;
        int r = -ENOENT;

        if (outcome->rescued)
                return take_report(&outcome->rescue, ret);
        progress_begin(progress, "counting what was lost", 0);
        if (pre_restore)
                r = take_counts(pre_restore->tables, pre_restore->n_tables, &survivors);
        else if (outcome->quarantine)
                r = count_quarantine(
                                outcome->quarantine, request->database_path, progress, &survivors, NULL);
        return table_losses_compare(r >= 0 ? &survivors : NULL,
                        request->known_tables,
                        request->n_known_tables,
                        now,
                        n_now,
                        ret);
}

static int note_told(const char *state_directory_path, Fault *fault)
{
        _cleanup_(restore_record_done) RestoreRecord record = {0};
        int r = restore_record_load(state_directory_path, &record, fault);

        if (r < 0)
                return r;
        record.untold = false;
        return restore_record_store(state_directory_path, &record, fault);
}

static int tell(const char *state_directory_path, const Remedy *remedy, Remedies *ret, Fault *fault)
{
        int r = remedy_append(state_directory_path, remedy, ret, fault);

        TEST_POINT("restore-told");
        /* Told once more after the next start, if this fails: better than not at all. */
        if (r >= 0)
                (void) note_told(state_directory_path, NULL);
        return r;
}

int restore_loss_tell(const RestoreRequest *request,
                const RestoreOutcome *outcome,
                const TableCount *now,
                size_t n_now,
                Progress *progress,
                Remedies *ret,
                Fault *fault)
{
        _cleanup_(table_losses_done) TableLosses losses = {0};
        Remedy remedy = {
                        .usec = request->now_usec,
                        .kind = REMEDY_RESTORED,
                        .source = request->source ? request->source->name : NULL,
                        .pre_restore = outcome->pre_restore ? outcome->pre_restore->name : NULL,
                        .quarantine = outcome->quarantine,
        };
        int r;

        if (!request->automatic)
                return 0;
        r = measure(request, outcome, now, n_now, progress, &losses);
        if (r < 0)
                return fault_set_errno(fault, r, "Counting what the restore has lost");
        remedy.losses = losses; /* borrowed */
        return tell(request->state_directory_path, &remedy, ret, fault);
}

/* What was cut off before its commit has changed nothing. */
static bool may_be_the_old_one(const RestoreRecord *record, const TableLosses *losses)
{
        return !record->finished && losses->n_items == 0;
}

static int measure_interrupted(const RestoreRecord *record,
                const char *database_path,
                Progress *progress,
                TableLosses *ret,
                Fault *fault)
{
        _cleanup_(connection_closep) Connection *connection = NULL;
        _cleanup_(surviving_rows_done) SurvivingRows survivors = {0};
        _cleanup_(statistics_done) Statistics statistics = {0};
        bool counted = false;
        int r;

        r = connection_open(database_path, CONNECTION_READ, progress, &connection, fault);
        if (r >= 0)
                r = statistics_collect(connection, &statistics, fault);
        if (r < 0)
                return r;
        if (record->quarantine)
                counted = count_quarantine(record->quarantine, database_path, progress, &survivors, NULL) >=
                          0;
        r = table_losses_compare(
                        counted ? &survivors : NULL, NULL, 0, statistics.tables, statistics.n_tables, ret);
        return r < 0 ? fault_set_errno(fault, r, "Counting what the restore has lost") : 0;
}

int restore_loss_tell_interrupted(const char *state_directory_path,
                const char *database_path,
                Progress *progress,
                Remedies *ret,
                Fault *fault)
{
        _cleanup_(restore_record_done) RestoreRecord record = {0};
        _cleanup_(table_losses_done) TableLosses losses = {0};
        Remedy remedy = {.kind = REMEDY_RESTORED};
        _cleanup_(remedies_done) Remedies told = {0};
        int r;

        /* Why it can't be read is told where the start-up loads it. */
        if (restore_record_load(state_directory_path, &record, NULL) < 0 || !record.untold)
                return 0;
        if (remedies_load(state_directory_path, &told, NULL) >= 0 &&
                        remedies_find(&told, REMEDY_RESTORED, record.restored_usec))
                return note_told(state_directory_path, fault);
        r = measure_interrupted(&record, database_path, progress, &losses, fault);
        if (r < 0)
                return r;
        if (may_be_the_old_one(&record, &losses))
                return note_told(state_directory_path, fault);
        remedy.usec = record.restored_usec;
        remedy.source = record.source;
        remedy.pre_restore = record.pre_restore;
        remedy.quarantine = record.quarantine;
        remedy.losses = losses; /* borrowed */
        return tell(state_directory_path, &remedy, ret, fault);
}
