/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "database/statistics/statistics.h"

#include <string.h>
#include <sys/stat.h>

#include "database/schema/table-list.h"

void table_counts_free(TableCount *tables, size_t n_tables)
{
        for (size_t i = 0; i < n_tables; i++)
                free(tables[i].name);
        free(tables);
}

int table_counts_copy(const TableCount *tables, size_t n_tables, TableCount **ret)
{
        TableCount *copy = n_tables > 0 ? calloc(n_tables, sizeof *copy) : NULL;

        if (n_tables > 0 && !copy)
                return -ENOMEM;
        for (size_t i = 0; i < n_tables; i++) {
                copy[i] = (TableCount){.name = strdup(tables[i].name), .rows = tables[i].rows};
                if (!copy[i].name) {
                        table_counts_free(copy, i);
                        return -ENOMEM;
                }
        }
        *ret = copy;
        return 0;
}

void statistics_done(Statistics *statistics)
{
        table_counts_free(statistics->tables, statistics->n_tables);
        *statistics = (Statistics){0};
}

static uint64_t modified_usec(const struct stat *status)
{
        return (uint64_t) status->st_mtim.tv_sec * USEC_PER_SEC + (uint64_t) status->st_mtim.tv_nsec / 1000;
}

/* By name: closing a descriptor of the file would drop the locks that SQLite holds in this process. */
static int collect_files(const Connection *connection, Statistics *statistics, Fault *fault)
{
        _cleanup_free_ char *wal_path = NULL;
        struct stat status;

        if (stat(connection->path, &status) < 0)
                return fault_set_errno(fault, errno, "Looking at %s", connection->path);
        statistics->size_bytes = (uint64_t) status.st_size;
        statistics->modified_usec = modified_usec(&status);

        if (asprintf(&wal_path, "%s-wal", connection->path) < 0) {
                wal_path = NULL;
                return fault_set_errno(fault, ENOMEM, "Looking at %s", connection->path);
        }
        if (stat(wal_path, &status) < 0) {
                if (errno == ENOENT)
                        return 0;
                return fault_set_errno(fault, errno, "Looking at %s", wal_path);
        }
        statistics->wal_bytes = (uint64_t) status.st_size;
        /* An empty -wal appears when somebody opens the database, not when somebody writes. */
        if (status.st_size > 0)
                statistics->modified_usec = MAX_OF(statistics->modified_usec, modified_usec(&status));
        return 0;
}

static int collect_pages(Connection *connection, Statistics *statistics, Fault *fault)
{
        const struct {
                const char *sql;
                uint64_t *value;
        } questions[] = {
                        {"PRAGMA main.page_size", &statistics->page_size_bytes},
                        {"PRAGMA main.page_count", &statistics->pages},
                        {"PRAGMA main.freelist_count", &statistics->free_pages},
        };

        for (size_t i = 0; i < ELEMENTSOF(questions); i++) {
                int64_t value;
                int r = connection_query_integer(connection, questions[i].sql, &value, fault);

                if (r < 0)
                        return r;
                *questions[i].value = (uint64_t) value;
        }
        return 0;
}

static int collect_journal_mode(Connection *connection, Statistics *statistics, Fault *fault)
{
        _cleanup_(statement_finalizep) sqlite3_stmt *statement = NULL;
        int r = connection_query_row(connection, "PRAGMA main.journal_mode", &statement, fault);

        if (r < 0)
                return r;
        (void) snprintf(statistics->journal_mode,
                        sizeof statistics->journal_mode,
                        "%s",
                        (const char *) sqlite3_column_text(statement, 0));
        return 0;
}

static int add_table(Statistics *statistics, const char *name, uint64_t rows)
{
        TableCount *larger = reallocarray(
                        statistics->tables, statistics->n_tables + 1, sizeof *statistics->tables);
        char *copy = strdup(name);

        if (larger)
                statistics->tables = larger;
        if (!larger || !copy) {
                free(copy);
                return -ENOMEM;
        }
        larger[statistics->n_tables++] = (TableCount){.name = copy, .rows = rows};
        return 0;
}

static int count_rows(Connection *connection, const char *name, const char *how, uint64_t *ret)
{
        _cleanup_(statement_finalizep) sqlite3_stmt *statement = NULL;
        char *sql = sqlite3_mprintf("SELECT count(*) FROM main.\"%w\" %s", name, how);
        int code = SQLITE_NOMEM;

        if (sql)
                code = sqlite3_prepare_v2(connection->handle, sql, -1, &statement, NULL);
        sqlite3_free(sql);
        if (code == SQLITE_OK)
                code = sqlite3_step(statement);
        if (code == SQLITE_ROW)
                *ret = (uint64_t) sqlite3_column_int64(statement, 0);
        return code;
}

static int count_table(Connection *connection, const char *name, Statistics *statistics, Fault *fault)
{
        uint64_t rows;
        int code = count_rows(connection, name, "", &rows);

        /* The smallest index may be in a collation that only the application has. */
        if ((code & 0xff) == SQLITE_ERROR)
                code = count_rows(connection, name, "NOT INDEXED", &rows);
        /* So may a module be, or a function: the rest still counts. */
        if ((code & 0xff) == SQLITE_ERROR)
                return 0;
        if (code == SQLITE_ROW && add_table(statistics, name, rows) < 0)
                code = SQLITE_NOMEM;
        return code == SQLITE_ROW ? 0 : connection_fault(connection, code, fault, "Counting rows");
}

static int collect_tables(Connection *connection, Statistics *statistics, Fault *fault)
{
        _cleanup_(table_list_done) TableList list = {0};
        int r = table_list_load(connection, &list, fault);

        for (size_t i = 0; r >= 0 && i < list.n_tables; i++) {
                const TableEntry *table = &list.tables[i];

                if (!table->is_internal && table->kind != TABLE_SHADOW)
                        r = count_table(connection, table->name, statistics, fault);
        }
        table_counts_sort(statistics->tables, statistics->n_tables);
        return r;
}

static int compare_by_name(const void *one, const void *other)
{
        return strcmp(((const TableCount *) one)->name, ((const TableCount *) other)->name);
}

void table_counts_sort(TableCount *tables, size_t n_tables)
{
        if (n_tables > 0)
                qsort(tables, n_tables, sizeof *tables, compare_by_name);
}

int statistics_collect(Connection *connection, Statistics *ret, Fault *fault)
{
        _cleanup_(statistics_done) Statistics statistics = {0};
        _cleanup_(statement_finalizep) sqlite3_stmt *pin = NULL;
        int r;

        r = connection_read_schema(connection, fault);
        if (r >= 0)
                r = connection_pin(connection, &pin, fault);
        if (r >= 0)
                r = collect_files(connection, &statistics, fault);
        if (r >= 0)
                r = collect_pages(connection, &statistics, fault);
        if (r >= 0)
                r = collect_journal_mode(connection, &statistics, fault);
        if (r >= 0)
                r = collect_tables(connection, &statistics, fault);
        if (r < 0)
                return r;
        *ret = statistics;
        statistics = (Statistics){0};
        return 0;
}
