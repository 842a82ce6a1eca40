/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "records/log-writer.h"

#include <string.h>

#include "base/timestamp.h"
#include "database/connection/table-columns.h"
#include "database/schema/schema.h"
#include "records/extra-data.h"

/* Both name their values alike; one that a table does not have is not asked for. */
static const char *const insertions[_LOG_TABLE_MAX] = {
                [LOG_SYSTEM] = "INSERT INTO main.system_logs(action_type, message"
                               "{system_logs.user_id:, user_id}{system_logs.admin_id:, admin_id}"
                               "{system_logs.severity:, severity}{system_logs.extra_data:, extra_data}"
                               "{system_logs.ip_address:, ip_address}{system_logs.created_at:, created_at}"
                               ") VALUES(:type, :message"
                               "{system_logs.user_id:, :user}{system_logs.admin_id:, :admin}"
                               "{system_logs.severity:, :severity}{system_logs.extra_data:, :extra}"
                               "{system_logs.ip_address:, :address}{system_logs.created_at:, :created})",
                [LOG_ACCESS] = "INSERT INTO main.access_logs(user_id, action_type"
                               "{access_logs.match_id:, match_id}{access_logs.prediction_id:, prediction_id}"
                               "{access_logs.subscription_plan:, subscription_plan}"
                               "{access_logs.ip_address:, ip_address}{access_logs.created_at:, created_at}"
                               "{access_logs.extra_data:, extra_data}) VALUES(:user, :type"
                               "{access_logs.match_id:, :match}{access_logs.prediction_id:, :prediction}"
                               "{access_logs.subscription_plan:, :plan}{access_logs.ip_address:, :address}"
                               "{access_logs.created_at:, :created}{access_logs.extra_data:, :extra})",
};

/* So many rows of a table may take too long in one call; the others aren't tried any more. */
#define LOG_OVERDUE_MAX 3

typedef struct LogWriter {
        Connection *connection;
        sqlite3_stmt *insertion[_LOG_TABLE_MAX];
        sqlite3_stmt *is_object;
        unsigned *n_overdue; /* of each table; borrowed */
} LogWriter;

static void log_writer_done(LogWriter *writer)
{
        for (LogTable table = 0; table < _LOG_TABLE_MAX; table++)
                statement_finalizep(&writer->insertion[table]);
        statement_finalizep(&writer->is_object);
}

static int writer_fault(LogWriter *writer, int code, LogTable table, Fault *fault)
{
        char doing[64];

        (void) snprintf(doing, sizeof doing, "Writing to %s", log_table_to_string(table));
        return connection_fault(writer->connection, code, fault, doing);
}

/* For what the application's schema has against a row (a constraint, a trigger, which may name a table that
 * isn't there): the row's own fault, and 0. Any other code concerns the whole transaction. */
static int blame(LogWriter *writer, LogItem *item, int code, Fault *fault)
{
        if ((code & 0xff) == SQLITE_INTERRUPT && writer->connection->bound.overdue) {
                writer->n_overdue[item->entry->table]++;
                (void) writer_fault(writer, code, item->entry->table, &item->fault);
                return 0;
        }
        switch (code & 0xff) {
        case SQLITE_CONSTRAINT:
        case SQLITE_ERROR:
        case SQLITE_MISMATCH:
        case SQLITE_TOOBIG:
        case SQLITE_NOMEM:
                if (code == SQLITE_CONSTRAINT_FOREIGNKEY)
                        (void) fault_set(&item->fault,
                                        FAULT_NOT_FOUND,
                                        "The user, administrator or prediction that the row names is not "
                                        "there");
                else
                        (void) writer_fault(writer, code, item->entry->table, &item->fault);
                return 0;
        default:
                return writer_fault(writer, code, item->entry->table, fault);
        }
}

static int prepare_for(LogWriter *writer, LogItem *item, Fault *fault)
{
        _cleanup_fault_ Fault found = {0};
        LogTable table = item->entry->table;
        int r;

        if (writer->insertion[table])
                return 0;
        r = table_prepare(writer->connection, insertions[table], &writer->insertion[table], &found);
        if (r < 0 && found.code == FAULT_FAILED) {
                /* A column that no row can do without is missing, or a trigger names a table that is. */
                fault_move(&item->fault, &found);
                return 0;
        }
        if (r < 0 && fault)
                fault_move(fault, &found);
        return r;
}

static int check_extra(LogWriter *writer, const LogEntry *entry, Fault *item_fault, Fault *fault)
{
        int r;

        if (!entry->extra_data)
                return 0;
        r = extra_data_is_object(writer->connection, &writer->is_object, entry->extra_data, fault);
        if (r == 0)
                (void) fault_set(item_fault, FAULT_INVALID_ARGUMENT, "The extra data is no JSON object");
        return r;
}

static int bind_id(sqlite3_stmt *statement, const char *name, int64_t id)
{
        int i = sqlite3_bind_parameter_index(statement, name);

        if (i == 0)
                return SQLITE_OK;
        return id != 0 ? sqlite3_bind_int64(statement, i, id) : sqlite3_bind_null(statement, i);
}

/* NULL binds NULL. */
static int bind_text(sqlite3_stmt *statement, const char *name, const char *text)
{
        int i = sqlite3_bind_parameter_index(statement, name);

        return i == 0 ? SQLITE_OK : sqlite3_bind_text(statement, i, text, -1, SQLITE_STATIC);
}

static int bind_entry(sqlite3_stmt *statement, const LogEntry *entry, const char *moment)
{
        const struct {
                const char *name;
                int64_t id;
        } ids[] = {
                        {":user", entry->user_id},
                        {":admin", entry->admin_id},
                        {":match", entry->match_id},
                        {":prediction", entry->prediction_id},
        };
        const struct {
                const char *name;
                const char *text;
        } texts[] = {
                        {":type", entry->action_type},
                        {":message", entry->message},
                        {":severity", entry->severity},
                        {":extra", entry->extra_data},
                        {":address", entry->ip_address},
                        {":plan", entry->subscription_plan},
                        {":created", moment},
        };
        int code = SQLITE_OK;

        for (size_t i = 0; code == SQLITE_OK && i < ELEMENTSOF(ids); i++)
                code = bind_id(statement, ids[i].name, ids[i].id);
        for (size_t i = 0; code == SQLITE_OK && i < ELEMENTSOF(texts); i++)
                code = bind_text(statement, texts[i].name, texts[i].text);
        return code;
}

/* A constraint that is deferred would fail the commit, and with it every row. */
static bool has_violation(sqlite3 *handle)
{
        int n = 0, highest;

        return sqlite3_db_status(handle, SQLITE_DBSTATUS_DEFERRED_FKS, &n, &highest, 0) == SQLITE_OK &&
               n != 0;
}

static int insert(LogWriter *writer, LogItem *item, Fault *fault)
{
        const LogEntry *entry = item->entry;
        sqlite3 *handle = writer->connection->handle;
        sqlite3_stmt *statement = writer->insertion[entry->table];
        char moment[TIMESTAMP_RFC3339_MAX];
        int code, r;

        r = timestamp_format_datetime(entry->created_usec, moment);
        if (r < 0)
                return fault_set_errno(fault, r, "Writing to %s", log_table_to_string(entry->table));
        code = bind_entry(statement, entry, moment);
        if (code == SQLITE_OK)
                code = sqlite3_step(statement);
        if (code == SQLITE_DONE && has_violation(handle))
                code = SQLITE_CONSTRAINT_FOREIGNKEY;
        if (code != SQLITE_DONE)
                r = blame(writer, item, code, fault);
        else if (sqlite3_changes(handle) == 0)
                (void) fault_set(&item->fault,
                                FAULT_FAILED,
                                "A trigger on %s has left the row out",
                                log_table_to_string(entry->table));
        else
                item->id = sqlite3_last_insert_rowid(handle);
        (void) sqlite3_reset(statement);
        return r;
}

/* Negative for what concerns the whole transaction. */
static int write_item(LogWriter *writer, LogItem *item, Fault *fault)
{
        int r;

        /* Each of them keeps the write lock from the application for as long as it may run. */
        if (writer->n_overdue[item->entry->table] >= LOG_OVERDUE_MAX) {
                (void) fault_set(&item->fault,
                                FAULT_FAILED,
                                "Writing to %s took too long for the rows before this one; look for a "
                                "trigger that never ends",
                                log_table_to_string(item->entry->table));
                return 0;
        }
        r = prepare_for(writer, item, fault);
        if (r >= 0 && item->fault.code == FAULT_NONE)
                r = check_extra(writer, item->entry, &item->fault, fault);
        if (r >= 0 && item->fault.code == FAULT_NONE)
                r = insert(writer, item, fault);
        return r;
}

/* Takes back what a row that failed has left: a trigger's RAISE(FAIL) leaves all of it. 1 when the whole
 * transaction is gone, which is what RAISE(ROLLBACK) does. */
static int write_item_whole(LogWriter *writer, LogItem *item, Fault *fault)
{
        int r = connection_execute(writer->connection, "SAVEPOINT item", fault);

        if (r >= 0)
                r = write_item(writer, item, fault);
        if (r < 0)
                return r;
        if (sqlite3_get_autocommit(writer->connection->handle))
                return 1;
        if (item->fault.code != FAULT_NONE)
                r = connection_execute(writer->connection, "ROLLBACK TO item", fault);
        return r < 0 ? r : connection_execute(writer->connection, "RELEASE item", fault);
}

/* 1 as write_item_whole(). */
static int write_all(Connection *connection,
                LogItem *const *items,
                size_t n_items,
                unsigned *n_overdue,
                Fault *fault)
{
        _cleanup_(log_writer_done) LogWriter writer = {.connection = connection, .n_overdue = n_overdue};
        int r = 0;

        /* Before the first savepoint: a row that fails must not take its table along. */
        for (size_t i = 0; r >= 0 && i < n_items; i++)
                r = schema_add_table(connection, log_table_to_string(items[i]->entry->table), fault);
        for (size_t i = 0; r == 0 && i < n_items; i++)
                if (items[i]->fault.code == FAULT_NONE)
                        r = write_item_whole(&writer, items[i], fault);
        return r;
}

int log_write(Connection *connection, LogItem *const *items, size_t n_items, Fault *fault)
{
        unsigned n_overdue[_LOG_TABLE_MAX] = {0};
        int r;

        /* Once more without the row that took the others' transaction along: each time it is another one. */
        do {
                r = connection_execute(connection, "BEGIN IMMEDIATE", fault);
                if (r < 0)
                        return r;
                r = write_all(connection, items, n_items, n_overdue, fault);
                if (r == 0)
                        r = connection_execute(connection, "COMMIT", fault);
        } while (r > 0);
        /* Some faults have rolled back already, and then this says so. */
        if (r < 0)
                (void) connection_execute(connection, "ROLLBACK", NULL);
        return r;
}
