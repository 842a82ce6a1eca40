/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "database/rescue/rescue-schema.h"

#include <string.h>

#include "database/rescue/rescue-create.h"

static const char doing[] = "Rescuing the schema";

/* Of what SQLite makes by itself nothing is made or dropped here. */
#define NOT_INTERNAL " AND sql IS NOT NULL AND name NOT LIKE 'sqlite!_%%' ESCAPE '!'"

int rescue_schema_read(Connection *target, SalvageFile *file, bool *ret_sound, Fault *fault)
{
        _cleanup_(rescue_task_done) RescueTask task = {.target = target,
                        .file = file,
                        .schema = "temp",
                        .name = "rescue_schema",
                        .backup_name = "sqlite_schema",
                        .tree = {.root = 1}};
        uint64_t n_gaps;
        int r = rescue_execute(target,
                        fault,
                        "CREATE TEMP TABLE rescue_schema(type TEXT, name TEXT, tbl_name TEXT, rootpage INT,"
                        " sql TEXT, kept INT DEFAULT 0)");

        if (r >= 0)
                r = rescue_task_init(&task, fault);
        if (r >= 0)
                r = salvage_tree_survey(file, &task.tree, &n_gaps, fault);
        /* Not a column of the file. */
        if (r >= 0) {
                task.n_fields--;
                task.tree.n_fields_max--;
                sqlite3_free(task.columns[task.n_fields]);
                r = rescue_task_read(&task, fault);
        }
        if (r >= 0)
                r = rescue_execute(target,
                                fault,
                                "CREATE TEMP TABLE rescue_own AS SELECT rowid AS id FROM "
                                "temp.rescue_schema");
        if (r >= 0)
                r = rescue_task_close_gaps(&task, false, fault);
        /* What came from the backup gives way to what has the same name. */
        if (r >= 0)
                r = rescue_execute(target,
                                fault,
                                "UPDATE temp.rescue_schema SET kept=1 WHERE rowid NOT IN (SELECT id FROM"
                                " temp.rescue_own);"
                                "DELETE FROM temp.rescue_schema WHERE kept AND EXISTS (SELECT 1 FROM"
                                " temp.rescue_schema o WHERE NOT o.kept AND lower(o.name)="
                                "lower(rescue_schema.name) AND o.type<>'trigger');"
                                "UPDATE temp.rescue_schema SET type=lower(CAST(type AS TEXT))");
        if (r >= 0)
                *ret_sound = task.n_gaps == 0;
        return r;
}

/* The texts of the first row that the query finds. 0 when it finds none. */
static int find_first(Connection *target, const char *query, char *ret[static 3], Fault *fault)
{
        _cleanup_(statement_finalizep) sqlite3_stmt *statement = NULL;
        int code, r = connection_prepare(target, query, &statement, fault);

        if (r < 0)
                return r;
        code = sqlite3_step(statement);
        if (code != SQLITE_ROW)
                return code == SQLITE_DONE ? 0 : connection_fault(target, code, fault, doing);
        for (int i = 0; i < 3; i++) {
                const char *text = (const char *) sqlite3_column_text(statement, i);

                ret[i] = strdup(text ? text : "");
                if (!ret[i])
                        return fault_set_errno(fault, ENOMEM, doing);
        }
        return 1;
}

/* Does with each row of the query what it says; the query is run anew each time, since that may change what
 * it finds, and it does not find what was done. */
static int for_each(Connection *target,
                const char *query,
                int (*function)(Connection *target, char *const row[static 3], Fault *fault),
                Fault *fault)
{
        int r = 1;

        while (r > 0) {
                char *row[3] = {0};

                r = find_first(target, query, row, fault);
                if (r > 0) {
                        r = function(target, row, fault);
                        r = r < 0 ? r : 1;
                }
                for (size_t i = 0; i < ELEMENTSOF(row); i++)
                        free(row[i]);
        }
        return r;
}

static int create_one(Connection *target, char *const row[static 3], Fault *fault)
{
        return rescue_create(target, row[0], row[1], row[2], fault);
}

/* The backup's, which SQLite has read. */
static int drop_one(Connection *target, char *const row[static 3], Fault *fault)
{
        return rescue_execute(target, fault, "DROP %s main.\"%w\"", row[0], row[1]);
}

static int drop(Connection *target, const char *type, Fault *fault)
{
        char *query = sqlite3_mprintf(
                        "SELECT %Q, name, sql FROM main.sqlite_schema m"
                        " WHERE lower(type)=%Q" NOT_INTERNAL " AND NOT EXISTS (SELECT 1 FROM"
                        " temp.rescue_schema l WHERE l.type=lower(m.type) AND l.name=m.name AND l.sql=m.sql)"
                        /* A virtual one takes those with it that hold its content. */
                        " ORDER BY sql NOT LIKE 'CREATE VIRTUAL%%' LIMIT 1",
                        type,
                        type);
        int r = query ? for_each(target, query, drop_one, fault) : fault_set_errno(fault, ENOMEM, doing);

        sqlite3_free(query);
        return r;
}

int rescue_schema_make_tables(Connection *target, Fault *fault)
{
        static const char *const types[] = {"trigger", "view", "index", "table"};
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(types); i++)
                r = drop(target, types[i], fault);
        return r < 0 ? r
                     : for_each(target,
                                       "SELECT type, name, sql FROM temp.rescue_schema l WHERE type='table' "
                                       "AND sql IS "
                                       "NOT"
                                       " NULL AND name NOT LIKE 'sqlite!_%' ESCAPE '!' AND NOT EXISTS "
                                       "(SELECT 1"
                                       " FROM main.sqlite_schema m WHERE lower(m.name)=lower(l.name))"
                                       " ORDER BY sql NOT LIKE 'CREATE VIRTUAL%', rowid LIMIT 1",
                                       create_one,
                                       fault);
}

int rescue_schema_make_others(Connection *target, Fault *fault)
{
        return for_each(target,
                        "SELECT type, name, sql FROM temp.rescue_schema l WHERE type IN ('index', 'view', "
                        "'trigger')"
                        " AND sql IS NOT NULL AND NOT EXISTS (SELECT 1 FROM main.sqlite_schema m WHERE"
                        " lower(m.name)=lower(l.name) AND lower(m.type)=l.type)"
                        " ORDER BY type='trigger', rowid LIMIT 1",
                        create_one,
                        fault);
}
