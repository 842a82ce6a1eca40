/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "records/account-change.h"

#include <inttypes.h>
#include <string.h>
#include <systemd/sd-id128.h>

#include "base/timestamp.h"
#include "database/connection/table-columns.h"
#include "database/connection/transaction.h"
#include "database/schema/schema.h"
#include "database/schema/table-list.h"

#define REFERRING_MAX_BYTES 512 /* of the tables in a message */

typedef struct Change {
        const char *username;
        const AccountDraft *draft;
        AccountFlag flag;
        bool value;
        const char *password_hash;
        Account account; /* as it was, or as it was created */
} Change;

/* Binds texts in order, and then one number, and runs to the end; a row that comes first is *ret_number. */
static int run_prepared(Connection *connection,
                sqlite3_stmt *statement,
                const char *const *texts,
                size_t n_texts,
                int64_t number,
                int64_t *ret_number,
                Fault *fault)
{
        /* The last ones may be those of columns that are missing. */
        int code = SQLITE_OK, n_parameters = sqlite3_bind_parameter_count(statement);

        for (int i = 1; code == SQLITE_OK && i <= MIN_OF(n_parameters, (int) n_texts); i++)
                code = sqlite3_bind_text(statement, i, texts[i - 1], -1, SQLITE_STATIC);
        if (code == SQLITE_OK && n_parameters > (int) n_texts)
                code = sqlite3_bind_int64(statement, (int) n_texts + 1, number);
        if (code == SQLITE_OK)
                code = sqlite3_step(statement);
        if (code != SQLITE_DONE && code != SQLITE_ROW)
                return connection_fault(connection, code, fault, "Changing an account");
        if (ret_number && code == SQLITE_ROW)
                *ret_number = sqlite3_column_int64(statement, 0);
        return 0;
}

/* `template` as table_prepare() takes it. */
static int run(Connection *connection,
                const char *template,
                const char *const *texts,
                size_t n_texts,
                int64_t number,
                int64_t *ret_number,
                Fault *fault)
{
        _cleanup_(statement_finalizep) sqlite3_stmt *statement = NULL;
        int r = table_prepare(connection, template, &statement, fault);

        return r < 0 ? r : run_prepared(connection, statement, texts, n_texts, number, ret_number, fault);
}

/* What is asked for needs a column that the table may lack. */
static int require_column(Connection *connection, const char *column, const char *cost, Fault *fault)
{
        bool is_there;
        int r = table_has_column(connection, "users", column, &is_there, fault);

        if (r >= 0 && !is_there)
                return fault_set(fault,
                                FAULT_NOT_SUPPORTED,
                                "%s: the table users has no column %s, so %s",
                                connection->path,
                                column,
                                cost);
        return r;
}

static int refuse_taken(Connection *connection, const AccountDraft *draft, Fault *fault)
{
        int64_t n = 0;
        int r;

        r = run(connection,
                        "SELECT count(*) FROM main.users WHERE username = ?",
                        &draft->username,
                        1,
                        0,
                        &n,
                        fault);
        if (r >= 0 && n > 0)
                return fault_set(fault,
                                FAULT_CONFLICT,
                                "There is an account '%s' already; take another name",
                                draft->username);
        if (r >= 0 && draft->email)
                r = run(connection,
                                "SELECT count(*) FROM main.users WHERE email = ?",
                                &draft->email,
                                1,
                                0,
                                &n,
                                fault);
        if (r >= 0 && n > 0)
                return fault_set(fault,
                                FAULT_CONFLICT,
                                "Another account has the address %s already",
                                draft->email);
        return r;
}

static int require_draft(Connection *connection, const AccountDraft *draft, Fault *fault)
{
        int r = 0;

        if (draft->email)
                r = require_column(connection, "email", "accounts have no address", fault);
        if (r >= 0 && draft->is_admin)
                r = require_column(connection, "is_admin", "nobody can be an administrator", fault);
        return r;
}

static int create(Connection *connection, void *userdata, Fault *fault)
{
        /* All columns that have a default, too: SQLAlchemy's are in the application, not in the table. The
         * two flags are the two bits of the number. */
        static const char sql[] =
                        "INSERT INTO main.users(username, password{users.email:, email}"
                        "{users.created_at:, created_at}{users.unique_id:, unique_id}"
                        "{users.is_admin:, is_admin}{users.is_approved:, is_approved}"
                        "{users.is_active:, is_active}{users.subscription_plan:, subscription_plan}"
                        "{users.subscription_status:, subscription_status}) VALUES(?1, ?2"
                        "{users.email:, ?3}{users.created_at:, ?4}{users.unique_id:, ?5}"
                        "{users.is_admin:, ?6 & 1}{users.is_approved:, ?6 >> 1}{users.is_active:, 1}"
                        "{users.subscription_plan:, 'free'}{users.subscription_status:, 'inactive'})";
        Change *change = userdata;
        const AccountDraft *draft = change->draft;
        char unique_id[SD_ID128_UUID_STRING_MAX], created[TIMESTAMP_RFC3339_MAX];
        sd_id128_t random;
        int r;

        r = sd_id128_randomize(&random);
        if (r >= 0)
                r = timestamp_format_datetime(draft->created_usec, created);
        if (r < 0)
                return fault_set_errno(fault, r, "Making an account");
        r = schema_add_table(connection, "users", fault);
        if (r >= 0)
                r = account_require_columns(connection, fault);
        if (r >= 0)
                r = require_draft(connection, draft, fault);
        if (r >= 0)
                r = refuse_taken(connection, draft, fault);
        if (r < 0)
                return r;

        const char *const texts[] = {draft->username,
                        draft->password_hash,
                        draft->email,
                        created,
                        sd_id128_to_uuid_string(random, unique_id)};
        r = run(connection,
                        sql,
                        texts,
                        ELEMENTSOF(texts),
                        (int64_t) draft->is_admin | (int64_t) draft->is_approved << 1,
                        NULL,
                        fault);
        return r < 0 ? r : account_find(connection, draft->username, &change->account, NULL, fault);
}

int account_create(Connection *connection, const AccountDraft *draft, Account *ret, Fault *fault)
{
        Change change = {.draft = draft};
        int r;

        r = account_check_name(draft->username, fault);
        if (r >= 0 && draft->email)
                r = account_check_email(draft->email, fault);
        if (r >= 0)
                r = transaction_run(connection, create, &change, fault);
        if (r < 0) {
                account_done(&change.account);
                return r;
        }
        *ret = change.account;
        return 0;
}

/* Without any of those nobody could let anybody in, but through this service. */
static int refuse_last_admin(Connection *connection, const Account *account, Fault *fault)
{
        int64_t n_others = 0;
        int r;

        if (!account->is_admin || !account->is_active || !account->is_approved)
                return 0;
        r = run(connection,
                        "SELECT count(*) FROM main.users WHERE is_admin"
                        "{users.is_active: AND is_active}{users.is_approved: AND is_approved} AND id <> ?",
                        NULL,
                        0,
                        account->id,
                        &n_others,
                        fault);
        if (r >= 0 && n_others == 0)
                return fault_set(fault,
                                FAULT_CONFLICT,
                                "'%s' is the last administrator who can sign in; make another one first",
                                account->username);
        return r;
}

static int set_flag(Connection *connection, void *userdata, Fault *fault)
{
        static const char *const statements[_ACCOUNT_FLAG_MAX][2] = {
                        [ACCOUNT_ACTIVE] = {"UPDATE main.users SET is_active = 0 WHERE id = ?",
                                        "UPDATE main.users SET is_active = 1 WHERE id = ?"},
                        [ACCOUNT_APPROVED] = {"UPDATE main.users SET is_approved = 0 WHERE id = ?",
                                        "UPDATE main.users SET is_approved = 1 WHERE id = ?"},
                        [ACCOUNT_ADMIN] = {"UPDATE main.users SET is_admin = 0 WHERE id = ?",
                                        "UPDATE main.users SET is_admin = 1 WHERE id = ?"},
        };
        static const struct {
                const char *column;
                const char *cost;
        } needs[_ACCOUNT_FLAG_MAX] = {
                        [ACCOUNT_ACTIVE] = {"is_active", "accounts can't be disabled"},
                        [ACCOUNT_APPROVED] = {"is_approved", "every account is approved"},
                        [ACCOUNT_ADMIN] = {"is_admin", "nobody can be an administrator"},
        };
        Change *change = userdata;
        int r;

        r = account_find(connection, change->username, &change->account, NULL, fault);
        if (r >= 0)
                r = require_column(connection, needs[change->flag].column, needs[change->flag].cost, fault);
        if (r >= 0 && !change->value)
                r = refuse_last_admin(connection, &change->account, fault);
        if (r >= 0)
                r = run(connection,
                                statements[change->flag][change->value],
                                NULL,
                                0,
                                change->account.id,
                                NULL,
                                fault);
        return r;
}

static int set_password(Connection *connection, void *userdata, Fault *fault)
{
        Change *change = userdata;
        int r = account_find(connection, change->username, &change->account, NULL, fault);

        return r < 0 ? r
                     : run(connection,
                                       "UPDATE main.users SET password = ? WHERE id = ?",
                                       &change->password_hash,
                                       1,
                                       change->account.id,
                                       NULL,
                                       fault);
}

static int change_one(Connection *connection,
                Change *change,
                int (*work)(Connection *connection, void *userdata, Fault *fault),
                Fault *fault)
{
        int r = transaction_run(connection, work, change, fault);

        account_done(&change->account);
        return r;
}

int account_set_flag(
                Connection *connection, const char *username, AccountFlag flag, bool value, Fault *fault)
{
        Change change = {.username = username, .flag = flag, .value = value};

        return change_one(connection, &change, set_flag, fault);
}

int account_set_password(
                Connection *connection, const char *username, const char *password_hash, Fault *fault)
{
        Change change = {.username = username, .password_hash = password_hash};

        return change_one(connection, &change, set_password, fault);
}

int account_signed_in(Connection *connection,
                int64_t id,
                uint64_t now_usec,
                const char *stored,
                const char *replacement,
                Fault *fault)
{
        static const char sql[] = "UPDATE main.users SET {users.last_login_at:last_login_at = ?1, }"
                                  "password = CASE WHEN password "
                                  "IS ?2 THEN ?3 "
                                  "ELSE password END WHERE id = ?4";
        char now[TIMESTAMP_RFC3339_MAX];
        const char *const texts[] = {now, stored, replacement ? replacement : stored};
        int r = timestamp_format_datetime(now_usec, now);

        if (r < 0)
                return fault_set_errno(fault, r, "Noting a sign-in");
        return run(connection, sql, texts, ELEMENTSOF(texts), id, NULL, fault);
}

typedef struct Referring {
        char tables[REFERRING_MAX_BYTES];
        size_t length;
        bool more; /* than fit in */
} Referring;

static int count_referring(Connection *connection,
                const char *table,
                const char *column,
                const char *target,
                int64_t id,
                Referring *referring,
                Fault *fault)
{
        _cleanup_(statement_finalizep) sqlite3_stmt *statement = NULL;
        char *sql = sqlite3_mprintf("SELECT count(*) FROM main.\"%w\" WHERE \"%w\" IS (SELECT \"%w\" FROM "
                                    "main.users WHERE id = ?1 AND \"%w\" NOTNULL) AND \"%w\" NOTNULL",
                        table,
                        column,
                        target,
                        target,
                        column);
        int64_t n_rows = 0;
        int r, length;

        if (!sql)
                return fault_set_errno(fault, ENOMEM, "Looking for rows that refer to an account");
        r = connection_prepare(connection, sql, &statement, fault);
        sqlite3_free(sql);
        if (r >= 0)
                r = run_prepared(connection, statement, NULL, 0, id, &n_rows, fault);
        if (r < 0 || n_rows == 0)
                return r;
        length = snprintf(referring->tables + referring->length,
                        sizeof referring->tables - referring->length,
                        "%s%.100s.%.100s (%" PRIi64 ")",
                        referring->length > 0 ? ", " : "",
                        table,
                        column,
                        n_rows);
        if (length < 0 || (size_t) length >= sizeof referring->tables - referring->length) {
                referring->tables[referring->length] = '\0';
                referring->more = true;
        } else
                referring->length += (size_t) length;
        return 0;
}

static int count_keys(
                Connection *connection, const char *table, int64_t id, Referring *referring, Fault *fault)
{
        _cleanup_(statement_finalizep) sqlite3_stmt *keys = NULL;
        char *sql = sqlite3_mprintf("PRAGMA main.foreign_key_list(%Q)", table);
        int code = SQLITE_DONE, r;

        if (!sql)
                return fault_set_errno(fault, ENOMEM, "Looking for rows that refer to an account");
        r = connection_prepare(connection, sql, &keys, fault);
        sqlite3_free(sql);
        while (r >= 0 && (code = sqlite3_step(keys)) == SQLITE_ROW) {
                const char *to = (const char *) sqlite3_column_text(keys, 4);

                if (sqlite3_stricmp((const char *) sqlite3_column_text(keys, 2), "users") == 0)
                        r = count_referring(connection,
                                        table,
                                        (const char *) sqlite3_column_text(keys, 3),
                                        to ? to : "id",
                                        id,
                                        referring,
                                        fault);
        }
        if (r >= 0 && code != SQLITE_DONE)
                r = connection_fault(connection, code, fault, "Looking for rows that refer to an account");
        return r;
}

/* Of every table that there is, not only those that this service knows. */
static int find_referring(Connection *connection, int64_t id, Referring *referring, Fault *fault)
{
        _cleanup_(table_list_done) TableList list = {0};
        int r = table_list_load(connection, &list, fault);

        for (size_t i = 0; r >= 0 && i < list.n_tables; i++)
                r = count_keys(connection, list.tables[i].name, id, referring, fault);
        return r;
}

static int delete_account(Connection *connection, void *userdata, Fault *fault)
{
        Referring referring = {0};
        Change *change = userdata;
        int r;

        r = account_find(connection, change->username, &change->account, NULL, fault);
        if (r >= 0)
                r = refuse_last_admin(connection, &change->account, fault);
        if (r >= 0)
                r = find_referring(connection, change->account.id, &referring, fault);
        if (r < 0)
                return r;
        if (referring.length > 0 || referring.more)
                return fault_set(fault,
                                FAULT_CONFLICT,
                                "Rows refer to the account '%s': %s%s. Disable it instead; what it did "
                                "stays "
                                "known then",
                                change->username,
                                referring.tables,
                                referring.more ? ", …" : "");
        return run(connection,
                        "DELETE FROM main.users WHERE id = ?",
                        NULL,
                        0,
                        change->account.id,
                        NULL,
                        fault);
}

int account_delete(Connection *connection, const char *username, Fault *fault)
{
        Change change = {.username = username};

        return change_one(connection, &change, delete_account, fault);
}
