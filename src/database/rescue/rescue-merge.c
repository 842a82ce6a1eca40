/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "database/rescue/rescue-merge.h"

#include <string.h>

#include "database/rescue/rescue-table.h"
#include "database/schema/table-list.h"

/* How one table is merged: SQL, by sqlite3_free(). */
typedef struct MergePlan {
        char *name;    /* quoted */
        char *columns; /* that both have, and that can be written */
        char *source;  /* the same, of `s` */
        char *key;     /* whether `m` has the key of `s` */
        char *same;    /* whether they are equal */
} MergePlan;

static void merge_plan_done(MergePlan *plan)
{
        sqlite3_free(plan->name);
        sqlite3_free(plan->columns);
        sqlite3_free(plan->source);
        sqlite3_free(plan->key);
        sqlite3_free(plan->same);
}

void merge_report_done(MergeReport *report)
{
        for (size_t i = 0; i < report->n_tables; i++)
                free(report->tables[i].name);
        free(report->tables);
        *report = (MergeReport){0};
}

uint64_t merge_report_merged(const MergeReport *report)
{
        uint64_t n = 0;

        for (size_t i = 0; i < report->n_tables; i++)
                n += report->tables[i].merged;
        return n;
}

/* *ret is NULL for no row or NULL; by sqlite3_free(). */
static int query_text(Connection *connection, char **ret, Fault *fault, char *sql)
{
        _cleanup_(statement_finalizep) sqlite3_stmt *statement = NULL;
        const char *text;
        int r = sql ? connection_query_row(connection, sql, &statement, fault)
                    : fault_set_errno(fault, ENOMEM, "Merging rows");

        sqlite3_free(sql);
        if (r < 0)
                return r;
        *ret = NULL;
        text = (const char *) sqlite3_column_text(statement, 0);
        if (text && !(*ret = sqlite3_mprintf("%s", text)))
                return fault_set_errno(fault, ENOMEM, "Merging rows");
        return 0;
}

/* One expression for each column of both, joined. `only_key`: those of the primary key. */
static int join_columns(Connection *connection,
                const char *table,
                const char *expression,
                const char *separator,
                bool only_key,
                char **ret,
                Fault *fault)
{
        return query_text(connection,
                        ret,
                        fault,
                        sqlite3_mprintf("SELECT group_concat(%s, %Q) FROM (SELECT '\"' || replace(a.name, "
                                        "'\"', '\"\"') || '\"' AS c FROM temp.pragma_table_xinfo(%Q, "
                                        "'main') a"
                                        " JOIN temp.pragma_table_xinfo(%Q, 'rescued') b ON b.name=a.name"
                                        " WHERE a.hidden=0 AND b.hidden<>1%s)",
                                        expression,
                                        separator,
                                        table,
                                        table,
                                        only_key ? " AND a.pk>0" : ""));
}

/* Without a primary key the rowid is what a row is known by. */
static int take_rowid(Connection *connection, const char *table, MergePlan *plan, Fault *fault)
{
        static const char *const names[] = {"rowid", "_rowid_", "oid"};
        char *columns = plan->columns, *source = plan->source;

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                int64_t n = 0;
                int r = rescue_query(connection,
                                &n,
                                fault,
                                "SELECT (SELECT count(*) FROM temp.pragma_table_xinfo(%Q, 'main') WHERE "
                                "lower(name)=%Q) + (SELECT count(*) FROM temp.pragma_table_xinfo(%Q, "
                                "'rescued') WHERE lower(name)=%Q)",
                                table,
                                names[i],
                                table,
                                names[i]);

                if (r < 0)
                        return r;
                if (n > 0)
                        continue;
                plan->key = sqlite3_mprintf("m.%s=s.%s", names[i], names[i]);
                plan->columns = sqlite3_mprintf("%s,%s", names[i], columns);
                plan->source = sqlite3_mprintf("s.%s,%s", names[i], source);
                sqlite3_free(columns);
                sqlite3_free(source);
                return plan->key && plan->columns && plan->source
                                       ? 0
                                       : fault_set_errno(fault, ENOMEM, "Merging rows");
        }
        return 0;
}

/* plan->key stays NULL when nothing tells which rows are the same. */
static int make_plan(Connection *connection, const char *table, MergePlan *plan, Fault *fault)
{
        int64_t n_keys = 0, n_common = 0;
        int r = rescue_query(connection,
                        &n_keys,
                        fault,
                        "SELECT count(*) FROM temp.pragma_table_xinfo(%Q, 'main') WHERE pk>0",
                        table);

        if (r >= 0)
                r = rescue_query(connection,
                                &n_common,
                                fault,
                                "SELECT count(*) FROM temp.pragma_table_xinfo(%Q, 'main') a JOIN "
                                "temp.pragma_table_xinfo(%Q, 'rescued') b ON b.name=a.name WHERE a.pk>0",
                                table,
                                table);
        if (r >= 0)
                r = join_columns(connection, table, "c", ",", false, &plan->columns, fault);
        if (r >= 0)
                r = join_columns(connection, table, "'s.' || c", ",", false, &plan->source, fault);
        if (r >= 0)
                r = join_columns(connection,
                                table,
                                "'m.' || c || ' IS s.' || c",
                                " AND ",
                                false,
                                &plan->same,
                                fault);
        if (r < 0 || !plan->columns || n_common != n_keys)
                return r;
        plan->name = sqlite3_mprintf("\"%w\"", table);
        if (!plan->name)
                return fault_set_errno(fault, ENOMEM, "Merging rows");
        if (n_keys == 0)
                return take_rowid(connection, table, plan, fault);
        return join_columns(
                        connection, table, "'m.' || c || ' IS s.' || c", " AND ", true, &plan->key, fault);
}

static int merge_table(Connection *connection, const char *table, MergeTable *ret, Fault *fault)
{
        _cleanup_(merge_plan_done) MergePlan plan = {0};
        int64_t n_free = 0, n_differing = 0, n_merged = 0;
        int r = make_plan(connection, table, &plan, fault);

        if (r < 0 || !plan.key)
                return r;
        r = rescue_query(connection,
                        &n_differing,
                        fault,
                        "SELECT count(*) FROM rescued.%s s JOIN main.%s m ON %s WHERE NOT (%s)",
                        plan.name,
                        plan.name,
                        plan.key,
                        plan.same);
        if (r >= 0)
                r = rescue_query(connection,
                                &n_free,
                                fault,
                                "SELECT count(*) FROM rescued.%s s WHERE NOT EXISTS (SELECT 1 FROM main.%s "
                                "m "
                                "WHERE %s)",
                                plan.name,
                                plan.name,
                                plan.key);
        if (r >= 0 && n_free > 0)
                r = rescue_execute(connection,
                                fault,
                                "INSERT OR IGNORE INTO main.%s(%s) SELECT %s FROM rescued.%s s WHERE NOT "
                                "EXISTS (SELECT 1 FROM main.%s m WHERE %s)",
                                plan.name,
                                plan.columns,
                                plan.source,
                                plan.name,
                                plan.name,
                                plan.key);
        if (r >= 0 && n_free > 0)
                r = connection_query_integer(connection, "SELECT changes()", &n_merged, fault);
        if (r < 0)
                return r;
        ret->merged = (uint64_t) n_merged;
        ret->refused = (uint64_t) MAX_OF(n_free - n_merged, (int64_t) 0);
        ret->differing = (uint64_t) n_differing;
        return 0;
}

static int is_in_quarantine(Connection *connection, const char *name, int64_t *ret, Fault *fault)
{
        return rescue_query(connection,
                        ret,
                        fault,
                        "SELECT count(*) FROM rescued.sqlite_schema WHERE type='table' AND name=%Q",
                        name);
}

static int compare_names(const void *one, const void *other)
{
        return strcmp(((const MergeTable *) one)->name, ((const MergeTable *) other)->name);
}

/* The ordinary tables that both have. */
static int list_tables(Connection *connection, MergeReport *ret, Fault *fault)
{
        _cleanup_(table_list_done) TableList list = {0};
        int r = table_list_load(connection, &list, fault);

        if (r < 0)
                return r;
        ret->tables = calloc(list.n_tables, sizeof *ret->tables);
        if (!ret->tables)
                return fault_set_errno(fault, ENOMEM, "Merging rows");
        for (size_t i = 0; i < list.n_tables; i++) {
                int64_t there = 0;

                if (list.tables[i].kind != TABLE_ORDINARY || list.tables[i].is_internal)
                        continue;
                r = is_in_quarantine(connection, list.tables[i].name, &there, fault);
                if (r < 0)
                        return r;
                if (there > 0)
                        ret->tables[ret->n_tables++].name = TAKE_PTR(list.tables[i].name);
        }
        qsort(ret->tables, ret->n_tables, sizeof *ret->tables, compare_names);
        return 0;
}

static void leave_out_untouched(MergeReport *report)
{
        size_t n = 0;

        for (size_t i = 0; i < report->n_tables; i++) {
                const MergeTable table = report->tables[i];

                if (table.merged > 0 || table.refused > 0 || table.differing > 0)
                        report->tables[n++] = table;
                else
                        free(table.name);
        }
        report->n_tables = n;
}

static int set_up(Connection *connection, const char *other, Fault *fault)
{
        int r;

        if (sqlite3_db_config(connection->handle, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL) != SQLITE_OK)
                return fault_set(fault, FAULT_FAILED, "%s: triggers can't be kept off", connection->path);
        r = connection_execute(connection, "PRAGMA foreign_keys=OFF", fault);
        if (r >= 0)
                r = rescue_execute(connection, fault, "ATTACH %Q AS rescued", other);
        return r >= 0 ? connection_execute(connection, "BEGIN IMMEDIATE", fault) : r;
}

int rescue_merge(Connection *connection, const char *other, MergeReport *ret, Fault *fault)
{
        _cleanup_(merge_report_done) MergeReport report = {0};
        int r = set_up(connection, other, fault);

        if (r >= 0)
                r = list_tables(connection, &report, fault);
        for (size_t i = 0; r >= 0 && i < report.n_tables; i++)
                r = merge_table(connection, report.tables[i].name, report.tables + i, fault);
        if (r >= 0)
                r = connection_execute(connection, "COMMIT", fault);
        if (r < 0)
                return r;
        leave_out_untouched(&report);
        *ret = report;
        report = (MergeReport){0};
        return 0;
}
