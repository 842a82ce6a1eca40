/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "database/rescue/rescue-create.h"

#include <string.h>

typedef struct Guard {
        const char *type;
        const char *name;
        bool seen; /* SQLite was about to create it */
} Guard;

static bool is_text(const char *text, const char *expected)
{
        return text && sqlite3_stricmp(text, expected) == 0;
}

/* What comes behind it is SQLite's own doing: the index of a UNIQUE, the tables of a virtual one. */
static int on_create(Guard *guard, const char *type, const char *name, const char *database)
{
        if (!is_text(database, "main"))
                return SQLITE_DENY;
        if (strcmp(type, guard->type) == 0 && is_text(name, guard->name))
                guard->seen = true;
        return guard->seen ? SQLITE_OK : SQLITE_DENY;
}

/* What a module asks while it makes its tables. */
static bool is_harmless_pragma(const char *name, const char *value)
{
        return !value && (is_text(name, "page_size") || is_text(name, "data_version"));
}

static int on_action(void *userdata,
                int action,
                const char *first,
                const char *second,
                const char *database,
                const char *trigger)
{
        switch (action) {
        case SQLITE_CREATE_TABLE:
        case SQLITE_CREATE_VTABLE:
                return on_create(userdata, "table", first, database);
        case SQLITE_CREATE_INDEX:
                return on_create(userdata, "index", first, database);
        case SQLITE_CREATE_VIEW:
                return on_create(userdata, "view", first, database);
        case SQLITE_CREATE_TRIGGER:
                return on_create(userdata, "trigger", first, database);
        /* How SQLite and a module record what they create. */
        case SQLITE_INSERT:
        case SQLITE_UPDATE:
        case SQLITE_DELETE:
                return is_text(database, "main") ? SQLITE_OK : SQLITE_DENY;
        case SQLITE_PRAGMA:
                return is_harmless_pragma(first, second) ? SQLITE_OK : SQLITE_DENY;
        case SQLITE_FUNCTION:
                return is_text(second, "load_extension") ? SQLITE_DENY : SQLITE_OK;
        case SQLITE_READ:
        case SQLITE_SELECT:
        case SQLITE_REINDEX:
        case SQLITE_RECURSIVE:
                return SQLITE_OK;
        default:
                return SQLITE_DENY;
        }
}

static int refuse(const Guard *guard, const char *words, Fault *fault)
{
        return fault_set(fault,
                        FAULT_CORRUPT,
                        "The SQL of the %s %s in the damaged schema is not run: %s",
                        guard->type,
                        guard->name,
                        words);
}

static int create(Connection *target, Guard *guard, const char *sql, Fault *fault)
{
        static const char declared[] = "it is not one CREATE statement for what is declared";
        _cleanup_(statement_finalizep) sqlite3_stmt *statement = NULL;
        const char *tail = "";
        int code = sqlite3_prepare_v2(target->handle, sql, -1, &statement, &tail);

        if ((code & 0xff) == SQLITE_AUTH)
                return refuse(guard, declared, fault);
        if ((code & 0xff) == SQLITE_ERROR)
                return refuse(guard, sqlite3_errmsg(target->handle), fault);
        if (code != SQLITE_OK)
                return connection_fault(target, code, fault, "Rescuing the schema");
        if (!statement || !guard->seen || sqlite3_stmt_isexplain(statement) ||
                        tail[strspn(tail, " \t\r\n;")] != '\0')
                return refuse(guard, declared, fault);
        code = sqlite3_step(statement);
        if ((code & 0xff) == SQLITE_AUTH || (code & 0xff) == SQLITE_ERROR)
                return refuse(guard, sqlite3_errmsg(target->handle), fault);
        return code == SQLITE_DONE ? 0 : connection_fault(target, code, fault, "Rescuing the schema");
}

int rescue_create(Connection *target, const char *type, const char *name, const char *sql, Fault *fault)
{
        Guard guard = {.type = type, .name = name};
        int r;

        if (!type || !name || !sql)
                return fault_set(fault, FAULT_CORRUPT, "A row of the damaged schema names nothing");
        (void) sqlite3_set_authorizer(target->handle, on_action, &guard);
        r = create(target, &guard, sql, fault);
        (void) sqlite3_set_authorizer(target->handle, NULL, NULL);
        return r;
}
