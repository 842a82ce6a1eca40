/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "database/statistics/index-advice.h"

#include <string.h>

#include "database/schema/schema.h"

static const char *const reason_names[_INDEX_REASON_MAX] = {
                [INDEX_FOREIGN_KEY] = "foreign-key",
                [INDEX_MARKED] = "marked",
};

const char *index_reason_to_string(IndexReason reason)
{
        return reason >= 0 && reason < _INDEX_REASON_MAX ? reason_names[reason] : NULL;
}

void index_advice_done(IndexAdviceList *list)
{
        for (size_t i = 0; i < list->n_items; i++) {
                free(list->items[i].table);
                free(list->items[i].columns);
                free(list->items[i].sql);
        }
        free(list->items);
        *list = (IndexAdviceList){0};
}

/* Each foreign key of each ordinary table without an index of which the key's columns are the first ones, in
 * any order, and which is not the rowid alone: table, columns (joined), columns (quoted). */
static const char foreign_keys_sql[] =
                "WITH tables(name) AS (SELECT s.name FROM main.sqlite_schema AS s WHERE "
                "s.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND s.sql LIKE 'CREATE TABLE%'), "
                "keys(name, id, n_columns, columns, quoted) AS (SELECT name, id, count(*), "
                "group_concat(column, ', '), group_concat('\"' || replace(column, '\"', '\"\"') || '\"', ', "
                "') "
                "FROM (SELECT t.name AS name, f.id AS id, f.\"from\" AS column FROM tables AS t, "
                "temp.pragma_foreign_key_list(t.name, 'main') AS f ORDER BY t.name, f.id, f.seq) GROUP BY "
                "name, "
                "id) "
                "SELECT k.name, k.columns, k.quoted FROM keys AS k WHERE NOT EXISTS (SELECT 1 FROM "
                "temp.pragma_index_list(k.name, 'main') AS l WHERE NOT l.partial AND k.n_columns = (SELECT "
                "count(*) "
                "FROM temp.pragma_index_info(l.name, 'main') AS i, temp.pragma_foreign_key_list(k.name, "
                "'main') AS f "
                "WHERE f.id = k.id AND i.seqno < k.n_columns AND i.name = f.\"from\" COLLATE NOCASE)) "
                "AND NOT (k.n_columns = 1 AND EXISTS (SELECT 1 FROM temp.pragma_table_info(k.name, 'main') "
                "AS c "
                "WHERE c.name = k.columns COLLATE NOCASE AND c.pk = 1 AND c.type = 'INTEGER' COLLATE "
                "NOCASE)) "
                "GROUP BY k.name, k.columns ORDER BY k.name, k.columns";

/* Whether a column of a table is there, and has no index that begins with it. */
static const char column_sql[] =
                "SELECT 1 FROM temp.pragma_table_info(?1, 'main') AS c WHERE c.name = ?2 COLLATE NOCASE AND "
                "NOT EXISTS (SELECT 1 FROM temp.pragma_index_list(?1, 'main') AS l, "
                "temp.pragma_index_info(l.name, 'main') AS i WHERE NOT l.partial AND i.seqno = 0 AND "
                "i.name = c.name COLLATE NOCASE)";

static bool has(const IndexAdviceList *list, const char *table, const char *columns)
{
        for (size_t i = 0; i < list->n_items; i++)
                if (sqlite3_stricmp(list->items[i].table, table) == 0 &&
                                sqlite3_stricmp(list->items[i].columns, columns) == 0)
                        return true;
        return false;
}

/* Takes the statement over. */
static int add(IndexAdviceList *list,
                const char *table,
                const char *columns,
                char *sql,
                IndexReason reason,
                Fault *fault)
{
        IndexAdvice *larger = reallocarray(list->items, list->n_items + 1, sizeof *larger);
        IndexAdvice *item;

        if (!larger) {
                free(sql);
                return fault_set_errno(fault, ENOMEM, "Looking for missing indexes");
        }
        list->items = larger;
        item = &list->items[list->n_items++];
        *item = (IndexAdvice){
                        .table = strdup(table), .columns = strdup(columns), .sql = sql, .reason = reason};
        if (!item->table || !item->columns || !item->sql)
                return fault_set_errno(fault, ENOMEM, "Looking for missing indexes");
        return 0;
}

static char *make_statement(const char *table, const char *columns, const char *quoted)
{
        /* A name of its own for each set of columns: ix_TABLE_A_B, as SQLAlchemy's. */
        char *joined = sqlite3_mprintf("ix_%s_%s", table, columns), *sql = NULL, *copy = NULL;

        if (joined) {
                char *to = joined;

                for (const char *from = joined; *from; from++)
                        if (*from != ' ')
                                *to++ = (char) (*from == ',' ? '_' : *from);
                *to = '\0';
                sql = sqlite3_mprintf("CREATE INDEX \"%w\" ON \"%w\" (%s)", joined, table, quoted);
        }
        if (sql)
                copy = strdup(sql);
        sqlite3_free(joined);
        sqlite3_free(sql);
        return copy;
}

static int collect_foreign_keys(Connection *connection, IndexAdviceList *list, Fault *fault)
{
        _cleanup_(statement_finalizep) sqlite3_stmt *statement = NULL;
        int code = SQLITE_DONE, r = connection_prepare(connection, foreign_keys_sql, &statement, fault);

        while (r >= 0 && (code = sqlite3_step(statement)) == SQLITE_ROW) {
                const char *table = (const char *) sqlite3_column_text(statement, 0);
                const char *columns = (const char *) sqlite3_column_text(statement, 1);
                const char *quoted = (const char *) sqlite3_column_text(statement, 2);

                if (!table || !columns || !quoted)
                        return connection_fault(
                                        connection, SQLITE_NOMEM, fault, "Looking for missing indexes");
                r = add(list,
                                table,
                                columns,
                                make_statement(table, columns, quoted),
                                INDEX_FOREIGN_KEY,
                                fault);
        }
        if (r >= 0 && code != SQLITE_DONE)
                return connection_fault(connection, code, fault, "Looking for missing indexes");
        return r;
}

static int collect_marked(Connection *connection, IndexAdviceList *list, Fault *fault)
{
        _cleanup_(statement_finalizep) sqlite3_stmt *statement = NULL;
        int r = connection_prepare(connection, column_sql, &statement, fault);

        for (size_t i = 0; r >= 0 && i < schema_n_objects; i++) {
                const SchemaObject *object = &schema_objects[i];
                /* ix_TABLE_COLUMN */
                const char *column = object->name + strlen("ix_") + strlen(object->table) + 1;
                char *sql;
                int code;

                if (strcmp(object->type, "index") != 0 || has(list, object->table, column))
                        continue;
                (void) sqlite3_reset(statement);
                code = sqlite3_bind_text(statement, 1, object->table, -1, SQLITE_STATIC);
                if (code == SQLITE_OK)
                        code = sqlite3_bind_text(statement, 2, column, -1, SQLITE_STATIC);
                if (code == SQLITE_OK)
                        code = sqlite3_step(statement);
                if (code != SQLITE_ROW && code != SQLITE_DONE)
                        return connection_fault(connection, code, fault, "Looking for missing indexes");
                if (code == SQLITE_DONE)
                        continue;
                sql = strdup(object->sql);
                r = add(list, object->table, column, sql, INDEX_MARKED, fault);
        }
        return r;
}

static int by_place(const void *a, const void *b)
{
        const IndexAdvice *first = a, *second = b;
        int order = strcmp(first->table, second->table);

        return order != 0 ? order : strcmp(first->columns, second->columns);
}

int index_advice_collect(Connection *connection, IndexAdviceList *ret, Fault *fault)
{
        _cleanup_(index_advice_done) IndexAdviceList list = {0};
        _cleanup_(statement_finalizep) sqlite3_stmt *pin = NULL;
        int r = connection_pin(connection, &pin, fault);

        if (r >= 0)
                r = collect_foreign_keys(connection, &list, fault);
        if (r >= 0)
                r = collect_marked(connection, &list, fault);
        if (r < 0)
                return r;
        if (list.n_items > 0)
                qsort(list.items, list.n_items, sizeof *list.items, by_place);
        *ret = list;
        list = (IndexAdviceList){0};
        return 0;
}
