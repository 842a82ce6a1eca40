/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "database/import/import-guard.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "database/import/import-schema.h"
#include "database/schema/table-list.h"

typedef struct Guard {
        const ImportEntry *entry;
        int action; /* SQLITE_CREATE_… that the entry's type stands for */
        bool seen;  /* SQLite was about to create it */
} Guard;

void import_entry_done(ImportEntry *entry)
{
        free(entry->type);
        free(entry->name);
        free(entry->table);
        free(entry->sql);
        *entry = (ImportEntry){0};
}

bool import_entry_is_virtual(const ImportEntry *entry)
{
        static const char begin[] = "CREATE VIRTUAL TABLE";

        return strcmp(entry->type, "table") == 0 && strncasecmp(entry->sql, begin, strlen(begin)) == 0;
}

static int create_action(const ImportEntry *entry)
{
        static const struct {
                const char *type;
                int action;
        } actions[] = {
                        {"table", SQLITE_CREATE_TABLE},
                        {"index", SQLITE_CREATE_INDEX},
                        {"view", SQLITE_CREATE_VIEW},
                        {"trigger", SQLITE_CREATE_TRIGGER},
        };

        if (import_entry_is_virtual(entry))
                return SQLITE_CREATE_VTABLE;
        for (size_t i = 0; i < ELEMENTSOF(actions); i++)
                if (strcmp(entry->type, actions[i].type) == 0)
                        return actions[i].action;
        return -EINVAL;
}

static bool is_text(const char *text, const char *expected)
{
        return text && sqlite3_stricmp(text, expected) == 0;
}

/* What SQLite makes by itself on the way: the index of a UNIQUE or PRIMARY KEY, the table that keeps the
 * highest keys of AUTOINCREMENT. */
static bool is_by_the_way(const Guard *guard, int action, const char *name, const char *table)
{
        if (guard->action != SQLITE_CREATE_TABLE)
                return false;
        if (action == SQLITE_CREATE_TABLE)
                return is_text(name, "sqlite_sequence");
        return action == SQLITE_CREATE_INDEX && name && strncmp(name, "sqlite_autoindex_", 17) == 0 &&
               is_text(table, guard->entry->name);
}

static int on_create(Guard *guard, int action, const char *name, const char *table)
{
        const ImportEntry *entry = guard->entry;
        bool has_table = action == SQLITE_CREATE_INDEX || action == SQLITE_CREATE_TRIGGER;

        if (is_by_the_way(guard, action, name, table))
                return SQLITE_OK;
        if (action != guard->action || !name || strcmp(name, entry->name) != 0 ||
                        !is_text(has_table ? table : name, entry->table))
                return SQLITE_DENY;
        guard->seen = true;
        return SQLITE_OK;
}

static int on_action(void *userdata,
                int action,
                const char *first,
                const char *second,
                const char *database,
                const char *trigger)
{
        Guard *guard = userdata;

        /* The temporary database has actions of its own, and there is no other than main: ATTACH is denied.
         */
        switch (action) {
        case SQLITE_CREATE_TABLE:
        case SQLITE_CREATE_INDEX:
        case SQLITE_CREATE_VIEW:
        case SQLITE_CREATE_TRIGGER:
                return on_create(guard, action, first, second);
        /* The second is the module. */
        case SQLITE_CREATE_VTABLE:
                return on_create(guard, action, first, NULL);
        /* How SQLite itself records what it creates; a statement that names this table is refused by it. */
        case SQLITE_INSERT:
        case SQLITE_UPDATE:
                return is_text(first, "sqlite_master") ? SQLITE_OK : SQLITE_DENY;
        /* Columns in the expressions of indexes, CHECKs and generated columns. */
        case SQLITE_READ:
                return SQLITE_OK;
        /* Functions in the same; none of SQLite's own reaches out of the database. */
        case SQLITE_FUNCTION:
                return is_text(second, "load_extension") ? SQLITE_DENY : SQLITE_OK;
        case SQLITE_REINDEX:
                return guard->action == SQLITE_CREATE_INDEX ? SQLITE_OK : SQLITE_DENY;
        default:
                return SQLITE_DENY;
        }
}

static int refuse(const ImportEntry *entry, Fault *fault, const char *words)
{
        return fault_set(fault,
                        FAULT_INVALID_ARGUMENT,
                        "Line %" PRIu64 " of the document: the SQL of %s %s is refused: %s",
                        entry->line,
                        entry->type,
                        entry->name,
                        words);
}

/* Whose fault: what the document says, or the disk that it is written to? */
static int execute_fault(const Connection *connection, const Guard *guard, int code, Fault *fault)
{
        switch (code & 0xff) {
        case SQLITE_AUTH:
                return refuse(guard->entry,
                                fault,
                                "it must be one CREATE statement for exactly what is declared");
        case SQLITE_ERROR:
        case SQLITE_CONSTRAINT:
        case SQLITE_MISMATCH:
        case SQLITE_TOOBIG:
                return refuse(guard->entry, fault, sqlite3_errmsg(connection->handle));
        default:
                return connection_fault(connection, code, fault, "Creating the schema");
        }
}

/* SQLite has parsed the statement, and found it to be one CREATE VIRTUAL TABLE of this name. Whether it also
 * reads it from the schema shows when it does. */
static int record_virtual(Connection *connection, const ImportEntry *entry, Fault *fault)
{
        const char *const values[] = {entry->name, entry->sql};
        bool exists = false;
        int r = import_schema_write(connection,
                        "INSERT INTO main.sqlite_schema VALUES('table', ?1, ?1, 0, ?2)",
                        values,
                        ELEMENTSOF(values),
                        fault);

        if (r < 0)
                return r;
        if (table_exists(connection, entry->name, &exists, NULL) < 0 || !exists)
                return refuse(entry, fault, "SQLite can't read it back from the schema");
        return 0;
}

static bool is_blank(const char *text)
{
        return text[strspn(text, " \t\r\n;")] == '\0';
}

static int execute_guarded(Connection *connection, Guard *guard, Fault *fault)
{
        _cleanup_(statement_finalizep) sqlite3_stmt *statement = NULL;
        const char *tail = "";
        int code = sqlite3_prepare_v2(connection->handle, guard->entry->sql, -1, &statement, &tail);

        if (code != SQLITE_OK)
                return execute_fault(connection, guard, code, fault);
        if (!statement || !guard->seen || sqlite3_stmt_isexplain(statement) || !is_blank(tail))
                return refuse(guard->entry,
                                fault,
                                "it must be one CREATE statement for exactly what is declared");
        if (guard->action == SQLITE_CREATE_VTABLE)
                return 0;
        code = sqlite3_step(statement);
        if (code != SQLITE_DONE)
                return execute_fault(connection, guard, code, fault);
        return 0;
}

int import_guard_execute(Connection *connection, const ImportEntry *entry, Fault *fault)
{
        Guard guard = {.entry = entry, .action = create_action(entry)};
        int r;

        if (guard.action < 0)
                return refuse(entry, fault, "only tables, indexes, views and triggers can be imported");
        (void) sqlite3_set_authorizer(connection->handle, on_action, &guard);
        r = execute_guarded(connection, &guard, fault);
        (void) sqlite3_set_authorizer(connection->handle, NULL, NULL);
        if (r >= 0 && guard.action == SQLITE_CREATE_VTABLE)
                r = record_virtual(connection, entry, fault);
        return r;
}
