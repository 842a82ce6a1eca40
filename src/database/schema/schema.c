/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "database/schema/schema.h"

#include <string.h>

#include "base/test-hook.h"
#include "base/timestamp.h"
#include "database/connection/table-columns.h"
#include "database/schema/schema-compare.h"
#include "database/schema/table-list.h"

/* In order, never renumbered. All that the first one does is to complete schema_objects, which every start
 * repeats; a later one that changes what exists gets a statement of its own here. */
static const struct {
        int version;
        const char *name;
} steps[] = {
                {1, "tables and indexes of the application"},
};

static void free_texts(char **texts, size_t n)
{
        for (size_t i = 0; i < n; i++)
                free(texts[i]);
        free(texts);
}

void schema_report_done(SchemaReport *report)
{
        free_texts(report->differences, report->n_differences);
        free_texts(report->costs, report->n_costs);
        *report = (SchemaReport){0};
}

SchemaRole schema_judge(const SchemaFacts *facts, SchemaChoice choice)
{
        if (choice == SCHEMA_CHOICE_NONE)
                return SCHEMA_ROLE_NONE;
        if (facts->is_new || facts->has_steps)
                return SCHEMA_ROLE_OWN;
        return facts->has_ours || choice == SCHEMA_CHOICE_ORACXPRED ? SCHEMA_ROLE_ADOPTED : SCHEMA_ROLE_NONE;
}

static int read_version(Connection *connection, int64_t *ret, Fault *fault)
{
        int64_t version = 0;
        bool is_there;
        int r = table_exists(connection, "oracxpred_migrations", &is_there, fault);

        if (r >= 0 && is_there)
                r = connection_query_integer(connection,
                                "SELECT coalesce(max(version), 0) FROM main.oracxpred_migrations",
                                &version,
                                fault);
        if (r < 0)
                return r;
        if (version > steps[ELEMENTSOF(steps) - 1].version)
                return fault_set(fault,
                                FAULT_NOT_SUPPORTED,
                                "%s was written by a newer version of this service (step %lld of its "
                                "tables, "
                                "this one knows %d); install that version again",
                                connection->path,
                                (long long) version,
                                steps[ELEMENTSOF(steps) - 1].version);
        *ret = version;
        return 0;
}

/* Compares all objects; with `create`, makes the missing ones. The report counts them either way. */
/* Fires no trigger, and an index on a large table takes its time. */
static int create_object(Connection *connection, const SchemaObject *object, Fault *fault)
{
        uint64_t bound_usec = connection->bound.bound_usec;
        int r;

        connection->bound.bound_usec = 0;
        r = connection_execute(connection, object->sql, fault);
        connection->bound.bound_usec = bound_usec;
        return r;
}

static int complete(Connection *connection, bool create, SchemaReport *report, Fault *fault)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < schema_n_objects; i++) {
                const SchemaObject *object = &schema_objects[i];
                SchemaState state;

                r = schema_compare(connection, object, report, &state, fault);
                if (r < 0 || state != SCHEMA_STATE_MISSING)
                        continue;
                if (create)
                        r = create_object(connection, object, fault);
                if (strcmp(object->type, "table") == 0)
                        report->tables_created++;
                else
                        report->indexes_created++;
        }
        return r;
}

/* A row of the service's own can be written there. */
static int find_log(Connection *connection, bool *ret, Fault *fault)
{
        static const char *const required[] = {"id", "action_type", "message", "created_at"};
        bool is_there = true;
        int r = 0;

        for (size_t i = 0; r >= 0 && is_there && i < ELEMENTSOF(required); i++)
                r = table_has_column(connection, "system_logs", required[i], &is_there, fault);
        if (r >= 0)
                *ret = is_there;
        return r;
}

static int read_facts(Connection *connection, SchemaFacts *ret, Fault *fault)
{
        int64_t n_objects, application_id, user_version;
        int r = connection_query_integer(
                        connection, "SELECT count(*) FROM main.sqlite_schema", &n_objects, fault);

        if (r >= 0)
                r = connection_query_integer(
                                connection, "PRAGMA main.application_id", &application_id, fault);
        if (r >= 0)
                r = connection_query_integer(connection, "PRAGMA main.user_version", &user_version, fault);
        if (r >= 0)
                r = table_exists(connection, "oracxpred_migrations", &ret->has_steps, fault);
        if (r >= 0)
                r = schema_has_ours(connection, &ret->has_ours, fault);
        if (r >= 0)
                ret->is_new = n_objects == 0 && application_id == 0 && user_version == 0;
        return r;
}

static int inspect_pinned(Connection *connection, SchemaChoice choice, SchemaReport *report, Fault *fault)
{
        SchemaFacts facts = {0};
        int64_t version;
        int r = choice == SCHEMA_CHOICE_NONE ? 0 : read_facts(connection, &facts, fault);

        if (r < 0)
                return r;
        report->role = schema_judge(&facts, choice);
        if (report->role == SCHEMA_ROLE_NONE)
                return 0;
        r = read_version(connection, &version, fault);
        if (r >= 0 && report->role == SCHEMA_ROLE_OWN)
                r = complete(connection, false, report, fault);
        if (r >= 0)
                r = schema_compare_needs(connection, report, fault);
        return r < 0 ? r : find_log(connection, &report->has_log, fault);
}

int schema_inspect(Connection *connection, SchemaChoice choice, SchemaReport *ret, Fault *fault)
{
        _cleanup_(schema_report_done) SchemaReport report = {0};
        _cleanup_(statement_finalizep) sqlite3_stmt *pin = NULL;
        int r = connection_pin(connection, &pin, fault);

        if (r >= 0)
                r = inspect_pinned(connection, choice, &report, fault);
        if (r < 0)
                return r;
        *ret = report;
        report = (SchemaReport){0};
        return 0;
}

static int look(Connection *connection, int64_t *ret_version, SchemaReport *report, Fault *fault)
{
        _cleanup_(statement_finalizep) sqlite3_stmt *pin = NULL;
        int r;

        r = connection_pin(connection, &pin, fault);
        if (r >= 0)
                r = read_version(connection, ret_version, fault);
        if (r >= 0)
                r = complete(connection, false, report, fault);
        return r;
}

/* What is the matter with the tables as they are by now. */
static int assess(Connection *connection, SchemaReport *report, Fault *fault)
{
        _cleanup_(statement_finalizep) sqlite3_stmt *pin = NULL;
        int r = connection_pin(connection, &pin, fault);

        report->role = SCHEMA_ROLE_OWN;
        if (r >= 0)
                r = schema_compare_needs(connection, report, fault);
        return r < 0 ? r : find_log(connection, &report->has_log, fault);
}

static int record_step(Connection *connection, size_t i, uint64_t now_usec, Fault *fault)
{
        char applied_at[TIMESTAMP_RFC3339_MAX];
        char *sql;
        int r;

        r = timestamp_format_datetime(now_usec, applied_at);
        if (r < 0)
                return fault_set_errno(fault, r, "Recording a change of the tables of %s", connection->path);
        sql = sqlite3_mprintf("INSERT INTO main.oracxpred_migrations VALUES(%d, %Q, %Q)",
                        steps[i].version,
                        steps[i].name,
                        applied_at);
        if (!sql)
                return fault_set_errno(
                                fault, ENOMEM, "Recording a change of the tables of %s", connection->path);
        r = connection_execute(connection, sql, fault);
        sqlite3_free(sql);
        return r;
}

/* Looks again: the application may have made its tables between the first look and the write lock. */
static int apply(Connection *connection, uint64_t now_usec, SchemaReport *report, Fault *fault)
{
        int64_t version = 0;
        int r = read_version(connection, &version, fault);

        if (r >= 0)
                r = complete(connection, true, report, fault);
        TEST_POINT("schema-created");
        if (r >= 0)
                r = connection_execute(connection,
                                "CREATE TABLE IF NOT EXISTS main.oracxpred_migrations (\n"
                                "version INTEGER PRIMARY KEY,\n"
                                "name TEXT NOT NULL,\n"
                                "applied_at DATETIME NOT NULL\n)",
                                fault);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(steps); i++)
                if (steps[i].version > version)
                        r = record_step(connection, i, now_usec, fault);
        return r;
}

int schema_migrate(Connection *connection, uint64_t now_usec, SchemaReport *ret, Fault *fault)
{
        _cleanup_(schema_report_done) SchemaReport report = {0};
        int64_t version = 0;
        int r;

        r = look(connection, &version, &report, fault);
        if (r < 0)
                return r;
        if (report.tables_created > 0 || report.indexes_created > 0 ||
                        version < steps[ELEMENTSOF(steps) - 1].version) {
                schema_report_done(&report);
                r = connection_execute(connection, "BEGIN IMMEDIATE", fault);
                if (r < 0)
                        return r;
                r = apply(connection, now_usec, &report, fault);
                if (r >= 0)
                        r = connection_execute(connection, "COMMIT", fault);
                if (r < 0) {
                        /* Some faults have rolled back already, and then this says so. */
                        (void) connection_execute(connection, "ROLLBACK", NULL);
                        return r;
                }
        }
        r = assess(connection, &report, fault);
        if (r < 0)
                return r;
        *ret = report;
        report = (SchemaReport){0};
        return 0;
}

static int add_object(Connection *connection, const SchemaObject *object, Fault *fault)
{
        _cleanup_(schema_report_done) SchemaReport unused = {0};
        SchemaState state;
        int r = schema_compare(connection, object, &unused, &state, fault);

        return r < 0 || state != SCHEMA_STATE_MISSING ? r
                                                      : connection_execute(connection, object->sql, fault);
}

static int create_table(Connection *connection, const char *table, Fault *fault)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < schema_n_objects; i++)
                if (strcmp(schema_objects[i].table, table) == 0)
                        r = add_object(connection, &schema_objects[i], fault);
        return r;
}

/* The declared tables that this one refers to. */
#define PARENTS_MAX 8
static int find_parents(Connection *connection,
                const char *table,
                const char *ret[static PARENTS_MAX],
                size_t *ret_n,
                Fault *fault)
{
        _cleanup_(statement_finalizep) sqlite3_stmt *statement = NULL;
        char *sql = sqlite3_mprintf("PRAGMA main.foreign_key_list(%Q)", table);
        int code, r;
        size_t n = 0;

        if (!sql)
                return fault_set_errno(fault, ENOMEM, "Adding a table");
        r = connection_prepare(connection, sql, &statement, fault);
        sqlite3_free(sql);
        if (r < 0)
                return r;
        while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
                const char *to = (const char *) sqlite3_column_text(statement, 2);

                for (size_t i = 0; i < schema_n_objects && n < PARENTS_MAX; i++)
                        if (strcmp(schema_objects[i].type, "table") == 0 && to &&
                                        sqlite3_stricmp(schema_objects[i].name, to) == 0)
                                ret[n++] = schema_objects[i].name;
        }
        *ret_n = n;
        return code == SQLITE_DONE ? 0 : connection_fault(connection, code, fault, "Adding a table");
}

int schema_add_table(Connection *connection, const char *table, Fault *fault)
{
        const char *parents[PARENTS_MAX];
        size_t n_parents = 0;
        bool is_there;
        int r = table_has_columns(connection, table, &is_there, fault);

        if (r >= 0 && !is_there)
                r = create_table(connection, table, fault);
        /* SQLite refuses every row of a table that refers to one that is not there. */
        if (r >= 0)
                r = find_parents(connection, table, parents, &n_parents, fault);
        for (size_t i = 0; r >= 0 && i < n_parents; i++) {
                r = table_has_columns(connection, parents[i], &is_there, fault);
                if (r >= 0 && !is_there)
                        r = schema_add_table(connection, parents[i], fault);
        }
        return r;
}
