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

static int try_password(Connection *connection,
                const SignInAttempt *attempt,
                bool *ret_right,
                int64_t *ret_id,
                Account *account,
                Fault *fault)
{
        _cleanup_fault_ Fault missing = {0};
        PasswordVerdict verdict = {0};
        char *stored = NULL;
        int r;

        r = account_find(connection, attempt->username, account, &stored, &missing);
        if (r < 0 && missing.code != FAULT_NOT_FOUND) {
                if (fault)
                        fault_move(fault, &missing);
                return r;
        }
        r = password_verify(attempt->password, stored, attempt->cost, &verdict, fault);
        if (r >= 0 && verdict.right)
                r = note_success(connection, attempt, account, stored, &verdict, fault);
        if (r >= 0) {
                *ret_right = verdict.right;
                *ret_id = account->id;
        }
        if (stored)
                explicit_bzero(stored, strlen(stored));
        free(stored);
        explicit_bzero(&verdict, sizeof verdict);
        return r;
}

int sign_in(Connection *connection,
                Connection *limits,
                const SignInAttempt *attempt,
                SignInAnswer *ret,
                Fault *fault)
{
        char caller[16];
        const SignInSubject subjects[] = {
                        {SIGN_IN_ACCOUNT, attempt->username},
                        attempt->address ? (SignInSubject){SIGN_IN_ADDRESS, attempt->address}
                                         : (SignInSubject){SIGN_IN_CALLER, caller},
        };
        SignInAnswer answer = {.result = SIGN_IN_WRONG};
        bool right = false;
        int r;

        (void) snprintf(caller, sizeof caller, "%u", (unsigned) attempt->caller);
        r = sign_in_limits_wait(limits,
                        subjects,
                        ELEMENTSOF(subjects),
                        attempt->now_usec,
                        &answer.retry_usec,
                        fault);
        if (r >= 0 && answer.retry_usec > 0)
                answer.result = SIGN_IN_LIMITED;
        else if (r >= 0) {
                r = try_password(connection, attempt, &right, &answer.user_id, &answer.account, fault);
                if (r >= 0 && right) {
                        answer.result = result_of(&answer.account);
                        r = sign_in_limits_forget(limits, &subjects[0], fault);
                } else if (r >= 0)
                        r = sign_in_limits_count(
                                        limits, subjects, ELEMENTSOF(subjects), attempt->now_usec, fault);
        }
        if (!right || r < 0)
                account_done(&answer.account);
        if (r < 0)
                return r;
        *ret = answer;
        return 0;
}
