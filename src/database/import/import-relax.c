/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "database/import/import-relax.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "database/import/import-schema.h"

struct ImportRelaxed {
        ImportRelaxed *next;
        char *table;
        char *sql; /* as it was declared */
};

void import_relaxation_done(ImportRelaxation *relaxation)
{
        while (relaxation->first) {
                ImportRelaxed *relaxed = relaxation->first;

                relaxation->first = relaxed->next;
                free(relaxed->table);
                free(relaxed->sql);
                free(relaxed);
        }
}

/* Past a quoted name or string, whose quote is doubled within. */
static const char *skip_quoted(const char *text)
{
        char end = text[0] == '[' ? ']' : text[0];

        for (text++; *text; text++)
                if (*text == end) {
                        if (end == ']' || text[1] != end)
                                return text + 1;
                        text++;
                }
        return text;
}

/* Past a comment; `text` itself when there is none. */
static const char *skip_comment(const char *text)
{
        const char *end;

        if (text[0] == '-' && text[1] == '-')
                return text + strcspn(text, "\n");
        if (text[0] != '/' || text[1] != '*')
                return text;
        end = strstr(text + 2, "*/");
        return end ? end + 2 : text + strlen(text);
}

static const char *skip_blank(const char *text)
{
        for (;;) {
                const char *next = skip_comment(text + strspn(text, " \t\r\n\f"));

                if (next == text)
                        return text;
                text = next;
        }
}

static bool is_word(char c)
{
        return isalnum((unsigned char) c) || c == '_' || c == '$' || (unsigned char) c >= 0x80;
}

static bool is_keyword(const char *text, size_t length, const char *keyword)
{
        return length == strlen(keyword) && strncasecmp(text, keyword, length) == 0;
}

/* STRICT goes with the comma before it, or else with the one behind. */
static void blank_strict(char *sql, size_t start, size_t length)
{
        size_t before = start;

        while (before > 0 && isspace((unsigned char) sql[before - 1]))
                before--;
        memset(sql + start, ' ', length);
        if (before > 0 && sql[before - 1] == ',')
                sql[before - 1] = ' ';
        else {
                char *behind = (char *) skip_blank(sql + start);

                if (*behind == ',')
                        *behind = ' ';
        }
}

static void relax_word(char *sql, size_t start, size_t length, unsigned depth, bool columns_ended)
{
        const char *behind = skip_blank(sql + start + length);

        /* What is left is the constraint NULL, which SQLite takes for none. */
        if (depth == 1 && is_keyword(sql + start, length, "NOT") && strncasecmp(behind, "NULL", 4) == 0 &&
                        !is_word(behind[4]))
                memset(sql + start, ' ', length);
        if (depth == 0 && columns_ended && is_keyword(sql + start, length, "STRICT"))
                blank_strict(sql, start, length);
}

char *import_relaxed_sql(const char *sql)
{
        char *relaxed = strdup(sql);
        const char *text = relaxed;
        bool columns_ended = false;
        unsigned depth = 0;

        while (relaxed && *text) {
                const char *next = skip_blank(text);

                if (next == text && strchr("'\"`[", *text))
                        next = skip_quoted(text);
                else if (next == text && is_word(*text)) {
                        for (next = text; is_word(*next);)
                                next++;
                        relax_word(relaxed,
                                        (size_t) (text - relaxed),
                                        (size_t) (next - text),
                                        depth,
                                        columns_ended);
                } else if (next == text) {
                        depth += *text == '(';
                        if (*text == ')' && depth > 0)
                                columns_ended = --depth == 0;
                        next = text + 1;
                }
                text = next;
        }
        return relaxed;
}

static bool is_relaxed(const ImportRelaxation *relaxation, const char *table)
{
        for (const ImportRelaxed *relaxed = relaxation->first; relaxed; relaxed = relaxed->next)
                if (strcmp(relaxed->table, table) == 0)
                        return true;
        return false;
}

static int declared_sql(Connection *connection, const char *table, char **ret, Fault *fault)
{
        _cleanup_(statement_finalizep) sqlite3_stmt *statement = NULL;
        int code, r = connection_prepare(connection,
                                  "SELECT sql FROM main.sqlite_schema WHERE type = 'table' AND name = ?1",
                                  &statement,
                                  fault);

        if (r < 0)
                return r;
        (void) sqlite3_bind_text(statement, 1, table, -1, SQLITE_STATIC);
        code = sqlite3_step(statement);
        if (code != SQLITE_ROW)
                return connection_fault(connection, code, fault, "Filling the tables");
        *ret = strdup((const char *) sqlite3_column_text(statement, 0));
        return *ret ? 0 : fault_set_errno(fault, ENOMEM, "Filling the tables");
}

static int declare(Connection *connection, const char *table, const char *sql, Fault *fault)
{
        const char *const values[] = {table, sql};

        return import_schema_write(connection,
                        "UPDATE main.sqlite_schema SET sql = ?2 WHERE type = 'table' AND name = ?1",
                        values,
                        ELEMENTSOF(values),
                        fault);
}

int import_relax(ImportRelaxation *relaxation, Connection *connection, const char *table, Fault *fault)
{
        _cleanup_free_ char *sql = NULL, *relaxed_sql = NULL;
        ImportRelaxed *relaxed;
        int r;

        if (is_relaxed(relaxation, table))
                return 0;
        r = declared_sql(connection, table, &sql, fault);
        if (r < 0)
                return r;
        relaxed_sql = import_relaxed_sql(sql);
        relaxed = calloc(1, sizeof *relaxed);
        if (!relaxed_sql || !relaxed || !(relaxed->table = strdup(table))) {
                free(relaxed);
                return fault_set_errno(fault, ENOMEM, "Filling the tables");
        }
        relaxed->sql = TAKE_PTR(sql);
        relaxed->next = relaxation->first;
        relaxation->first = relaxed;
        if (strcmp(relaxed->sql, relaxed_sql) == 0)
                return 0;
        r = declare(connection, table, relaxed_sql, fault);
        return r < 0 ? r : 1;
}

int import_relaxation_end(ImportRelaxation *relaxation, Connection *connection, Fault *fault)
{
        int r = 0;

        for (const ImportRelaxed *relaxed = relaxation->first; r >= 0 && relaxed; relaxed = relaxed->next)
                r = declare(connection, relaxed->table, relaxed->sql, fault);
        import_relaxation_done(relaxation);
        return r;
}
