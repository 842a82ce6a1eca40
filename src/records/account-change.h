/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What changes accounts: each function is one transaction on the table `users`, and on none of the
 * application's other tables. Needs a CONNECTION_WRITE outside of a transaction. CONFLICT where what is
 * there stands against a change; NOT_FOUND where there is no such account. */

#include "records/account.h"

typedef struct AccountDraft {
        const char *username;
        const char *email; /* or NULL */
        const char *password_hash;
        bool is_admin;
        bool is_approved;
        uint64_t created_usec;
} AccountDraft;

/* Adds an account, active, on the free plan as the application does it, with a random UUID. CONFLICT says
 * whether the name is taken or the address. */
int account_create(Connection *connection, const AccountDraft *draft, Account *ret, Fault *fault);

typedef enum AccountFlag {
        ACCOUNT_ACTIVE,
        ACCOUNT_APPROVED,
        ACCOUNT_ADMIN,
        _ACCOUNT_FLAG_MAX,
        _ACCOUNT_FLAG_INVALID = -EINVAL,
} AccountFlag;

/* CONFLICT when the account is the last administrator who can sign in, and couldn't any more. */
int account_set_flag(
                Connection *connection, const char *username, AccountFlag flag, bool value, Fault *fault);

/* Puts a hash in place of what the account had. */
int account_set_password(
                Connection *connection, const char *username, const char *password_hash, Fault *fault);

/* What a sign-in leaves: the moment, and `replacement` (may be NULL) in place of `stored`, unless that was
 * changed meanwhile. */
int account_signed_in(Connection *connection,
                int64_t id,
                uint64_t now_usec,
                const char *stored,
                const char *replacement,
                Fault *fault);

/* Deletes an account that no row of any table refers to: rows are never deleted with it, and never left
 * pointing to nobody. Else CONFLICT names the tables and how many rows each has; an account that was used is
 * disabled instead. CONFLICT for the last administrator, too. */
int account_delete(Connection *connection, const char *username, Fault *fault);
