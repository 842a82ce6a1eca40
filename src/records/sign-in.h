/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One try to sign in, from the limits to what it leaves behind. Somebody who doesn't know the password
 * learns nothing of the account: not whether it exists, nor what state it is in. Runs on the daemon's
 * password lane, a try at a time, so that none slips past the count of another. */

#include <arpa/inet.h>
#include <sys/types.h>

#include "records/account.h"

#define SIGN_IN_ADDRESS_MAX INET6_ADDRSTRLEN

typedef enum SignInResult {
        SIGN_IN_ACCEPTED,
        SIGN_IN_WRONG,      /* the name or the password */
        SIGN_IN_INACTIVE,   /* the password is right, but the account is disabled */
        SIGN_IN_UNAPPROVED, /* the same, and nobody has approved it yet */
        SIGN_IN_LIMITED,    /* too many failures: nothing was compared */
        _SIGN_IN_RESULT_MAX,
        _SIGN_IN_RESULT_INVALID = -EINVAL,
} SignInResult;

const char *sign_in_result_to_string(SignInResult result); /* "accepted", "wrong", … */

/* Reads the address that a client has, as the application tells it, into what is counted for it: IPv4 as it
 * is, also where it is written as IPv6; of IPv6 the first 64 bits, which is the least that anybody is given.
 * INVALID_ARGUMENT. */
int sign_in_read_address(const char *text, char ret[static SIGN_IN_ADDRESS_MAX], Fault *fault);

typedef struct SignInAttempt {
        const char *username;
        const char *password; /* checked */
        const char *address;  /* from sign_in_read_address(); NULL: the caller is counted in its place */
        uid_t caller;
        unsigned cost;
        uint64_t now_usec;
} SignInAttempt;

typedef struct SignInAnswer {
        SignInResult result;
        uint64_t retry_usec; /* LIMITED: how long from now */
        int64_t user_id;     /* whose account was tried, for the logs alone; 0: nobody's, or LIMITED */
        Account account;     /* where the password was right */
} SignInAnswer;

/* Tries. What can't be recorded (the database is locked or full) is not answered but is a fault. `limits` is
 * from sign_in_limits_open(). */
int sign_in(Connection *connection,
                Connection *limits,
                const SignInAttempt *attempt,
                SignInAnswer *ret,
                Fault *fault);
