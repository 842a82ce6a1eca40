/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "records/account.h"

#include <string.h>

#include "base/timestamp.h"
#include "base/utf8.h"
#include "database/connection/table-columns.h"

#define TEXT_MAX_BYTES 1024

/* Where a column is missing the application has no such notion: everybody is approved and active, and nobody
 * is an administrator. */
#define COLUMNS                                                                                         \
        "id, username, {users.email}, {users.unique_id}, {users.subscription_plan}, "                   \
        "{users.subscription_status}, {users.is_admin:is_admin|0}, {users.is_approved:is_approved|1}, " \
        "{users.is_active:is_active|1}, {users.subscription_expires_at}, {users.created_at}, "          \
        "{users.last_login_at}, password"

enum {
        COLUMN_ID,
        COLUMN_USERNAME,
        COLUMN_EMAIL,
        COLUMN_UNIQUE_ID,
        COLUMN_PLAN,
        COLUMN_STATUS,
        COLUMN_ADMIN,
        COLUMN_APPROVED,
        COLUMN_ACTIVE,
        COLUMN_EXPIRES,
        COLUMN_CREATED,
        COLUMN_LAST_LOGIN,
        COLUMN_PASSWORD,
};

void account_done(Account *account)
{
        free(account->username);
        free(account->email);
        free(account->unique_id);
        free(account->subscription_plan);
        free(account->subscription_status);
        *account = (Account){0};
}

void account_free_many(Account *accounts, size_t n_accounts)
{
        for (size_t i = 0; i < n_accounts; i++)
                account_done(accounts + i);
        free(accounts);
}

int account_check_name(const char *username, Fault *fault)
{
        size_t n_bytes = strlen(username);

        if (n_bytes == 0 || !utf8_is_line(username) || utf8_count(username) > ACCOUNT_NAME_MAX ||
                        username[0] == ' ' || username[n_bytes - 1] == ' ')
                return fault_set(fault,
                                FAULT_INVALID_ARGUMENT,
                                "The name of an account has 1 to %d characters, no control character among "
                                "them and no blank at either end",
                                ACCOUNT_NAME_MAX);
        return 0;
}

int account_check_email(const char *email, Fault *fault)
{
        const char *at = strrchr(email, '@');

        if (!at || at == email || at[1] == '\0' || strchr(email, ' ') || !utf8_is_line(email) ||
                        utf8_count(email) > ACCOUNT_EMAIL_MAX)
                return fault_set(fault,
                                FAULT_INVALID_ARGUMENT,
                                "An e-mail address has an @, no blanks, and at most %d characters",
                                ACCOUNT_EMAIL_MAX);
        return 0;
}

/* The application may have written anything; what goes on the bus is bounded and valid. */
static char *read_text(sqlite3_stmt *statement, int column)
{
        const char *text = (const char *) sqlite3_column_text(statement, column);
        char *copy = strndup(text ? text : "", TEXT_MAX_BYTES);

        if (copy)
                utf8_make_valid(copy);
        return copy;
}

static uint64_t read_moment_usec(sqlite3_stmt *statement, int column)
{
        const char *text = (const char *) sqlite3_column_text(statement, column);
        uint64_t usec;

        return text && timestamp_parse_rfc3339(text, &usec) >= 0 ? usec : 0;
}

static int read_row(sqlite3_stmt *statement, Account *ret, Fault *fault)
{
        Account account = {
                        .id = sqlite3_column_int64(statement, COLUMN_ID),
                        .username = read_text(statement, COLUMN_USERNAME),
                        .email = read_text(statement, COLUMN_EMAIL),
                        .unique_id = read_text(statement, COLUMN_UNIQUE_ID),
                        .subscription_plan = read_text(statement, COLUMN_PLAN),
                        .subscription_status = read_text(statement, COLUMN_STATUS),
                        .is_admin = sqlite3_column_int(statement, COLUMN_ADMIN) != 0,
                        .is_approved = sqlite3_column_int(statement, COLUMN_APPROVED) != 0,
                        .is_active = sqlite3_column_int(statement, COLUMN_ACTIVE) != 0,
                        .subscription_expires_usec = read_moment_usec(statement, COLUMN_EXPIRES),
                        .created_usec = read_moment_usec(statement, COLUMN_CREATED),
                        .last_login_usec = read_moment_usec(statement, COLUMN_LAST_LOGIN),
                        .password_format = password_format_of(
                                        (const char *) sqlite3_column_text(statement, COLUMN_PASSWORD)),
        };

        if (!account.username || !account.email || !account.unique_id || !account.subscription_plan ||
                        !account.subscription_status) {
                account_done(&account);
                return fault_set_errno(fault, ENOMEM, "Reading an account");
        }
        *ret = account;
        return 0;
}

int account_require_columns(Connection *connection, Fault *fault)
{
        static const char *const required[] = {"id", "username", "password", NULL};

        return table_require_columns(connection, "users", required, "accounts", fault);
}

/* 1, or 0 where there is no table: nobody has an account then. */
static int prepare(Connection *connection, const char *sql, sqlite3_stmt **ret, Fault *fault)
{
        bool is_there;
        int r = table_has_columns(connection, "users", &is_there, fault);

        if (r < 0 || !is_there)
                return r;
        r = account_require_columns(connection, fault);
        if (r >= 0)
                r = table_prepare(connection, sql, ret, fault);
        return r < 0 ? r : 1;
}

int account_find(Connection *connection, const char *username, Account *ret, char **ret_stored, Fault *fault)
{
        static const char sql[] = "SELECT " COLUMNS " FROM main.users WHERE username = ?";
        _cleanup_(statement_finalizep) sqlite3_stmt *statement = NULL;
        const char *stored;
        int code = SQLITE_DONE, r = prepare(connection, sql, &statement, fault);

        if (r < 0)
                return r;
        if (r > 0)
                code = sqlite3_bind_text(statement, 1, username, -1, SQLITE_STATIC);
        if (r > 0 && code == SQLITE_OK)
                code = sqlite3_step(statement);
        if (code == SQLITE_DONE)
                return fault_set(fault, FAULT_NOT_FOUND, "There is no account '%s'", username);
        if (code != SQLITE_ROW)
                return connection_fault(connection, code, fault, "Reading an account");
        r = read_row(statement, ret, fault);
        if (r < 0 || !ret_stored)
                return r;
        stored = (const char *) sqlite3_column_text(statement, COLUMN_PASSWORD);
        *ret_stored = stored ? strdup(stored) : NULL;
        if (stored && !*ret_stored) {
                account_done(ret);
                return fault_set_errno(fault, ENOMEM, "Reading an account");
        }
        return 0;
}

static int read_rows(Connection *connection,
                sqlite3_stmt *statement,
                Account *accounts,
                size_t limit,
                size_t *ret_n,
                Fault *fault)
{
        size_t n = 0;
        int code = SQLITE_DONE, r;

        while (n < limit && (code = sqlite3_step(statement)) == SQLITE_ROW) {
                r = read_row(statement, accounts + n, fault);
                if (r < 0)
                        goto fail;
                n++;
        }
        if (code != SQLITE_ROW && code != SQLITE_DONE) {
                r = connection_fault(connection, code, fault, "Listing accounts");
                goto fail;
        }
        *ret_n = n;
        return 0;
fail:
        for (size_t i = 0; i < n; i++)
                account_done(accounts + i);
        return r;
}

int account_list(Connection *connection,
                int64_t after_id,
                size_t limit,
                Account **ret,
                size_t *ret_n_accounts,
                Fault *fault)
{
        static const char sql[] = "SELECT " COLUMNS " FROM main.users WHERE id > ? ORDER BY id LIMIT ?";
        _cleanup_(statement_finalizep) sqlite3_stmt *statement = NULL;
        _cleanup_free_ Account *accounts = NULL;
        int r;

        if (limit < 1 || limit > ACCOUNT_PAGE_MAX)
                return fault_set(fault,
                                FAULT_INVALID_ARGUMENT,
                                "1 to %d accounts can be listed at once",
                                ACCOUNT_PAGE_MAX);
        accounts = calloc(limit, sizeof *accounts);
        if (!accounts)
                return fault_set_errno(fault, ENOMEM, "Listing accounts");
        r = prepare(connection, sql, &statement, fault);
        if (r < 0)
                return r;
        if (r == 0) {
                *ret_n_accounts = 0;
                *ret = TAKE_PTR(accounts);
                return 0;
        }
        if (sqlite3_bind_int64(statement, 1, after_id) != SQLITE_OK ||
                        sqlite3_bind_int64(statement, 2, (sqlite3_int64) limit) != SQLITE_OK)
                return connection_fault(
                                connection, sqlite3_errcode(connection->handle), fault, "Listing accounts");
        r = read_rows(connection, statement, accounts, limit, ret_n_accounts, fault);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(accounts);
        return 0;
}
