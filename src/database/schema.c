/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "database/schema.h"

#include <string.h>

#include "base/test-hook.h"
#include "base/timestamp.h"
#include "database/schema-compare.h"
#include "database/table-list.h"

/* In order, never renumbered. All that the first one does is to complete schema_objects, which every start
 * repeats; a later one that changes what exists gets a statement of its own here. */
static const struct {
        int version;
        const char *name;
} steps[] = {
                {1, "tables and indexes of the application"},
};

void schema_report_done(SchemaReport *report)
{
        for (size_t i = 0; i < report->n_differences; i++)
                free(report->differences[i]);
        free(report->differences);
        *report = (SchemaReport){0};
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
        _cleanup_(connection_closep) Connection *reference = NULL;
        int r = schema_open_reference(&reference, fault);

        for (size_t i = 0; r >= 0 && i < schema_n_objects; i++) {
                const SchemaObject *object = &schema_objects[i];
                SchemaState state;

                r = schema_compare(connection, reference, object, report, &state, fault);
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

static int inspect(Connection *connection, int64_t *ret_version, SchemaReport *report, Fault *fault)
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

        r = inspect(connection, &version, &report, fault);
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
        *ret = report;
        report = (SchemaReport){0};
        return 0;
}
