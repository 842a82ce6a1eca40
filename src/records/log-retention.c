/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "records/log-retention.h"

#include <string.h>

#include "base/timestamp.h"
#include "database/connection/table-columns.h"
#include "database/connection/transaction.h"

static const char doing[] = "Removing old rows of the log";

#define LOOK(table)                                                                                 \
        "SELECT id, action_type, created_at FROM main." table " WHERE id > ?1"                      \
        " AND id < (SELECT id FROM main." table " WHERE id > 0 ORDER BY id DESC LIMIT 1 OFFSET ?2)" \
        " ORDER BY id LIMIT ?3"

static const struct {
        const char *look;
        const char *remove;
} statements[_LOG_TABLE_MAX] = {
                [LOG_SYSTEM] = {LOOK("system_logs"), "DELETE FROM main.system_logs WHERE id = ?1"},
                [LOG_ACCESS] = {LOOK("access_logs"), "DELETE FROM main.access_logs WHERE id = ?1"},
};

const char *log_retention_sql(LogTable table)
{
        return statements[table].look;
}

bool log_retention_wants(const LogRetention *retention, const char *action_type, const char *created_at)
{
        uint64_t created_usec;

        return created_at && timestamp_parse_rfc3339(created_at, &created_usec) >= 0 &&
               created_usec < retention->before_usec &&
               (retention->all || (action_type && log_type_is_own(retention->table, action_type)));
}

/* What is no text is not understood either, nor is one that goes on behind a zero byte. */
static const char *text_of(sqlite3_stmt *statement, int column)
{
        const char *text = NULL;

        if (sqlite3_column_type(statement, column) == SQLITE_TEXT)
                text = (const char *) sqlite3_column_text(statement, column);
        return text && strlen(text) == (size_t) sqlite3_column_bytes(statement, column) ? text : NULL;
}

typedef struct Step {
        LogTable table;
        int64_t ids[LOG_RETENTION_STEP_ROWS];
        size_t n_ids;
        unsigned n_removed;
} Step;

static int look(Connection *connection, LogRetention *retention, Step *step, Fault *fault)
{
        _cleanup_(statement_finalizep) sqlite3_stmt *statement = NULL;
        int64_t after_id = retention->after_id;
        unsigned n_seen = 0;
        int code, r = connection_prepare(connection, statements[retention->table].look, &statement, fault);

        if (r < 0)
                return r;
        code = sqlite3_bind_int64(statement, 1, after_id);
        if (code == SQLITE_OK)
                code = sqlite3_bind_int(statement, 2, LOG_RETENTION_KEPT_ROWS - 1);
        if (code == SQLITE_OK)
                code = sqlite3_bind_int(statement, 3, LOG_RETENTION_SCAN_ROWS);
        if (code != SQLITE_OK)
                return connection_fault(connection, code, fault, doing);
        while (step->n_ids < LOG_RETENTION_STEP_ROWS && (code = sqlite3_step(statement)) == SQLITE_ROW) {
                after_id = sqlite3_column_int64(statement, 0);
                n_seen++;
                if (log_retention_wants(retention, text_of(statement, 1), text_of(statement, 2)))
                        step->ids[step->n_ids++] = after_id;
        }
        if (code != SQLITE_ROW && code != SQLITE_DONE)
                return connection_fault(connection, code, fault, doing);
        retention->after_id = n_seen < LOG_RETENTION_SCAN_ROWS && step->n_ids < LOG_RETENTION_STEP_ROWS
                                              ? 0
                                              : after_id;
        return 0;
}

static int remove_rows(Connection *connection, void *userdata, Fault *fault)
{
        Step *step = userdata;
        _cleanup_(statement_finalizep) sqlite3_stmt *statement = NULL;
        int r = connection_prepare(connection, statements[step->table].remove, &statement, fault);

        for (size_t i = 0; r >= 0 && i < step->n_ids; i++) {
                int code = sqlite3_bind_int64(statement, 1, step->ids[i]);

                if (code == SQLITE_OK)
                        code = sqlite3_step(statement);
                if (code != SQLITE_DONE)
                        return connection_fault(connection, code, fault, doing);
                step->n_removed += (unsigned) sqlite3_changes(connection->handle);
                (void) sqlite3_reset(statement);
        }
        return r;
}

static int is_there(Connection *connection, LogTable table, bool *ret, Fault *fault)
{
        static const char *const columns[] = {"id", "action_type", "created_at"};
        bool found = true;
        int r = 0;

        for (size_t i = 0; r >= 0 && found && i < ELEMENTSOF(columns); i++)
                r = table_has_column(connection, log_table_to_string(table), columns[i], &found, fault);
        if (r >= 0)
                *ret = found;
        return r;
}

int log_retention_step(Connection *connection, LogRetention *retention, unsigned *ret_removed, Fault *fault)
{
        Step step = {.table = retention->table};
        bool found;
        int r = is_there(connection, retention->table, &found, fault);

        if (r >= 0 && !found) {
                retention->after_id = 0;
                *ret_removed = 0;
                return 0;
        }
        if (r >= 0)
                r = look(connection, retention, &step, fault);
        /* The rows are looked for without a lock; what has an id keeps it. */
        if (r >= 0 && step.n_ids > 0)
                r = transaction_run(connection, remove_rows, &step, fault);
        if (r < 0)
                return r;
        *ret_removed = step.n_removed;
        return 0;
}
