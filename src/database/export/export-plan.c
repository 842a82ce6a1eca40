/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "database/export/export-plan.h"

#include <string.h>

#include "base/utf8.h"
#include "database/schema/table-list.h"

void export_plan_done(ExportPlan *plan)
{
        for (size_t i = 0; i < plan->n_tables; i++)
                free(plan->tables[i].name);
        free(plan->tables);
        *plan = (ExportPlan){0};
}

/* As SQLite compares names. */
static bool contains(const char *const *names, size_t n_names, const char *name)
{
        for (size_t i = 0; i < n_names; i++)
                if (sqlite3_stricmp(names[i], name) == 0)
                        return true;
        return false;
}

static bool is_planned(const ExportPlan *plan, const char *name)
{
        for (size_t i = 0; i < plan->n_tables; i++)
                if (sqlite3_stricmp(plan->tables[i].name, name) == 0)
                        return true;
        return false;
}

static size_t count_chosen(const char *const *chosen)
{
        size_t n = 0;

        while (chosen && chosen[n])
                n++;
        return n;
}

/* As SQLite does: a shadow table has the name of its virtual table, and a word behind the last underscore.
 */
static bool is_shadow_of(const TableEntry *table, const char *virtual_name)
{
        const char *underscore = strrchr(table->name, '_');
        size_t length = underscore ? (size_t) (underscore - table->name) : 0;

        return table->kind == TABLE_SHADOW && length == strlen(virtual_name) &&
               sqlite3_strnicmp(table->name, virtual_name, (int) length) == 0;
}

static int add_table(ExportPlan *plan, const char *name, TableKind kind, Fault *fault)
{
        ExportPlanTable *tables;

        if (!utf8_is_valid(name))
                return fault_set(fault,
                                FAULT_NOT_SUPPORTED,
                                "The database has a table whose name is not valid UTF-8, which JSON can't "
                                "say; "
                                "a backup keeps it");
        tables = reallocarray(plan->tables, plan->n_tables + 1, sizeof *tables);
        if (!tables)
                return fault_set_errno(fault, ENOMEM, "Reading the schema");
        plan->tables = tables;
        tables[plan->n_tables] =
                        (ExportPlanTable){.name = strdup(name), .is_virtual = kind == TABLE_VIRTUAL};
        if (!tables[plan->n_tables].name)
                return fault_set_errno(fault, ENOMEM, "Reading the schema");
        plan->n_tables++;
        return 0;
}

static bool has_shadow(const TableList *list, const char *virtual_name)
{
        for (size_t i = 0; i < list->n_tables; i++)
                if (is_shadow_of(&list->tables[i], virtual_name))
                        return true;
        return false;
}

static bool is_chosen(const TableEntry *table, const char *const *chosen, size_t n_chosen)
{
        if (!chosen || contains(chosen, n_chosen, table->name))
                return true;
        for (size_t i = 0; i < n_chosen; i++)
                if (is_shadow_of(table, chosen[i]))
                        return true;
        return false;
}

static int load_tables(Connection *connection, const char *const *chosen, ExportPlan *plan, Fault *fault)
{
        _cleanup_(table_list_done) TableList list = {0};
        size_t n_chosen = count_chosen(chosen);
        int r = table_list_load(connection, &list, fault);

        for (size_t i = 0; r >= 0 && i < list.n_tables; i++) {
                const TableEntry *table = &list.tables[i];

                if (table->is_internal || !is_chosen(table, chosen, n_chosen))
                        continue;
                if (chosen && table->kind == TABLE_VIRTUAL && !has_shadow(&list, table->name))
                        r = fault_set(fault,
                                        FAULT_NOT_SUPPORTED,
                                        "%s is a virtual table, and this SQLite does not know which tables "
                                        "hold its rows; export the whole database, which takes all of them",
                                        table->name);
                else
                        r = add_table(plan, table->name, table->kind, fault);
        }
        return r;
}

int export_plan_load(Connection *connection, const char *const *chosen, ExportPlan *ret, Fault *fault)
{
        _cleanup_(export_plan_done) ExportPlan plan = {.whole = !chosen};
        int r;

        if (chosen && !chosen[0])
                return fault_set(fault, FAULT_INVALID_ARGUMENT, "No table is named to be exported");
        r = load_tables(connection, chosen, &plan, fault);
        if (r < 0)
                return r;
        for (size_t i = 0; i < count_chosen(chosen); i++)
                if (!is_planned(&plan, chosen[i]))
                        return fault_set(fault,
                                        FAULT_NOT_FOUND,
                                        "%s has no table %s to export",
                                        connection->path,
                                        chosen[i]);
        *ret = plan;
        plan = (ExportPlan){0};
        return 0;
}

bool export_plan_has_virtual(const ExportPlan *plan)
{
        for (size_t i = 0; i < plan->n_tables; i++)
                if (plan->tables[i].is_virtual)
                        return true;
        return false;
}

static bool belongs(const ExportPlan *plan, const char *type, const char *table)
{
        if (plan->whole)
                return true;
        return (strcmp(type, "table") == 0 || strcmp(type, "index") == 0) && is_planned(plan, table);
}

int export_plan_write_schema(
                Connection *connection, const ExportPlan *plan, ExportDocument *document, Fault *fault)
{
        _cleanup_(statement_finalizep) sqlite3_stmt *statement = NULL;
        int code, r;

        /* Without SQL: the indexes that a UNIQUE or PRIMARY KEY makes. To SQLite the type may be a blob, or
         * in capitals; what an import knows is the word. */
        r = connection_prepare(connection,
                        "SELECT lower(type) AS kind, name, tbl_name, sql FROM main.sqlite_schema"
                        " WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
                        " ORDER BY CASE kind WHEN 'table' THEN rootpage = 0 WHEN 'index' THEN 2"
                        " WHEN 'view' THEN 3 ELSE 4 END, rowid",
                        &statement,
                        fault);
        if (r < 0)
                return r;
        while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
                const char *entry[4];

                for (int i = 0; i < 4; i++) {
                        entry[i] = (const char *) sqlite3_column_text(statement, i);
                        if (!entry[i])
                                return fault_set_errno(fault, ENOMEM, "Reading the schema");
                        if (!utf8_is_valid(entry[i]))
                                return fault_set(fault,
                                                FAULT_NOT_SUPPORTED,
                                                "The schema of %s is not valid UTF-8, which JSON can't say; "
                                                "a "
                                                "backup keeps it",
                                                connection->path);
                }
                if (belongs(plan, entry[0], entry[2]))
                        export_document_schema_entry(document, entry[0], entry[1], entry[2], entry[3]);
        }
        if (code != SQLITE_DONE)
                return connection_fault(connection, code, fault, "Reading the schema");
        return 0;
}
