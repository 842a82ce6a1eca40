/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "database/rescue/rescue-table.h"

#include <stdarg.h>
#include <string.h>

#include "database/rescue/salvage-record.h"

static const char doing[] = "Rescuing a table";

int rescue_execute(Connection *connection, Fault *fault, const char *format, ...)
{
        va_list arguments;
        char *sql;
        int r;

        va_start(arguments, format);
        sql = sqlite3_vmprintf(format, arguments);
        va_end(arguments);
        r = sql ? connection_execute(connection, sql, fault) : fault_set_errno(fault, ENOMEM, doing);
        sqlite3_free(sql);
        return r;
}

int rescue_query(Connection *connection, int64_t *ret, Fault *fault, const char *format, ...)
{
        va_list arguments;
        char *sql;
        int r;

        va_start(arguments, format);
        sql = sqlite3_vmprintf(format, arguments);
        va_end(arguments);
        r = sql ? connection_query_integer(connection, sql, ret, fault)
                : fault_set_errno(fault, ENOMEM, doing);
        sqlite3_free(sql);
        return r;
}

static void gap_done(const RescueGap *gap)
{
        free(gap->low_record);
        free(gap->high_record);
}

void rescue_task_done(RescueTask *task)
{
        for (unsigned i = 0; task->columns && i < task->n_fields; i++)
                sqlite3_free(task->columns[i]);
        for (unsigned i = 0; task->keys && i < task->n_keys; i++)
                sqlite3_free(task->keys[i]);
        for (unsigned i = 0; task->inserts && i <= task->n_fields; i++)
                (void) sqlite3_finalize(task->inserts[i]);
        for (size_t i = 0; i < task->n_gaps; i++)
                gap_done(task->gaps + i);
        free(task->parameters);
        free(task->columns);
        sqlite3_free(task->rowid_column);
        free(task->keys);
        free(task->descending);
        free(task->inserts);
        free(task->gaps);
        free(task->last_record);
        *task = (RescueTask){0};
}

static int allocate(RescueTask *task, unsigned n_fields, Fault *fault)
{
        task->n_fields = n_fields;
        task->tree.n_fields_max = n_fields;
        task->tree.is_index = task->without_rowid;
        task->parameters = calloc(n_fields + 1, sizeof *task->parameters);
        task->columns = calloc(n_fields + 1, sizeof *task->columns);
        task->keys = calloc(n_fields + 1, sizeof *task->keys);
        task->descending = calloc(n_fields + 1, sizeof *task->descending);
        task->inserts = calloc(n_fields + 1, sizeof(sqlite3_stmt *));
        if (!task->parameters || !task->columns || !task->keys || !task->descending || !task->inserts)
                return fault_set_errno(fault, ENOMEM, doing);
        return 0;
}

/* Names a field's column; `hidden` is table_xinfo's: 2 and 3 are computed. */
static int name_field(RescueTask *task, unsigned field, const char *name, int hidden, Fault *fault)
{
        if (hidden != 0)
                return 0;
        task->parameters[field] = (int) field + 2; /* 1 is the rowid */
        task->columns[field] = sqlite3_mprintf("\"%w\"", name);
        return task->columns[field] ? 0 : fault_set_errno(fault, ENOMEM, doing);
}

/* A name for the rowid that no column has. */
static int name_rowid(RescueTask *task, Fault *fault)
{
        static const char *const names[] = {"rowid", "_rowid_", "oid"};

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                int64_t n;
                int r = rescue_query(task->target,
                                &n,
                                fault,
                                "SELECT count(*) FROM temp.pragma_table_xinfo(%Q, %Q) WHERE lower(name)=%Q",
                                task->name,
                                task->schema,
                                names[i]);

                if (r < 0)
                        return r;
                if (n > 0)
                        continue;
                task->rowid_column = sqlite3_mprintf("%s", names[i]);
                return task->rowid_column ? 0 : fault_set_errno(fault, ENOMEM, doing);
        }
        return 0;
}

static int prepare(RescueTask *task, char *sql, sqlite3_stmt **ret, Fault *fault)
{
        int r = sql ? connection_prepare(task->target, sql, ret, fault)
                    : fault_set_errno(fault, ENOMEM, doing);

        sqlite3_free(sql);
        return r;
}

/* The INTEGER PRIMARY KEY, which is the rowid, lies as NULL in the record. */
static int find_alias(RescueTask *task, Fault *fault)
{
        _cleanup_(statement_finalizep) sqlite3_stmt *statement = NULL;
        int r = prepare(task,
                        sqlite3_mprintf("SELECT name FROM temp.pragma_table_xinfo(%Q, %Q) WHERE pk=1 AND"
                                        " lower(type)='integer' AND NOT EXISTS (SELECT 1 FROM"
                                        " temp.pragma_index_list(%Q, %Q) WHERE origin='pk')",
                                        task->name,
                                        task->schema,
                                        task->name,
                                        task->schema),
                        &statement,
                        fault);

        if (r < 0)
                return r;
        if (sqlite3_step(statement) != SQLITE_ROW)
                return name_rowid(task, fault);
        task->rowid_column = sqlite3_mprintf("\"%w\"", sqlite3_column_text(statement, 0));
        if (!task->rowid_column)
                return fault_set_errno(fault, ENOMEM, doing);
        for (unsigned i = 0; i < task->n_fields; i++)
                if (task->columns[i] && strcmp(task->columns[i], task->rowid_column) == 0) {
                        sqlite3_free(TAKE_PTR(task->columns[i]));
                        task->parameters[i] = 0;
                }
        return 0;
}

/* With rowids the fields are the columns, without those that are computed at each reading. */
static int init_with_rowid(RescueTask *task, Fault *fault)
{
        _cleanup_(statement_finalizep) sqlite3_stmt *statement = NULL;
        unsigned field = 0;
        int64_t n;
        int code, r;

        r = rescue_query(task->target,
                        &n,
                        fault,
                        "SELECT count(*) FROM temp.pragma_table_xinfo(%Q, %Q) WHERE hidden<>2",
                        task->name,
                        task->schema);
        if (r >= 0)
                r = allocate(task, (unsigned) n, fault);
        if (r >= 0)
                r = prepare(task,
                                sqlite3_mprintf("SELECT name, hidden FROM temp.pragma_table_xinfo(%Q, %Q)"
                                                " WHERE hidden<>2 ORDER BY cid",
                                                task->name,
                                                task->schema),
                                &statement,
                                fault);
        if (r < 0)
                return r;
        while ((code = sqlite3_step(statement)) == SQLITE_ROW && field < task->n_fields) {
                r = name_field(task,
                                field++,
                                (const char *) sqlite3_column_text(statement, 0),
                                sqlite3_column_int(statement, 1),
                                fault);
                if (r < 0)
                        return r;
        }
        return code == SQLITE_DONE ? find_alias(task, fault)
                                   : connection_fault(task->target, code, fault, doing);
}

static int name_key(RescueTask *task, unsigned field, sqlite3_stmt *statement, Fault *fault)
{
        if (!sqlite3_column_int(statement, 2))
                return 0;
        task->n_keys = field + 1;
        task->descending[field] = sqlite3_column_int(statement, 3);
        task->keys[field] = sqlite3_mprintf("\"%w\" COLLATE \"%w\"",
                        sqlite3_column_text(statement, 0),
                        sqlite3_column_text(statement, 4));
        return task->keys[field] ? 0 : fault_set_errno(fault, ENOMEM, doing);
}

/* Without them they are those of the index that the table is: the key first. */
static int init_without_rowid(RescueTask *task, Fault *fault)
{
        static const char from[] = " FROM temp.pragma_index_list(%Q, %Q) l,"
                                   " temp.pragma_index_xinfo(l.name, %Q) i,"
                                   " temp.pragma_table_xinfo(%Q, %Q) c"
                                   " WHERE l.origin='pk' AND c.cid=i.cid";
        _cleanup_(statement_finalizep) sqlite3_stmt *statement = NULL;
        char *sql = sqlite3_mprintf(from, task->name, task->schema, task->schema, task->name, task->schema);
        unsigned field = 0;
        int64_t n = 0;
        int code, r;

        r = sql ? rescue_query(task->target, &n, fault, "SELECT count(*)%s", sql)
                : fault_set_errno(fault, ENOMEM, doing);
        if (r >= 0)
                r = allocate(task, (unsigned) n, fault);
        if (r >= 0)
                r = prepare(task,
                                sqlite3_mprintf("SELECT c.name, c.hidden, i.key, i.desc, i.coll%s"
                                                " ORDER BY i.seqno",
                                                sql),
                                &statement,
                                fault);
        sqlite3_free(sql);
        if (r < 0)
                return r;
        while ((code = sqlite3_step(statement)) == SQLITE_ROW && field < task->n_fields) {
                r = name_field(task,
                                field,
                                (const char *) sqlite3_column_text(statement, 0),
                                sqlite3_column_int(statement, 1),
                                fault);
                if (r >= 0)
                        r = name_key(task, field++, statement, fault);
                if (r < 0)
                        return r;
        }
        return code == SQLITE_DONE ? 0 : connection_fault(task->target, code, fault, doing);
}

int rescue_task_init(RescueTask *task, Fault *fault)
{
        int64_t without_rowid = 0;
        int r = rescue_query(task->target,
                        &without_rowid,
                        fault,
                        "SELECT EXISTS (SELECT 1 FROM temp.pragma_index_xinfo(%Q, %Q))",
                        task->name,
                        task->schema);

        if (r < 0)
                return r;
        task->without_rowid = without_rowid;
        return without_rowid ? init_without_rowid(task, fault) : init_with_rowid(task, fault);
}

/* A shorter record is of before a column was added, whose default then holds. */
static int prepare_insert(RescueTask *task, unsigned n_fields, Fault *fault)
{
        sqlite3_str *columns = sqlite3_str_new(NULL), *values = sqlite3_str_new(NULL);
        char *columns_text, *values_text;
        const char *comma = "";
        int r;

        if (task->rowid_column && !task->without_rowid) {
                sqlite3_str_appendall(columns, task->rowid_column);
                sqlite3_str_appendall(values, "?1");
                comma = ",";
        }
        for (unsigned i = 0; i < n_fields; i++)
                if (task->columns[i]) {
                        sqlite3_str_appendf(columns, "%s%s", comma, task->columns[i]);
                        sqlite3_str_appendf(values, "%s?%d", comma, task->parameters[i]);
                        comma = ",";
                }
        columns_text = sqlite3_str_finish(columns);
        values_text = sqlite3_str_finish(values);
        r = prepare(task,
                        !columns_text || !values_text ? NULL
                                                      : sqlite3_mprintf("INSERT OR IGNORE INTO "
                                                                        "\"%w\".\"%w\"(%s) VALUES(%s)",
                                                                        task->schema,
                                                                        task->name,
                                                                        columns_text,
                                                                        values_text),
                        task->inserts + n_fields,
                        fault);
        sqlite3_free(columns_text);
        sqlite3_free(values_text);
        return r;
}

int rescue_task_insert(RescueTask *task, const SalvageEntry *entry, unsigned n_fields, Fault *fault)
{
        sqlite3_stmt *statement;
        int code = SQLITE_OK, r = task->inserts[n_fields] ? 0 : prepare_insert(task, n_fields, fault);

        if (r < 0)
                return r;
        statement = task->inserts[n_fields];
        if (task->rowid_column && !task->without_rowid)
                code = sqlite3_bind_int64(statement, 1, entry->rowid);
        if (code == SQLITE_OK)
                code = salvage_record_bind(statement,
                                task->parameters,
                                n_fields,
                                task->file->encoding,
                                entry->record,
                                entry->n_bytes);
        if (code == SQLITE_OK)
                code = sqlite3_step(statement);
        (void) sqlite3_reset(statement);
        if (code == SQLITE_DONE && sqlite3_changes(task->target->handle) > 0)
                return 0;
        if (code != SQLITE_DONE && (code & 0xff) != SQLITE_CONSTRAINT && (code & 0xff) != SQLITE_MISMATCH)
                return connection_fault(task->target, code, fault, doing);
        task->n_refused++;
        return 0;
}
