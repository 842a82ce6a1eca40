/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a rescue saved and what it did not, in numbers. */

#include "database/rescue/rescue-report.h"

#include <string.h>

static const char doing[] = "Counting what was rescued";

void rescue_report_done(RescueReport *report)
{
        for (size_t i = 0; i < report->n_tables; i++)
                free(report->tables[i].name);
        free(report->tables);
        *report = (RescueReport){0};
}

uint64_t rescue_report_lost(const RescueReport *report)
{
        uint64_t n = 0;

        for (size_t i = 0; i < report->n_tables; i++)
                n += report->tables[i].rows_lost + report->tables[i].rows_unknown;
        return n;
}

uint64_t rescue_report_rescued(const RescueReport *report)
{
        uint64_t n = 0;

        for (size_t i = 0; i < report->n_tables; i++)
                n += report->tables[i].rows_rescued;
        return n;
}

uint64_t rescue_report_rows(const RescueReport *report)
{
        uint64_t n = 0;

        for (size_t i = 0; i < report->n_tables; i++)
                n += report->tables[i].rows;
        return n;
}

/* The condition that the rows `m` of the result and `b` of the backup have the same key. */
static char *same_key(const RescueTask *task)
{
        sqlite3_str *text;

        if (!task->without_rowid)
                return task->rowid_column
                                       ? sqlite3_mprintf("m.%s=b.%s", task->rowid_column, task->rowid_column)
                                       : NULL;
        text = sqlite3_str_new(NULL);
        for (unsigned i = 0; i < task->n_keys; i++)
                sqlite3_str_appendf(text,
                                "%sm.%s=b.%s",
                                i > 0 ? " AND " : "",
                                task->columns[i],
                                task->columns[i]);
        return sqlite3_str_finish(text);
}

/* New rows, and those that differ in a column that both have. */
static int count_rescued(const RescueTask *task, uint64_t *ret, Fault *fault)
{
        char *key = same_key(task), *common = task->backup_name ? rescue_task_common_columns(task) : NULL;
        sqlite3_str *different = sqlite3_str_new(NULL);
        char *different_text;
        int64_t n = 0;
        int r;

        for (unsigned i = 0; common && i < task->n_fields; i++)
                if (task->columns[i] && strstr(common, task->columns[i]))
                        sqlite3_str_appendf(different,
                                        " OR m.%s IS NOT b.%s",
                                        task->columns[i],
                                        task->columns[i]);
        sqlite3_str_appendall(different, "");
        different_text = sqlite3_str_finish(different);
        if (!task->backup_name || !key)
                r = rescue_query(task->target, &n, fault, "SELECT count(*) FROM main.\"%w\"", task->name);
        else
                r = rescue_query(task->target,
                                &n,
                                fault,
                                "SELECT count(*) FROM main.\"%w\" m LEFT JOIN backup.\"%w\" b ON %s WHERE "
                                "b.%s IS"
                                " NULL%s",
                                task->name,
                                task->backup_name,
                                key,
                                task->without_rowid ? task->columns[0] : task->rowid_column,
                                different_text ? different_text : "");
        sqlite3_free(different_text);
        sqlite3_free(common);
        sqlite3_free(key);
        *ret = (uint64_t) n;
        return r;
}

/* How many rows a page of this table holds, on average. */
static int rows_per_page(const RescueTask *task, double *ret, Fault *fault)
{
        double usable = (double) task->file->file.usable_bytes, bytes;
        int64_t n_bytes = 0;
        sqlite3_str *text;
        char *sum;
        int r;

        bytes = task->n_live > 0 ? (double) task->n_live_bytes / (double) task->n_live : 0;
        if (task->n_live == 0 && task->backup_name) {
                text = sqlite3_str_new(NULL);
                sqlite3_str_appendall(text, "0");
                for (unsigned i = 0; i < task->n_fields; i++)
                        if (task->columns[i])
                                sqlite3_str_appendf(text,
                                                "+ifnull(length(CAST(%s AS BLOB)),0)",
                                                task->columns[i]);
                sum = sqlite3_str_finish(text);
                r = rescue_query(task->target,
                                &n_bytes,
                                fault,
                                "SELECT ifnull(avg(%s), 0) FROM (SELECT * FROM main.\"%w\" LIMIT 1000)",
                                sum ? sum : "0",
                                task->name);
                sqlite3_free(sum);
                if (r < 0)
                        return r;
                bytes = (double) n_bytes;
        }
        /* The header of the record, the rowid and the pointer. */
        bytes += task->n_fields + 6.0;
        *ret = MAX_OF(usable / bytes, 1.0);
        return 0;
}

/* Highest rowid that the table ever had, where it remembers; else 0. */
static int highest_rowid(const RescueTask *task, int64_t *ret)
{
        *ret = 0;
        return rescue_query(task->target,
                        ret,
                        NULL,
                        "SELECT ifnull(max(seq), 0) FROM temp.rescue_sequence WHERE name=%Q",
                        task->name);
}

static int rows_in_gap(const RescueTask *task, const RescueGap *gap, int64_t *ret, Fault *fault)
{
        return rescue_query(task->target,
                        ret,
                        fault,
                        "SELECT count(*) FROM main.\"%w\" WHERE %s>%lld AND %s<%lld",
                        task->name,
                        task->rowid_column,
                        gap->has_low ? (long long) gap->low : (long long) INT64_MIN,
                        task->rowid_column,
                        gap->has_high ? (long long) gap->high : (long long) INT64_MAX);
}

/* About as many rows as its pages hold, and at most as many as rowids are free in it. `n_extra` are pages to
 * which nothing leads. */
static int estimate_gap(const RescueTask *task,
                const RescueGap *gap,
                double per_page,
                double n_extra,
                double *ret,
                Fault *fault)
{
        double n = (double) gap->n_rows, range;
        int64_t n_there = 0, highest;
        int r;

        if (gap->n_pages > 0)
                n += per_page * (gap->n_pages + n_extra);
        if (task->without_rowid || !task->rowid_column) {
                *ret = n;
                return 0;
        }
        r = rows_in_gap(task, gap, &n_there, fault);
        if (r < 0)
                return r;
        (void) highest_rowid(task, &highest);
        n -= (double) n_there;
        range = (gap->has_high ? (double) gap->high - 1 : (double) highest) -
                (gap->has_low ? (double) gap->low : 0) - (double) n_there;
        /* Where rowids count up without a hole, every one that is missing is a row. */
        if (!gap->has_high && highest > 0)
                n = range;
        else if (gap->has_high && gap->has_low)
                n = MIN_OF(n, range);
        *ret = MAX_OF(n, 0.0);
        return 0;
}

static const TableCount *find_known(const TableCount *known, size_t n_known, const char *name)
{
        for (size_t i = 0; i < n_known; i++)
                if (strcmp(known[i].name, name) == 0)
                        return known + i;
        return NULL;
}

static int estimate(const RescueTask *task, double n_extra, uint64_t *ret, Fault *fault)
{
        double per_page, sum = 0;
        int r = rows_per_page(task, &per_page, fault);

        for (size_t i = 0; r >= 0 && i < task->n_gaps; i++) {
                double n = 0;

                r = estimate_gap(task, task->gaps + i, per_page, n_extra, &n, fault);
                sum += n;
        }
        if (task->without_rowid)
                sum = MAX_OF(sum - (double) task->n_kept, 0.0);
        *ret = (uint64_t) (sum + 0.5);
        return r;
}

/* Of a table of which nothing can be read its pages tell nothing, either. */
static int count_unknown(const RescueItem *item,
                const TableCount *known,
                uint64_t rows,
                double n_extra,
                uint64_t *ret,
                Fault *fault)
{
        int64_t highest = 0;

        (void) highest_rowid(&item->task, &highest);
        if (item->task.n_gaps == 0 || item->task.n_live > 0 || !known || highest > 0)
                return estimate(&item->task, n_extra, ret, fault);
        *ret = known->rows > rows ? known->rows - rows : 0;
        return 0;
}

static int add_table(const RescueItem *item,
                const TableCount *known,
                double n_extra,
                RescueTable *ret,
                Fault *fault)
{
        const RescueTask *task = &item->task;
        RescueTable table = {.sound = item->n_survey_gaps == 0 && task->n_gaps == 0 && !item->left,
                        .unreadable = task->n_gaps > 0 && task->n_live == 0 && !item->counted,
                        .rows_kept = task->n_kept,
                        .rows_lost = item->n_lost + task->n_refused};
        int64_t rows = 0;
        int r = rescue_query(task->target, &rows, fault, "SELECT count(*) FROM main.\"%w\"", item->name);

        table.rows = (uint64_t) rows;
        if (r >= 0 && !item->left)
                r = count_rescued(task, &table.rows_rescued, fault);
        if (r >= 0 && !item->counted && !item->left)
                r = count_unknown(item, known, table.rows, n_extra, &table.rows_unknown, fault);
        if (r < 0)
                return r;
        table.name = strdup(item->name);
        if (!table.name)
                return fault_set_errno(fault, ENOMEM, doing);
        *ret = table;
        return 0;
}

/* How many more pages one place that can't be read stands for: a share of those of which nobody knows what
 * they are. */
static double extra_pages(const SalvageFile *file, const RescueItems *items)
{
        uint64_t n_left_over = 0, n_told = 0, n_places = 0;

        for (uint32_t page = 2; page <= file->file.n_pages; page++)
                n_left_over += !file->taken[page];
        for (size_t i = 0; i < items->n_items; i++)
                for (size_t j = 0; j < items->items[i].task.n_gaps; j++) {
                        unsigned n_pages = items->items[i].task.gaps[j].n_pages;

                        n_told += n_pages;
                        n_places += n_pages > 0;
                }
        return n_places > 0 && n_left_over > n_told ? (double) (n_left_over - n_told) / (double) n_places
                                                    : 0;
}

int rescue_report_make(const SalvageFile *file,
                const RescueItems *items,
                const TableCount *known,
                size_t n_known,
                RescueReport *ret,
                Fault *fault)
{
        _cleanup_(rescue_report_done) RescueReport report = {0};
        double n_extra = extra_pages(file, items);

        report.tables = calloc(items->n_items + 1, sizeof *report.tables);
        if (!report.tables)
                return fault_set_errno(fault, ENOMEM, doing);
        for (size_t i = 0; i < items->n_items; i++) {
                int r;

                if (items->items[i].is_virtual)
                        continue;
                r = add_table(items->items + i,
                                find_known(known, n_known, items->items[i].name),
                                n_extra,
                                report.tables + report.n_tables,
                                fault);
                if (r < 0)
                        return r;
                report.n_tables++;
        }
        *ret = report;
        report = (RescueReport){0};
        return 0;
}
