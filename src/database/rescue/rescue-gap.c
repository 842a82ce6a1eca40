/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Filling a table: its rows that can be read, the gaps between them, and the backup's rows for these. */

#include <string.h>

#include "database/rescue/rescue-table.h"
#include "database/rescue/salvage-record.h"

static const char doing[] = "Rescuing a table";

static int copy_record(const unsigned char *record, uint64_t n_bytes, unsigned char **ret, Fault *fault)
{
        unsigned char *copy = malloc(n_bytes + 1);

        if (!copy)
                return fault_set_errno(fault, ENOMEM, doing);
        memcpy(copy, record, n_bytes);
        free(*ret);
        *ret = copy;
        return 0;
}

static int add_gap(RescueTask *task, const RescueGap *gap, Fault *fault)
{
        RescueGap *gaps = reallocarray(task->gaps, task->n_gaps + 1, sizeof *gaps);

        if (!gaps)
                return fault_set_errno(fault, ENOMEM, doing);
        task->gaps = gaps;
        gaps[task->n_gaps++] = *gap;
        return 0;
}

static int open_gap(RescueTask *task, bool is_below, Fault *fault)
{
        RescueGap gap = {.has_low = task->has_last, .low = task->last_rowid};
        int r;

        if (!task->gap_is_open) {
                if (task->without_rowid && task->has_last) {
                        r = copy_record(task->last_record, task->n_last_bytes, &gap.low_record, fault);
                        if (r < 0)
                                return r;
                        gap.n_low_bytes = task->n_last_bytes;
                }
                r = add_gap(task, &gap, fault);
                if (r < 0) {
                        free(gap.low_record);
                        return r;
                }
                task->gap_is_open = true;
        }
        if (is_below)
                task->gaps[task->n_gaps - 1].n_pages++;
        else
                task->gaps[task->n_gaps - 1].n_rows++;
        return 0;
}

static int close_gap(RescueTask *task, const SalvageEntry *entry, Fault *fault)
{
        RescueGap *gap;

        if (!task->gap_is_open)
                return 0;
        gap = task->gaps + task->n_gaps - 1;
        task->gap_is_open = false;
        gap->has_high = true;
        gap->high = entry->rowid;
        gap->n_high_bytes = entry->n_bytes;
        return task->without_rowid ? copy_record(entry->record, entry->n_bytes, &gap->high_record, fault)
                                   : 0;
}

static int note_last(RescueTask *task, const SalvageEntry *entry, Fault *fault)
{
        task->has_last = true;
        task->last_rowid = entry->rowid;
        if (!task->without_rowid)
                return 0;
        task->n_last_bytes = entry->n_bytes;
        return copy_record(entry->record, entry->n_bytes, &task->last_record, fault);
}

static int take(RescueTask *task, const SalvageEntry *entry, Fault *fault)
{
        unsigned n_fields = salvage_record_count(entry->record, entry->n_bytes);

        /* Without its whole key a row of such a table is none. */
        if (task->without_rowid && n_fields < task->n_keys)
                return open_gap(task, false, fault);
        task->n_live++;
        task->n_live_bytes += entry->n_bytes;
        return rescue_task_insert(task, entry, n_fields, fault);
}

static int on_entry(void *userdata, const SalvageEntry *entry, Fault *fault)
{
        RescueGap point = {.has_low = true, .has_high = true, .n_rows = 1};
        RescueTask *task = userdata;
        int r;

        if (entry->what == SALVAGE_GAP)
                return open_gap(task, entry->is_below, fault);
        r = close_gap(task, entry, fault);
        if (r >= 0 && entry->what == SALVAGE_ENTRY)
                r = take(task, entry, fault);
        else if (r >= 0) {
                point.low = entry->rowid == INT64_MIN ? INT64_MIN : entry->rowid - 1;
                point.high = entry->rowid == INT64_MAX ? INT64_MAX : entry->rowid + 1;
                r = add_gap(task, &point, fault);
        }
        return r < 0 ? r : note_last(task, entry, fault);
}

int rescue_task_read(RescueTask *task, Fault *fault)
{
        int r = rescue_execute(task->target, fault, "DELETE FROM \"%w\".\"%w\"", task->schema, task->name);

        return r < 0 ? r : salvage_tree_read(task->file, &task->tree, on_entry, task, fault);
}

int rescue_task_forget(RescueTask *task, Fault *fault)
{
        const RescueGap everything = {.n_pages = 1};
        int r;

        for (size_t i = 0; i < task->n_gaps; i++) {
                free(task->gaps[i].low_record);
                free(task->gaps[i].high_record);
        }
        task->n_gaps = 0;
        task->n_live = task->n_live_bytes = task->n_refused = 0;
        r = add_gap(task, &everything, fault);
        return r < 0 ? r
                     : rescue_execute(task->target,
                                       fault,
                                       "DELETE FROM \"%w\".\"%w\"",
                                       task->schema,
                                       task->name);
}

static bool contains(const RescueGap *gap, int64_t first, int64_t last)
{
        return gap->n_pages > 0 && (!gap->has_low || first > gap->low) &&
               (!gap->has_high || last < gap->high);
}

bool rescue_task_has_gap(const RescueTask *task, int64_t first, int64_t last)
{
        for (size_t i = 0; !task->without_rowid && i < task->n_gaps; i++)
                if (contains(task->gaps + i, first, last))
                        return true;
        return false;
}

static int adopt_entry(void *userdata, const SalvageEntry *entry, Fault *fault)
{
        RescueTask *task = userdata;

        return entry->what == SALVAGE_ENTRY ? take(task, entry, fault) : 0;
}

int rescue_task_adopt(RescueTask *task, uint32_t page, int64_t first, int64_t last, Fault *fault)
{
        for (size_t i = 0; i < task->n_gaps; i++) {
                RescueGap above;
                int r;

                if (!contains(task->gaps + i, first, last))
                        continue;
                above = task->gaps[i];
                above.has_low = true;
                above.low = last;
                r = add_gap(task, &above, fault);
                if (r < 0)
                        return r;
                task->gaps[i].has_high = true;
                task->gaps[i].high = first;
                return salvage_leaf_read(task->file, page, task->n_fields, adopt_entry, task, fault);
        }
        return 0;
}

char *rescue_task_common_columns(const RescueTask *task)
{
        sqlite3_str *text = sqlite3_str_new(NULL);
        const char *comma = "";

        if (!task->without_rowid && task->rowid_column) {
                sqlite3_str_appendall(text, task->rowid_column);
                comma = ",";
        }
        for (unsigned i = 0; i < task->n_fields; i++) {
                _cleanup_(statement_finalizep) sqlite3_stmt *statement = NULL;
                char *sql;

                if (!task->columns[i])
                        continue;
                /* Not by the pragma, which knows nothing of sqlite_schema; and a quoted word alone that is
                 * no column is a text. */
                sql = sqlite3_mprintf(
                                "SELECT b.%s FROM backup.\"%w\" b", task->columns[i], task->backup_name);
                if (sql && sqlite3_prepare_v2(task->target->handle, sql, -1, &statement, NULL) ==
                                                SQLITE_OK) {
                        sqlite3_str_appendf(text, "%s%s", comma, task->columns[i]);
                        comma = ",";
                }
                sqlite3_free(sql);
        }
        return sqlite3_str_finish(text);
}

/* The key lies on one side of the record that is bound from the parameter `first` on. */
static void append_side(sqlite3_str *text, const RescueTask *task, unsigned first, bool is_low)
{
        sqlite3_str_appendall(text, " AND (");
        for (unsigned i = 0; i < task->n_keys; i++) {
                sqlite3_str_appendall(text, i > 0 ? " OR (" : "(");
                for (unsigned j = 0; j < i; j++)
                        sqlite3_str_appendf(text, "%s=?%u AND ", task->keys[j], first + j);
                sqlite3_str_appendf(text,
                                "%s%s?%u)",
                                task->keys[i],
                                is_low != task->descending[i] ? ">" : "<",
                                first + i);
        }
        sqlite3_str_appendall(text, ")");
}

static char *gap_condition(const RescueTask *task, const RescueGap *gap)
{
        sqlite3_str *text = sqlite3_str_new(NULL);

        if (!task->without_rowid) {
                if (gap->has_low)
                        sqlite3_str_appendf(text, " AND %s>%lld", task->rowid_column, (long long) gap->low);
                if (gap->has_high)
                        sqlite3_str_appendf(text, " AND %s<%lld", task->rowid_column, (long long) gap->high);
        } else {
                if (gap->has_low)
                        append_side(text, task, 1, true);
                if (gap->has_high)
                        append_side(text, task, task->n_keys + 1, false);
        }
        sqlite3_str_appendall(text, "");
        return sqlite3_str_finish(text);
}

static int bind_key(RescueTask *task,
                sqlite3_stmt *statement,
                unsigned first,
                const unsigned char *record,
                uint64_t n_bytes)
{
        _cleanup_free_ int *parameters = calloc(task->n_keys + UINT64_C(1), sizeof *parameters);

        if (!parameters)
                return SQLITE_NOMEM;
        for (unsigned i = 0; i < task->n_keys; i++)
                parameters[i] = (int) (first + i);
        return salvage_record_bind(
                        statement, parameters, task->n_keys, task->file->encoding, record, n_bytes);
}

static int run_in_gap(RescueTask *task, const RescueGap *gap, const char *sql, Fault *fault)
{
        _cleanup_(statement_finalizep) sqlite3_stmt *statement = NULL;
        int code = SQLITE_OK, r = connection_prepare(task->target, sql, &statement, fault);

        if (r < 0)
                return r;
        if (gap->low_record)
                code = bind_key(task, statement, 1, gap->low_record, gap->n_low_bytes);
        if (code == SQLITE_OK && gap->high_record)
                code = bind_key(task, statement, task->n_keys + 1, gap->high_record, gap->n_high_bytes);
        if (code == SQLITE_OK)
                code = sqlite3_step(statement);
        return code == SQLITE_DONE ? 0 : connection_fault(task->target, code, fault, doing);
}

int rescue_task_close_gaps(RescueTask *task, bool listed, Fault *fault)
{
        char *columns;
        int r = 0;

        /* Where no rowid can be written, nobody could tell which row is which. */
        if (task->n_gaps == 0 || !task->backup_name || (!task->without_rowid && !task->rowid_column))
                return 0;
        columns = rescue_task_common_columns(task);
        for (size_t i = 0; r >= 0 && i < task->n_gaps; i++) {
                char *condition = gap_condition(task, task->gaps + i), *sql = NULL;

                if (columns && condition)
                        sql = sqlite3_mprintf("INSERT OR IGNORE INTO \"%w\".\"%w\"(%s) SELECT %s FROM"
                                              " backup.\"%w\" b WHERE true%s%s%s",
                                        task->schema,
                                        task->name,
                                        columns,
                                        columns,
                                        task->backup_name,
                                        condition,
                                        listed ? " AND EXISTS (SELECT 1 FROM temp.rescue_ids i WHERE i.id=b."
                                               : "",
                                        listed ? task->rowid_column : "");
                if (sql && listed)
                        sql = sqlite3_mprintf("%z)", sql);
                r = sql ? run_in_gap(task, task->gaps + i, sql, fault)
                        : fault_set_errno(fault, ENOMEM, doing);
                if (r >= 0)
                        task->n_kept += (uint64_t) sqlite3_changes64(task->target->handle);
                sqlite3_free(sql);
                sqlite3_free(condition);
        }
        sqlite3_free(columns);
        return r;
}
