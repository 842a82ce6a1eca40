/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How the column `users.password` keeps passwords. New ones are bcrypt, `$2b$`, through libxcrypt. Old ones,
 * of werkzeug or plain text, verify, and are to be replaced once the password is known. A try costs the same
 * whether the account exists or not, so that the time it takes tells nobody which names there are. Any
 * thread. Nothing secret is left in memory of its own, or goes into a fault. */

#include "base/fault.h"

/* bcrypt reads 72 bytes. A longer password is refused, never cut: two that differ behind them would be one.
 */
#define PASSWORD_MAX_BYTES 72

#define PASSWORD_HASH_MAX sizeof("$2b$12$0123456789012345678901abcdefghijklmnopqrstuvwxyz01234")

/* Each step doubles the work; 12 takes about a quarter of a second. */
#define PASSWORD_COST_MIN 10
#define PASSWORD_COST_MAX 14

typedef enum PasswordFormat {
        PASSWORD_NONE, /* empty: no password fits */
        PASSWORD_BCRYPT,
        PASSWORD_SCRYPT,
        PASSWORD_PBKDF2,
        PASSWORD_PLAIN,
        PASSWORD_UNKNOWN, /* a hash of another kind, or beyond what is done for one: no password fits */
        _PASSWORD_FORMAT_MAX,
        _PASSWORD_FORMAT_INVALID = -EINVAL,
} PasswordFormat;

const char *password_format_to_string(PasswordFormat format); /* "none", "bcrypt", "scrypt", … */

/* What the column's text is. NULL is NONE. */
PasswordFormat password_format_of(const char *stored);

/* INVALID_ARGUMENT, with what is wrong in words, for a password that can't be one: empty, longer than
 * PASSWORD_MAX_BYTES, with a NUL byte or not UTF-8. */
int password_check(const char *password, size_t password_bytes, Fault *fault);

/* Makes a bcrypt hash with a new salt. The password was checked. */
int password_hash(const char *password, unsigned cost, char ret[static PASSWORD_HASH_MAX], Fault *fault);

typedef struct PasswordVerdict {
        bool right;
        char replacement[PASSWORD_HASH_MAX]; /* what the column is to hold from now on; "" when it is as it
                                                should be. Only when the password is right */
} PasswordVerdict;

/* Compares a password, which was checked, with what the column holds; NULL for an account that there isn't.
 * Does one bcrypt of `cost` in any case, which makes the replacement where there is to be one. Old hashes
 * and those of another cost take their own work on top. FAILED when libcrypt or libcrypto can't. */
int password_verify(
                const char *password, const char *stored, unsigned cost, PasswordVerdict *ret, Fault *fault);
