/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup/restore/restore-plan.h"

#include <string.h>
#include <sys/stat.h>

#include "backup/quarantine/quarantine.h"
#include "base/utf8.h"
#include "database/connection/placement.h"

void restore_plan_done(RestorePlan *plan)
{
        for (size_t i = 0; i < plan->n_tables; i++)
                free(plan->tables[i].name);
        free(plan->tables);
        free(plan->backup);
        free(plan->current_problem);
        free(plan->verification_fault);
        free(plan->saves_as);
        free(plan->quarantine);
        open_files_done(&plan->open_files);
        *plan = (RestorePlan){0};
}

static int out_of_memory(Fault *fault)
{
        return fault_set_errno(fault, ENOMEM, "Planning a restore");
}

/* Appends the counts of one side; merge_tables() brings the two sides together. */
static int add_tables(RestorePlan *plan, const TableCount *tables, size_t n_tables, bool now)
{
        RestorePlanTable *grown = reallocarray(plan->tables, plan->n_tables + n_tables + 1, sizeof *grown);

        if (!grown)
                return -ENOMEM;
        plan->tables = grown;
        for (size_t i = 0; i < n_tables; i++) {
                RestorePlanTable table = {.name = strdup(tables[i].name), .now_known = now};

                if (!table.name)
                        return -ENOMEM;
                /* As manifests spell the names, so that the two sides meet. */
                utf8_make_valid(table.name);
                table.then_known = !now;
                *(now ? &table.rows_now : &table.rows_then) = tables[i].rows;
                grown[plan->n_tables++] = table;
        }
        return 0;
}

static int compare_tables(const void *one, const void *other)
{
        const RestorePlanTable *a = one, *b = other;
        int r = strcmp(a->name, b->name);

        return r != 0 ? r : a->now_known - b->now_known;
}

/* Makes one entry, in the order of names, of each table's two counts. A side that was counted at all, and
 * lacks a table, has no rows of it: they would all be lost, or come back. */
static void merge_tables(RestorePlan *plan, bool now_known, bool then_known)
{
        size_t n = 0;

        if (plan->n_tables == 0)
                return;
        qsort(plan->tables, plan->n_tables, sizeof *plan->tables, compare_tables);
        for (size_t i = 0; i < plan->n_tables; i++) {
                RestorePlanTable *table = plan->tables + i, *last = n > 0 ? plan->tables + n - 1 : NULL;

                if (!last || last->now_known || !table->now_known || strcmp(last->name, table->name) != 0) {
                        plan->tables[n++] = *table;
                        continue;
                }
                last->now_known = true;
                last->rows_now = table->rows_now;
                free(table->name);
        }
        plan->n_tables = n;
        for (size_t i = 0; i < n; i++) {
                plan->tables[i].now_known = now_known;
                plan->tables[i].then_known = then_known;
        }
}

static uint64_t bytes_of_files(const char *path)
{
        uint64_t bytes = 0;

        for (size_t i = 0; i < QUARANTINE_N_FILES; i++) {
                _cleanup_free_ char *name = NULL;
                struct stat status;

                if (asprintf(&name, "%s%s", path, quarantine_suffixes[i]) < 0) {
                        name = NULL;
                        continue;
                }
                if (stat(name, &status) == 0)
                        bytes += (uint64_t) status.st_size;
        }
        return bytes;
}

/* What can be said of the database as it is now; that it can't be read is an answer, too. */
static int look_at_current(const RestoreRequest *request,
                Progress *progress,
                RestorePlan *plan,
                bool *ret_in_place,
                Fault *fault)
{
        _cleanup_(connection_closep) Connection *connection = NULL;
        _cleanup_(statistics_done) Statistics statistics = {0};
        _cleanup_fault_ Fault met = {0};
        uint64_t page_size_bytes = request->source ? request->source->page_size_bytes : 0;
        int r = connection_open(request->database_path, CONNECTION_READ, progress, &connection, &met);

        *ret_in_place = r >= 0 || (met.code != FAULT_CORRUPT && met.code != FAULT_NOT_A_DATABASE &&
                                                  met.code != FAULT_CANNOT_OPEN);
        if (r >= 0)
                r = statistics_collect(connection, &statistics, &met);
        if (r < 0 && met.code == FAULT_CANCELLED) {
                if (fault)
                        fault_move(fault, &met);
                return r;
        }
        if (r < 0) {
                plan->current_problem = TAKE_PTR(met.message);
                return 0;
        }
        plan->current_readable = true;
        if (page_size_bytes > 0 && page_size_bytes != statistics.page_size_bytes &&
                        strcmp(statistics.journal_mode, "wal") == 0)
                *ret_in_place = false;
        r = add_tables(plan, statistics.tables, statistics.n_tables, true);
        return r < 0 ? out_of_memory(fault) : 0;
}

static int choose_method(const RestoreRequest *request, Progress *progress, RestorePlan *plan, Fault *fault)
{
        bool has_units = request->control && request->control->has_units, in_place = false;
        struct stat status;
        int r = open_files_find(request->database_path, &plan->open_files, fault);

        if (r < 0)
                return r;
        /* SQLite would take an empty file for an empty database, and delete the -wal beside it. */
        if (stat(request->database_path, &status) < 0)
                plan->current_problem = strdup("There is no database");
        else if (status.st_size <= PLACEMENT_NOTHING_BYTES)
                plan->current_problem = strdup("The database file is empty");
        else {
                r = look_at_current(request, progress, plan, &in_place, fault);
                if (r < 0)
                        return r;
        }
        if (!plan->current_readable && !plan->current_problem)
                return out_of_memory(fault);
        for (size_t i = 0; i < plan->open_files.n_holders; i++)
                in_place = in_place && !plan->open_files.holders[i].on_replaced_file;
        in_place = in_place && !request->replaced;

        plan->method = in_place ? RESTORE_IN_PLACE : RESTORE_REPLACE;
        plan->stops_units = !in_place && has_units;
        plan->refused_in_use = !in_place && !has_units && !request->force && plan->open_files.n_holders > 0;
        return 0;
}

static int describe_source(
                const RestoreRequest *request, RestorePlan *plan, uint64_t *ret_bytes, Fault *fault)
{
        const Manifest *manifest = request->source;
        const char *slash = strrchr(request->database_path, '/');
        _cleanup_free_ char *path = NULL;

        if (manifest) {
                plan->backup = strdup(manifest->name);
                plan->created_usec = manifest->created_usec;
                plan->verified_usec = manifest->verified_usec;
                plan->verification_fault =
                                manifest->verification_fault ? strdup(manifest->verification_fault) : NULL;
                *ret_bytes = MAX_OF(manifest->database_bytes, manifest->stored_bytes);
                if (!plan->backup || (manifest->verification_fault && !plan->verification_fault) ||
                                add_tables(plan, manifest->tables, manifest->n_tables, false) < 0)
                        return out_of_memory(fault);
        } else {
                struct stat status;

                plan->backup = strdup(request->source_quarantine);
                if (!plan->backup || asprintf(&path,
                                                     "%s/%s",
                                                     request->source_quarantine,
                                                     slash ? slash + 1 : request->database_path) < 0) {
                        path = NULL;
                        return out_of_memory(fault);
                }
                if (stat(path, &status) < 0)
                        return fault_set(fault, FAULT_NOT_FOUND, "There is no %s to bring back", path);
                plan->created_usec = (uint64_t) status.st_mtim.tv_sec * USEC_PER_SEC;
                *ret_bytes = bytes_of_files(path);
        }
        if (plan->created_usec < request->now_usec)
                plan->age_usec = request->now_usec - plan->created_usec;
        return 0;
}

int restore_plan(const RestoreRequest *request, Progress *progress, RestorePlan *ret, Fault *fault)
{
        _cleanup_(restore_plan_done) RestorePlan plan = {0};
        uint64_t source_bytes = 0, current_bytes = bytes_of_files(request->database_path);
        DiskSpace space;
        int r;

        progress_begin(progress, "looking", 0);
        r = describe_source(request, &plan, &source_bytes, fault);
        if (r >= 0)
                r = choose_method(request, progress, &plan, fault);
        if (r >= 0)
                r = placement_disk_space(request->directory_path, &space, fault);
        if (r < 0)
                return r;
        /* The proved copy, what is saved, and the new pages in the -wal (or the new file). */
        plan.needed_bytes = source_bytes + current_bytes + source_bytes;
        plan.free_bytes = space.free_bytes;
        if (plan.current_readable)
                plan.saves_as = strdup(request->pre_restore_name);
        if (current_bytes > 0 && (!plan.current_readable || plan.method == RESTORE_REPLACE))
                plan.quarantine = strdup(request->quarantine_path);
        if ((plan.current_readable && !plan.saves_as) ||
                        (current_bytes > 0 && !plan.current_readable && !plan.quarantine))
                return out_of_memory(fault);
        merge_tables(&plan, plan.current_readable, request->source && request->source->n_tables > 0);
        *ret = plan;
        plan = (RestorePlan){0};
        return 0;
}
