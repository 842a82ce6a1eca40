/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The people who have an account of the application: the rows of its table `users`, as this service reads
 * them. The password's hash stays in here, but for who verifies it. Used by the thread that the connection
 * belongs to. */

#include "database/connection/connection.h"
#include "records/password-hash.h"

/* The widths of the columns, in characters. */
#define ACCOUNT_NAME_MAX 80
#define ACCOUNT_EMAIL_MAX 120

/* How many account_list() gives at once. */
#define ACCOUNT_PAGE_MAX 1000

/* Texts are owned, valid UTF-8, "" where the row has none, and cut when they are far wider than their
 * column. */
typedef struct Account {
        int64_t id;
        char *username;
        char *email;
        char *unique_id; /* a UUID */
        char *subscription_plan;
        char *subscription_status;
        bool is_admin;
        bool is_approved;
        bool is_active;
        uint64_t subscription_expires_usec; /* 0: never, or not readable; so below */
        uint64_t created_usec;
        uint64_t last_login_usec;
        PasswordFormat password_format;
} Account;

void account_done(Account *account);

/* An array of them and itself. */
void account_free_many(Account *accounts, size_t n_accounts);

/* Whether the name can be an account's: 1 to ACCOUNT_NAME_MAX characters on one line, no blank at either
 * end. INVALID_ARGUMENT, without repeating it: it may be a password in the wrong place. */
int account_check_name(const char *username, Fault *fault);

/* Whether the text can be an account's e-mail address: at most ACCOUNT_EMAIL_MAX characters on one line,
 * without blanks, an @ in between. Where mail goes nobody can tell from its form. */
int account_check_email(const char *email, Fault *fault);

/* NOT_SUPPORTED where the table lacks one of the few columns that no account can do without. Whatever else
 * is missing costs no more than itself: where there is no `is_approved`, say, everybody is approved. */
int account_require_columns(Connection *connection, Fault *fault);

/* Finds one by its name, which is compared exactly. `ret_stored` may be NULL; else it gets what the column
 * `password` holds, NULL when that is NULL: the caller's to wipe and to free. NOT_FOUND. */
int account_find(
                Connection *connection, const char *username, Account *ret, char **ret_stored, Fault *fault);

/* The accounts with an id above `after_id`, by id, at most `limit` of them (1 to ACCOUNT_PAGE_MAX, else
 * INVALID_ARGUMENT). */
int account_list(Connection *connection,
                int64_t after_id,
                size_t limit,
                Account **ret,
                size_t *ret_n_accounts,
                Fault *fault);
