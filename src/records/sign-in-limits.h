/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How often a sign-in may fail, and how long to wait then. Failures are counted by the name of the account
 * that was found, or else by the name that was given, by the client's address, and by the caller on the bus
 * where none was given. They lie in a small SQLite file of the service's own, so that a restart does not
 * forget them. It is not the application's database: every sign-in would wait for its writers, a restore
 * would set the counts back, and backups and exports would carry them. What is counted lies there as a
 * digest, since people do type their password where the name belongs.
 *
 * One thread uses the file (the daemon's password lane). A file that turns out damaged is replaced by an
 * empty one. Faults never say that the database is corrupt: it is not about that one. */

#include "database/connection/connection.h"

/* Rows of which nothing was heard for as long are forgotten. */
#define SIGN_IN_LIMITS_MEMORY_USEC USEC_PER_DAY

/* When there are more, those with the fewest failures go first. */
#define SIGN_IN_LIMITS_ROWS_MAX 8192

typedef enum SignInSubjectKind {
        SIGN_IN_ACCOUNT, /* the fifth failure in a row and later ones: 1 s, 2 s, 4 s, … 15 minutes */
        SIGN_IN_ADDRESS, /* the twentieth and later ones, the same; one less each quarter of an hour */
        SIGN_IN_CALLER,  /* the hundredth and later ones, up to a minute: it may be a whole website; one less
                          * each minute */
        _SIGN_IN_SUBJECT_MAX,
        _SIGN_IN_SUBJECT_INVALID = -EINVAL,
} SignInSubjectKind;

typedef struct SignInSubject {
        SignInSubjectKind kind;
        const char *name;
} SignInSubject;

/* Opens the file, which is created with mode 0600, and forgets what is old. A moment in the future, from
 * before the clock was set back, becomes `now_usec`. */
int sign_in_limits_open(const char *path, uint64_t now_usec, Connection **ret, Fault *fault);

/* How long none of the subjects may try again; 0: they may. */
int sign_in_limits_wait(Connection *limits,
                const SignInSubject *subjects,
                size_t n_subjects,
                uint64_t now_usec,
                uint64_t *ret_usec,
                Fault *fault);

/* Counts one failure of each. */
int sign_in_limits_count(Connection *limits,
                const SignInSubject *subjects,
                size_t n_subjects,
                uint64_t now_usec,
                Fault *fault);

/* Forgets the failures of one. */
int sign_in_limits_forget(Connection *limits, const SignInSubject *subject, Fault *fault);
