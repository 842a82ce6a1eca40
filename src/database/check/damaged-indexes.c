/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "database/check/damaged-indexes.h"

#include <inttypes.h>
#include <string.h>

#include "database/check/finding.h"
#include "database/schema/table-list.h"

/* Rows that are named when an index can't be made anew. */
#define ROWS_NAMED_MAX 5

void damaged_indexes_done(DamagedIndexes *damaged)
{
        for (size_t i = 0; i < damaged->n_items; i++) {
                free(damaged->items[i].table);
                free(damaged->items[i].index);
        }
        free(damaged->items);
        *damaged = (DamagedIndexes){0};
}

static bool is_known(const DamagedIndexes *damaged, const char *table, const char *index)
{
        for (size_t i = 0; i < damaged->n_items; i++) {
                const DamagedIndex *item = damaged->items + i;

                if (index ? item->index && sqlite3_stricmp(item->index, index) == 0
                          : !item->index && sqlite3_stricmp(item->table, table) == 0)
                        return true;
        }
        return false;
}

static int add(DamagedIndexes *damaged, const char *table, const char *index)
{
        DamagedIndex *larger, item;

        if (is_known(damaged, table, index))
                return 0;
        larger = reallocarray(damaged->items, damaged->n_items + 1, sizeof *damaged->items);
        if (!larger)
                return -ENOMEM;
        damaged->items = larger;
        item = (DamagedIndex){.table = strdup(table), .index = index ? strdup(index) : NULL};
        if (!item.table || (index && !item.index)) {
                free(item.table);
                free(item.index);
                return -ENOMEM;
        }
        larger[damaged->n_items++] = item;
        return 0;
}

/* What follows these words in the line, owned by the caller; NULL when they are not there. */
static char *words_behind(const char *text, size_t length, const char *words)
{
        const char *at = memmem(text, length, words, strlen(words));

        if (!at)
                return NULL;
        at += strlen(words);
        return strndup(at, (size_t) (text + length - at));
}

static int take_line(DamagedIndexes *damaged, const char *table, const char *text, size_t length)
{
        _cleanup_free_ char *name = NULL;
        FindingKind kind = finding_read(text, length).kind;

        if (kind == FINDING_RULE || kind == FINDING_UNCHECKED)
                return 0;
        if (kind == FINDING_FREE_PAGES) {
                damaged->free_pages = true;
                return 0;
        }
        if (kind == FINDING_INDEX && memmem(text, length, "inverted index for FTS", 22))
                return add(damaged, table, NULL);
        if (kind == FINDING_INDEX)
                name = words_behind(text, length, " index ");
        if (name)
                return add(damaged, table, name);
        damaged->structural = true;
        return 0;
}

static int take_row(DamagedIndexes *damaged, const char *table, const char *text)
{
        int r = 0;

        while (r >= 0 && *text) {
                size_t length = strcspn(text, "\n");

                if (length > 0 && strncmp(text, "*** ", 4) != 0 && strcmp(text, "ok") != 0)
                        r = take_line(damaged, table, text, length);
                text += length + (text[length] == '\n');
        }
        return r;
}

static int look_at(Connection *connection, const char *table, DamagedIndexes *damaged, Fault *fault)
{
        _cleanup_(statement_finalizep) sqlite3_stmt *statement = NULL;
        _cleanup_fault_ Fault met = {0};
        char *sql = sqlite3_mprintf("PRAGMA main.integrity_check(\"%w\")", table);
        int code = SQLITE_NOMEM, r = 0;

        if (sql)
                code = sqlite3_prepare_v2(connection->handle, sql, -1, &statement, NULL);
        sqlite3_free(sql);
        if (code == SQLITE_OK)
                while (r >= 0 && (code = sqlite3_step(statement)) == SQLITE_ROW)
                        r = take_row(damaged, table, (const char *) sqlite3_column_text(statement, 0));
        if (r < 0)
                return fault_set_errno(fault, r, "Looking for damaged indexes");
        if (code == SQLITE_DONE)
                return 0;
        r = connection_fault(connection, code, &met, "Looking for damaged indexes");
        if (met.code == FAULT_CORRUPT) {
                damaged->structural = true;
                return 0;
        }
        if (fault)
                fault_move(fault, &met);
        return r;
}

int damaged_indexes_find(Connection *connection, DamagedIndexes *ret, Fault *fault)
{
        _cleanup_(damaged_indexes_done) DamagedIndexes damaged = {0};
        _cleanup_(table_list_done) TableList list = {0};
        int r = table_list_load(connection, &list, fault);

        if (r >= 0)
                r = connection_execute(connection, "PRAGMA ignore_check_constraints=ON", fault);
        for (size_t i = 0; r >= 0 && i < list.n_tables; i++)
                r = look_at(connection, list.tables[i].name, &damaged, fault);
        if (r < 0)
                return r;
        *ret = damaged;
        damaged = (DamagedIndexes){0};
        return 0;
}

char *damaged_index_describe(const DamagedIndex *damaged)
{
        char *text = NULL;
        int r = damaged->index ? asprintf(&text, "the index %s of %s", damaged->index, damaged->table)
                               : asprintf(&text, "the full-text index of %s", damaged->table);

        return r < 0 ? NULL : text;
}

/* The columns of an index, quoted and separated by commas; NULL when one of them is an expression. */
static char *columns_of(Connection *connection, const char *index)
{
        _cleanup_(statement_finalizep) sqlite3_stmt *statement = NULL;
        char *sql = sqlite3_mprintf("PRAGMA main.index_info(%Q)", index), *columns = NULL;
        int code = SQLITE_NOMEM;

        if (sql)
                code = sqlite3_prepare_v2(connection->handle, sql, -1, &statement, NULL);
        sqlite3_free(sql);
        while (code == SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW) {
                const char *name = (const char *) sqlite3_column_text(statement, 2);
                char *longer = name ? sqlite3_mprintf("%s%s\"%w\"",
                                                      columns ? columns : "",
                                                      columns ? ", " : "",
                                                      name)
                                    : NULL;

                sqlite3_free(columns);
                columns = longer;
                if (!columns)
                        return NULL;
        }
        return columns;
}

/* The rowids of rows that are equal in those columns; "" where that can't be told. */
static void name_duplicates(Connection *connection, const DamagedIndex *damaged, FILE *stream)
{
        _cleanup_(statement_finalizep) sqlite3_stmt *statement = NULL;
        char *columns = columns_of(connection, damaged->index), *sql = NULL;
        unsigned n = 0;

        if (columns)
                sql = sqlite3_mprintf("SELECT group_concat(rowid, ' and ') FROM main.\"%w\" NOT INDEXED "
                                      "GROUP BY %s HAVING count(*) > 1 LIMIT %d",
                                damaged->table,
                                columns,
                                ROWS_NAMED_MAX);
        sqlite3_free(columns);
        if (sql && sqlite3_prepare_v2(connection->handle, sql, -1, &statement, NULL) == SQLITE_OK)
                while (sqlite3_step(statement) == SQLITE_ROW)
                        (void) fprintf(stream,
                                        "%s%s",
                                        n++ == 0 ? "; equal are the rows " : ", ",
                                        (const char *) sqlite3_column_text(statement, 0));
        sqlite3_free(sql);
}

static int refuse_duplicates(Connection *connection, const DamagedIndex *damaged, Fault *fault)
{
        _cleanup_free_ char *words = strdup(sqlite3_errmsg(connection->handle)), *rows = NULL;
        size_t size;
        FILE *stream = open_memstream(&rows, &size);

        if (stream) {
                name_duplicates(connection, damaged, stream);
                (void) fclose(stream);
        }
        return fault_set(fault,
                        FAULT_FAILED,
                        "The index %s of %s can't be made anew (%s%s). Nothing is lost: %s, then run "
                        "`oracxpredctl verify`",
                        damaged->index,
                        damaged->table,
                        words ? words : "it wants no two equal rows",
                        rows ? rows : "",
                        strncmp(damaged->index, "sqlite_", strlen("sqlite_")) == 0
                                        ? "copy the rows that are to stay into a new table"
                                        : "drop the index, change or delete all but one of the rows, and "
                                          "create "
                                          "it again");
}

int damaged_index_rebuild(Connection *connection, const DamagedIndex *damaged, Fault *fault)
{
        char *sql = damaged->index ? sqlite3_mprintf("REINDEX main.\"%w\"", damaged->index)
                                   : sqlite3_mprintf("INSERT INTO main.\"%w\"(\"%w\") VALUES('rebuild')",
                                                     damaged->table,
                                                     damaged->table);
        int code = sql ? sqlite3_exec(connection->handle, sql, NULL, NULL, NULL) : SQLITE_NOMEM;

        sqlite3_free(sql);
        if (code == SQLITE_OK)
                return 0;
        if (damaged->index && (code & 0xff) == SQLITE_CONSTRAINT)
                return refuse_duplicates(connection, damaged, fault);
        return connection_fault(connection, code, fault, "Making an index anew");
}
