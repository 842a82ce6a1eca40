/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "database/import/import-guard.h"

#include <inttypes.h>
#include <string.h>

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

static int create_action(const char *type)
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

        for (size_t i = 0; i < ELEMENTSOF(actions); i++)
                if (strcmp(type, actions[i].type) == 0)
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
        code = sqlite3_step(statement);
        if (code != SQLITE_DONE)
                return execute_fault(connection, guard, code, fault);
        return 0;
}

int import_guard_execute(Connection *connection, const ImportEntry *entry, Fault *fault)
{
        Guard guard = {.entry = entry, .action = create_action(entry->type)};
        int r;

        if (guard.action < 0)
                return refuse(entry, fault, "only tables, indexes, views and triggers can be imported");
        (void) sqlite3_set_authorizer(connection->handle, on_action, &guard);
        r = execute_guarded(connection, &guard, fault);
        (void) sqlite3_set_authorizer(connection->handle, NULL, NULL);
        return r;
}
