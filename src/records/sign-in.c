/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "records/sign-in.h"

#include <string.h>

#include "records/account-change.h"
#include "records/sign-in-limits.h"

static const char *const result_names[_SIGN_IN_RESULT_MAX] = {
                [SIGN_IN_ACCEPTED] = "accepted",
                [SIGN_IN_WRONG] = "wrong",
                [SIGN_IN_INACTIVE] = "inactive",
                [SIGN_IN_UNAPPROVED] = "unapproved",
                [SIGN_IN_LIMITED] = "limited",
};

const char *sign_in_result_to_string(SignInResult result)
{
        return result >= 0 && result < _SIGN_IN_RESULT_MAX ? result_names[result] : NULL;
}

int sign_in_read_address(const char *text, char ret[static SIGN_IN_ADDRESS_MAX], Fault *fault)
{
        struct in6_addr six;
        struct in_addr four;
        bool is_four = inet_pton(AF_INET, text, &four) == 1;

        if (!is_four && inet_pton(AF_INET6, text, &six) != 1)
                return fault_set(fault, FAULT_INVALID_ARGUMENT, "That is not an IPv4 or IPv6 address");
        if (!is_four && IN6_IS_ADDR_V4MAPPED(&six)) {
                (void) memcpy(&four, six.s6_addr + 12, sizeof four);
                is_four = true;
        }
        if (!is_four)
                (void) memset(six.s6_addr + 8, 0, 8);
        (void) inet_ntop(is_four ? AF_INET : AF_INET6,
                        is_four ? (const void *) &four : (const void *) &six,
                        ret,
                        SIGN_IN_ADDRESS_MAX);
        return 0;
}

static SignInResult result_of(const Account *account)
{
        if (!account->is_active)
                return SIGN_IN_INACTIVE;
        return account->is_approved ? SIGN_IN_ACCEPTED : SIGN_IN_UNAPPROVED;
}

/* An account that may not sign in keeps its row as it is. */
static int note_success(Connection *connection,
                const SignInAttempt *attempt,
                const Account *account,
                const char *stored,
                const PasswordVerdict *verdict,
                Fault *fault)
{
        if (result_of(account) != SIGN_IN_ACCEPTED)
                return 0;
        return account_signed_in(connection,
                        account->id,
                        attempt->now_usec,
                        stored,
                        verdict->replacement[0] != '\0' ? verdict->replacement : NULL,
                        fault);
}

/* An account that is not there is no fault, and leaves *ret_stored NULL. */
static int find_account(Connection *connection,
                const SignInAttempt *attempt,
                Account *account,
                char **ret_stored,
                Fault *fault)
{
        _cleanup_fault_ Fault missing = {0};
        int r = account_find(connection, attempt->username, account, ret_stored, &missing);

        if (r >= 0 || missing.code == FAULT_NOT_FOUND)
                return 0;
        if (fault)
                fault_move(fault, &missing);
        return r;
}

static int try_password(Connection *connection,
                const SignInAttempt *attempt,
                const Account *account,
                const char *stored,
                bool *ret_right,
                Fault *fault)
{
        PasswordVerdict verdict = {0};
        int r;

        r = password_verify(attempt->password, stored, attempt->cost, &verdict, fault);
        if (r >= 0 && verdict.right)
                r = note_success(connection, attempt, account, stored, &verdict, fault);
        if (r >= 0)
                *ret_right = verdict.right;
        explicit_bzero(&verdict, sizeof verdict);
        return r;
}

static int try(Connection *connection,
                Connection *limits,
                const SignInAttempt *attempt,
                const char *stored,
                SignInAnswer *answer,
                bool *ret_right,
                Fault *fault)
{
        char caller[16];
        /* The account's own name: its column may have a collation in which many spellings find it, each of
         * which would have its own tries. */
        const SignInSubject subjects[] = {
                        {SIGN_IN_ACCOUNT,
                                        answer->account.username ? answer->account.username
                                                                 : attempt->username},
                        attempt->address ? (SignInSubject){SIGN_IN_ADDRESS, attempt->address}
                                         : (SignInSubject){SIGN_IN_CALLER, caller},
        };
        int r;

        (void) snprintf(caller, sizeof caller, "%u", (unsigned) attempt->caller);
        r = sign_in_limits_wait(limits,
                        subjects,
                        ELEMENTSOF(subjects),
                        attempt->now_usec,
                        &answer->retry_usec,
                        fault);
        if (r < 0)
                return r;
        if (answer->retry_usec > 0) {
                answer->result = SIGN_IN_LIMITED;
                return 0;
        }
        answer->user_id = answer->account.id;
        r = try_password(connection, attempt, &answer->account, stored, ret_right, fault);
        if (r < 0)
                return r;
        if (!*ret_right)
                return sign_in_limits_count(
                                limits, subjects, ELEMENTSOF(subjects), attempt->now_usec, fault);
        answer->result = result_of(&answer->account);
        return sign_in_limits_forget(limits, &subjects[0], fault);
}

int sign_in(Connection *connection,
                Connection *limits,
                const SignInAttempt *attempt,
                SignInAnswer *ret,
                Fault *fault)
{
        SignInAnswer answer = {.result = SIGN_IN_WRONG};
        char *stored = NULL;
        bool right = false;
        int r = find_account(connection, attempt, &answer.account, &stored, fault);

        if (r >= 0)
                r = try(connection, limits, attempt, stored, &answer, &right, fault);
        if (stored)
                explicit_bzero(stored, strlen(stored));
        free(stored);
        if (!right || r < 0)
                account_done(&answer.account);
        if (r < 0)
                return r;
        *ret = answer;
        return 0;
}
