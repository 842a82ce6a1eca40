/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "database/export/export-plan.h"

#include <string.h>

#include "base/utf8.h"
#include "database/schema/table-list.h"

void export_plan_done(ExportPlan *plan)
{
        for (size_t i = 0; i < plan->n_tables; i++)
                free(plan->tables[i]);
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

static size_t count_chosen(const char *const *chosen)
{
        size_t n = 0;

        while (chosen && chosen[n])
                n++;
        return n;
}

static int add_table(ExportPlan *plan, const char *name, TableKind kind, Fault *fault)
{
        char **tables;

        if (!utf8_is_valid(name))
                return fault_set(fault,
                                FAULT_NOT_SUPPORTED,
                                "The database has a table whose name is not valid UTF-8, which JSON can't "
                                "say; "
                                "a backup keeps it");
        if (kind != TABLE_ORDINARY)
                return fault_set(fault,
                                FAULT_NOT_SUPPORTED,
                                "%s is a virtual table or belongs to one, and only its module knows the "
                                "content; export the other tables by name, a backup keeps all of them",
                                name);
        tables = reallocarray(plan->tables, plan->n_tables + 1, sizeof *tables);
        if (!tables)
                return fault_set_errno(fault, ENOMEM, "Reading the schema");
        plan->tables = tables;
        tables[plan->n_tables] = strdup(name);
        if (!tables[plan->n_tables])
                return fault_set_errno(fault, ENOMEM, "Reading the schema");
        plan->n_tables++;
        return 0;
}

static int load_tables(Connection *connection, const char *const *chosen, ExportPlan *plan, Fault *fault)
{
        _cleanup_(table_list_done) TableList list = {0};
        size_t n_chosen = count_chosen(chosen);
        int r = table_list_load(connection, &list, fault);

        for (size_t i = 0; r >= 0 && i < list.n_tables; i++) {
                const TableEntry *table = &list.tables[i];

                if (!table->is_internal && (!chosen || contains(chosen, n_chosen, table->name)))
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
                if (!contains((const char *const *) plan.tables, plan.n_tables, chosen[i]))
                        return fault_set(fault,
                                        FAULT_NOT_FOUND,
                                        "%s has no table %s to export",
                                        connection->path,
                                        chosen[i]);
        *ret = plan;
        plan = (ExportPlan){0};
        return 0;
}

static bool belongs(const ExportPlan *plan, const char *type, const char *table)
{
        if (plan->whole)
                return true;
        return (strcmp(type, "table") == 0 || strcmp(type, "index") == 0) &&
               contains((const char *const *) plan->tables, plan->n_tables, table);
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
                        " ORDER BY CASE kind WHEN 'table' THEN 0 WHEN 'index' THEN 1 WHEN 'view' THEN 2"
                        " ELSE 3 END, rowid",
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
