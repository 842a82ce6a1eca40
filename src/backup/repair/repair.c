/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup/repair/repair.h"

#include <string.h>

#include "backup/quarantine/quarantine.h"
#include "backup/quarantine/rescue-record.h"
#include "backup/repair/repair-by-copy.h"
#include "backup/repair/repair-intent.h"
#include "backup/restore/restore.h"
#include "base/clock.h"
#include "base/test-hook.h"
#include "database/check/damaged-indexes.h"
#include "database/connection/placement.h"

#define FREE_PAGES_OBJECT "the free pages"
#define PAGES_OBJECT "the pages of indexes"

void repair_outcome_done(RepairOutcome *outcome)
{
        string_list_free(outcome->objects);
        free(outcome->quarantine);
        fault_done(&outcome->left);
        check_result_done(&outcome->check);
        remedies_done(&outcome->remedies);
        *outcome = (RepairOutcome){0};
}

static int find(const RepairRequest *request, Progress *progress, DamagedIndexes *ret, Fault *fault)
{
        _cleanup_(connection_closep) Connection *connection = NULL;
        int r;

        progress_begin(progress, "looking for what is damaged", 0);
        r = connection_open(request->database_path, CONNECTION_READ, progress, &connection, fault);
        return r < 0 ? r : damaged_indexes_find(connection, ret, fault);
}

static bool wants_free_pages(const RepairRequest *request, const DamagedIndexes *damaged)
{
        return request->free_pages || damaged->free_pages;
}

/* What is damaged, for people. -ENOMEM. */
static int list_objects(const RepairRequest *request, const DamagedIndexes *damaged, char ***ret)
{
        _cleanup_(string_list_freep) char **objects = calloc(damaged->n_items + 3, sizeof *objects);
        size_t n = 0;

        if (!objects)
                return -ENOMEM;
        for (size_t i = 0; i < damaged->n_items; i++)
                if (!(objects[n++] = damaged_index_describe(damaged->items + i)))
                        return -ENOMEM;
        if (wants_free_pages(request, damaged) && !(objects[n++] = strdup(FREE_PAGES_OBJECT)))
                return -ENOMEM;
        if (damaged->structural && !(objects[n++] = strdup(PAGES_OBJECT)))
                return -ENOMEM;
        *ret = TAKE_PTR(objects);
        return 0;
}

/* What an attempt that was cut off has saved is what is there still. */
static void drop_older_intent(const RepairRequest *request, Remedy *intent)
{
        if (intent->usec > 0 && intent->quarantine)
                (void) quarantine_remove(intent->quarantine, request->database_path, NULL);
        (void) repair_intent_remove(request->state_directory_path, NULL);
}

static int require_new_cause(const RepairRequest *request, char *const *objects, Fault *fault)
{
        _cleanup_(remedies_done) Remedies remedies = {0};
        _cleanup_(remedy_done) Remedy intent = {0};

        (void) remedies_load(request->state_directory_path, &remedies, NULL);
        repair_intent_load(request->state_directory_path, &intent);
        switch (repair_decide(&remedies, &intent, objects, request->now_usec)) {
        case REPAIR_AGAIN:
                return fault_set(fault,
                                FAULT_FAILED,
                                "%s was repaired before and is damaged again (%s): nothing is done by "
                                "itself "
                                "any more. Another version of SQLite, an application's own collation, the "
                                "disk or the memory may be the cause; run `oracxpredctl acknowledge` when "
                                "it "
                                "is found",
                                request->database_path,
                                objects[0]);
        case REPAIR_IN_VAIN:
                return fault_set(fault,
                                FAULT_FAILED,
                                "A repair of %s (%s) was tried, and did not help; no row is lost, and "
                                "nothing "
                                "is done by itself. `REINDEX` by the application's own SQLite, or "
                                "`oracxpredctl restore`, may",
                                request->database_path,
                                objects[0]);
        default:
                drop_older_intent(request, &intent);
                return 0;
        }
}

/* One that makes indexes anew, one transaction after the other. */
typedef struct Rebuild {
        const RepairRequest *request;
        Progress *progress;
        QuarantineFiles files; /* closed after the connection: closing them drops its locks */
        Connection *connection;
        RepairOutcome *outcome;
        size_t n_done;
} Rebuild;

static void rebuild_done(Rebuild *rebuild)
{
        rebuild->connection = connection_close(rebuild->connection);
        quarantine_files_close(&rebuild->files);
}

static int save(Rebuild *rebuild, char *const *objects, Fault *fault)
{
        const RepairRequest *request = rebuild->request;
        RepairOutcome *outcome = rebuild->outcome;
        Remedy intent = {.usec = request->now_usec, .kind = REMEDY_REPAIRED, .objects = (char **) objects};
        int r = quarantine_files_open(request->database_path, &rebuild->files, fault);

        if (r >= 0) {
                progress_begin(rebuild->progress, "saving", quarantine_files_bytes(&rebuild->files));
                r = quarantine_copy(&rebuild->files,
                                request->database_path,
                                request->quarantine_path,
                                request->now_usec,
                                rebuild->progress,
                                &outcome->quarantine,
                                fault);
        }
        if (r < 0)
                return r;
        TEST_POINT("repair-saved");
        intent.quarantine = outcome->quarantine;
        r = repair_intent_store(request->state_directory_path, &intent, fault);
        TEST_POINT("repair-recorded");
        return r;
}

static int rebuild_in_transaction(
                Rebuild *rebuild, const DamagedIndex *damaged, char *const *objects, Fault *fault)
{
        int r = rebuild->outcome->quarantine ? 0 : save(rebuild, objects, fault);

        if (r >= 0)
                r = progress_check(rebuild->progress, fault);
        if (r < 0)
                return r;
        progress_begin(rebuild->progress, "making an index anew", 0);
        r = damaged_index_rebuild(rebuild->connection, damaged, fault);
        TEST_POINT("repair-rebuilt");
        return r;
}

static int note_done(Rebuild *rebuild, const DamagedIndex *damaged)
{
        char **larger = reallocarray(rebuild->outcome->objects, rebuild->n_done + 2, sizeof *larger);

        if (!larger)
                return -ENOMEM;
        rebuild->outcome->objects = larger;
        larger[rebuild->n_done + 1] = NULL;
        larger[rebuild->n_done] = damaged_index_describe(damaged);
        return larger[rebuild->n_done++] ? 0 : -ENOMEM;
}

static int rebuild_one(Rebuild *rebuild, const DamagedIndex *damaged, char *const *objects, Fault *fault)
{
        uint64_t locked_usec;
        int r = connection_execute(rebuild->connection, "BEGIN IMMEDIATE", fault);

        if (r < 0)
                return r;
        TEST_POINT("repair-locked");
        locked_usec = clock_monotonic_usec();
        r = rebuild_in_transaction(rebuild, damaged, objects, fault);
        if (r >= 0)
                r = connection_execute(rebuild->connection, "COMMIT", fault);
        if (r < 0)
                (void) connection_execute(rebuild->connection, "ROLLBACK", NULL);
        rebuild->outcome->held_usec =
                        MAX_OF(rebuild->outcome->held_usec, clock_monotonic_usec() - locked_usec);
        if (r < 0)
                return r;
        TEST_POINT("repair-committed");
        r = note_done(rebuild, damaged);
        return r < 0 ? fault_set_errno(fault, r, "Repairing %s", rebuild->request->database_path) : 0;
}

/* What stands against one index does not keep the others from being made anew. */
static int rebuild_all(Rebuild *rebuild, const DamagedIndexes *damaged, char *const *objects, Fault *fault)
{
        int r = connection_open(rebuild->request->database_path,
                        CONNECTION_WRITE,
                        rebuild->progress,
                        &rebuild->connection,
                        fault);

        if (r < 0)
                return r;
        rebuild->connection->busy_bound_usec = rebuild->request->busy_bound_usec;
        for (size_t i = 0; i < damaged->n_items; i++) {
                _cleanup_fault_ Fault met = {0};

                r = rebuild_one(rebuild, damaged->items + i, objects, &met);
                if (r < 0 && met.code == FAULT_FAILED && rebuild->outcome->left.code == FAULT_NONE) {
                        fault_move(&rebuild->outcome->left, &met);
                        continue;
                }
                if (r < 0 && met.code != FAULT_FAILED) {
                        fault_move(fault, &met);
                        return r;
                }
        }
        return 0;
}

static int rebuild_indexes(const RepairRequest *request,
                const DamagedIndexes *damaged,
                char *const *objects,
                Progress *progress,
                RepairOutcome *outcome,
                bool *ret_changed,
                Fault *fault)
{
        _cleanup_(rebuild_done) Rebuild rebuild = {.request = request,
                        .progress = progress,
                        .files = QUARANTINE_FILES_NONE,
                        .outcome = outcome};
        int r = rebuild_all(&rebuild, damaged, objects, fault);

        *ret_changed = rebuild.n_done > 0;
        return r;
}

/* Nothing has changed: what was saved is what is there. */
static void forget(const RepairRequest *request, RepairOutcome *outcome)
{
        if (outcome->quarantine)
                (void) quarantine_remove(outcome->quarantine, request->database_path, NULL);
        free(TAKE_PTR(outcome->quarantine));
        (void) repair_intent_remove(request->state_directory_path, NULL);
}

/* What did not help is not tried again; what stands against it is told, and may be over the next time. */
static int tell(const RepairRequest *request, char *const *objects, RepairOutcome *outcome, Fault *fault)
{
        Remedy remedy = {.usec = request->now_usec,
                        .kind = REMEDY_REPAIRED,
                        .quarantine = outcome->quarantine,
                        .objects = outcome->objects};
        int r;

        if (!outcome->check.healthy && outcome->left.code == FAULT_NONE) {
                remedy.objects = (char **) objects;
                remedy.acknowledged = true;
                return repair_intent_store(request->state_directory_path, &remedy, fault);
        }
        r = remedy_append(request->state_directory_path, &remedy, &outcome->remedies, fault);
        TEST_POINT("repair-told");
        if (r >= 0)
                (void) repair_intent_remove(request->state_directory_path, NULL);
        return r;
}

static int change(const RepairRequest *request,
                const DamagedIndexes *damaged,
                char *const *objects,
                Progress *progress,
                RepairOutcome *outcome,
                bool *ret_changed,
                Fault *fault)
{
        *ret_changed = false;
        if (!objects[0])
                return 0;
        if (wants_free_pages(request, damaged) || damaged->structural)
                return repair_by_copy(request, damaged, objects, progress, outcome, ret_changed, fault);
        return rebuild_indexes(request, damaged, objects, progress, outcome, ret_changed, fault);
}

static int repair(const RepairRequest *request, Progress *progress, RepairOutcome *outcome, Fault *fault)
{
        _cleanup_(damaged_indexes_done) DamagedIndexes damaged = {0};
        _cleanup_(string_list_freep) char **objects = NULL;
        bool changed = false;
        int r = find(request, progress, &damaged, fault);

        if (r < 0)
                return r;
        r = list_objects(request, &damaged, &objects);
        if (r < 0)
                return fault_set_errno(fault, r, "Repairing %s", request->database_path);
        r = require_new_cause(request, objects, fault);
        if (r >= 0)
                r = change(request, &damaged, objects, progress, outcome, &changed, fault);
        if (r < 0 && changed)
                return r;
        if (!changed)
                forget(request, outcome);
        if (r < 0)
                return r;
        progress_begin(progress, "checking", 0);
        r = check_run_twice(request->database_path,
                        CONNECTION_READ,
                        CHECK_FULL,
                        1,
                        progress,
                        &outcome->check,
                        fault);
        TEST_POINT("repair-checked");
        return r >= 0 && changed ? tell(request, objects, outcome, fault) : r;
}

/* What was saved first has every row that the database has: nothing lies there alone. */
static void mark_spent(const RepairRequest *request, const RepairOutcome *outcome)
{
        const RescueRecord record = {
                        .source = (char *) "", .usec = request->now_usec, .report.schema_sound = true};

        if (outcome->quarantine && outcome->check.healthy)
                (void) rescue_record_store(outcome->quarantine, &record, NULL);
}

int repair_database(const RepairRequest *asked, Progress *progress, RepairOutcome *ret, Fault *fault)
{
        _cleanup_(repair_outcome_done) RepairOutcome outcome = {0};
        uint64_t begun_usec = clock_monotonic_usec();
        RepairRequest request = *asked;
        int r;

        if (request.busy_bound_usec == 0)
                request.busy_bound_usec = RESTORE_BUSY_BOUND_USEC;
        /* A link or a second name of the file, a network file system: its locks hold for nobody. */
        r = placement_check(request.database_path, fault);
        if (r >= 0)
                r = repair(&request, progress, &outcome, fault);
        if (r < 0)
                return r;
        mark_spent(&request, &outcome);
        outcome.duration_usec = clock_monotonic_usec() - begun_usec;
        *ret = outcome;
        outcome = (RepairOutcome){0};
        return 0;
}
