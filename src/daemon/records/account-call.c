/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/records/account-call.h"

#include <string.h>

#include "base/clock.h"
#include "base/names.h"
#include "daemon/audit/audit.h"
#include "daemon/bus/bus-argument.h"
#include "daemon/manager.h"
#include "records/sign-in-limits.h"

typedef struct AccountCall {
        AccountWish wish; /* its texts are owned */
        char *limits_path;
        uid_t caller;
        unsigned cost;

        /* The answer. */
        SignInAnswer answer; /* its account also of create and show */
        Account *accounts;
        size_t n_accounts;
} AccountCall;

static void free_text(const char *text)
{
        free((void *) text);
}

static void account_call_free(void *userdata)
{
        AccountCall *call = userdata;

        if (call->wish.password)
                explicit_bzero((void *) call->wish.password, strlen(call->wish.password));
        free_text(call->wish.username);
        free_text(call->wish.password);
        free_text(call->wish.email);
        free_text(call->wish.address);
        free_text(call->wish.counted_address);
        free(call->limits_path);
        account_done(&call->answer.account);
        account_free_many(call->accounts, call->n_accounts);
        free(call);
}

/* In place of the borrowed text. */
static bool keep(const char **text)
{
        *text = *text ? strdup(*text) : NULL;
        return *text;
}

int account_call_ask(Manager *manager,
                const RecordCallType *type,
                const AccountWish *wish,
                sd_bus_message *message,
                const Caller *caller,
                Fault *fault)
{
        AccountCall *call = calloc(1, sizeof *call);
        bool kept;

        if (!call)
                return fault_set_errno(fault, ENOMEM, "Queueing a call");
        call->wish = *wish;
        call->caller = caller->uid;
        call->cost = manager->configuration.bcrypt_cost;
        kept = keep(&call->wish.username) == (wish->username != NULL);
        kept &= keep(&call->wish.password) == (wish->password != NULL);
        kept &= keep(&call->wish.email) == (wish->email != NULL);
        kept &= keep(&call->wish.address) == (wish->address != NULL);
        kept &= keep(&call->wish.counted_address) == (wish->counted_address != NULL);
        if (asprintf(&call->limits_path, "%s/%s", manager->state_directory, SIGN_IN_FAILURES_FILE) < 0)
                call->limits_path = NULL;
        if (!kept || !call->limits_path) {
                account_call_free(call);
                return fault_set_errno(fault, ENOMEM, "Queueing a call");
        }
        return record_call_ask(manager, type, call, message, caller, fault);
}

static int run_create(Connection *connection, void *userdata, Fault *fault)
{
        AccountCall *call = userdata;
        char hash[PASSWORD_HASH_MAX];
        const AccountDraft draft = {
                        .username = call->wish.username,
                        .email = call->wish.email,
                        .password_hash = hash,
                        .is_admin = call->wish.is_admin,
                        .is_approved = call->wish.is_approved,
                        .created_usec = clock_now_usec(),
        };
        int r = password_hash(call->wish.password, call->cost, hash, fault);

        if (r >= 0)
                r = account_create(connection, &draft, &call->answer.account, fault);
        explicit_bzero(hash, sizeof hash);
        return r;
}

static int run_list(Connection *connection, void *userdata, Fault *fault)
{
        AccountCall *call = userdata;

        return account_list(connection,
                        call->wish.after_id,
                        call->wish.limit,
                        &call->accounts,
                        &call->n_accounts,
                        fault);
}

static int run_show(Connection *connection, void *userdata, Fault *fault)
{
        AccountCall *call = userdata;

        return account_find(connection, call->wish.username, &call->answer.account, NULL, fault);
}

static int run_verify(Connection *connection, void *userdata, Fault *fault)
{
        AccountCall *call = userdata;
        _cleanup_(connection_closep) Connection *limits = NULL;
        const SignInAttempt attempt = {
                        .username = call->wish.username,
                        .password = call->wish.password,
                        .address = call->wish.counted_address,
                        .caller = call->caller,
                        .cost = call->cost,
                        .now_usec = clock_now_usec(),
        };
        int r = sign_in_limits_open(call->limits_path, attempt.now_usec, &limits, fault);

        return r < 0 ? r : sign_in(connection, limits, &attempt, &call->answer, fault);
}

/* Somebody who may do so has vouched for the account's owner. Before what was asked for is done: a call that
 * has failed must not have changed the account. */
static int forget_failures(const AccountCall *call, Fault *fault)
{
        _cleanup_(connection_closep) Connection *limits = NULL;
        const SignInSubject account = {SIGN_IN_ACCOUNT, call->wish.username};
        int r = sign_in_limits_open(call->limits_path, clock_now_usec(), &limits, fault);

        return r < 0 ? r : sign_in_limits_forget(limits, &account, fault);
}

static int run_set_password(Connection *connection, void *userdata, Fault *fault)
{
        AccountCall *call = userdata;
        char hash[PASSWORD_HASH_MAX];
        int r = password_hash(call->wish.password, call->cost, hash, fault);

        if (r >= 0)
                r = forget_failures(call, fault);
        if (r >= 0)
                r = account_set_password(connection, call->wish.username, hash, fault);
        explicit_bzero(hash, sizeof hash);
        return r;
}

static int run_set_flag(Connection *connection, void *userdata, Fault *fault)
{
        AccountCall *call = userdata;

        return account_set_flag(connection, call->wish.username, call->wish.flag, call->wish.value, fault);
}

static int run_enable(Connection *connection, void *userdata, Fault *fault)
{
        int r = forget_failures(userdata, fault);

        return r < 0 ? r : run_set_flag(connection, userdata, fault);
}

static int run_delete(Connection *connection, void *userdata, Fault *fault)
{
        const AccountCall *call = userdata;

        return account_delete(connection, call->wish.username, fault);
}

static int append_text(sd_bus_message *message, const char *key, const char *text)
{
        return text[0] ? sd_bus_message_append(message, "{sv}", key, "s", text) : 0;
}

static int append_moment(sd_bus_message *message, const char *key, uint64_t usec)
{
        return usec > 0 ? sd_bus_message_append(message, "{sv}", key, "t", usec) : 0;
}

static int append_flag(sd_bus_message *message, const char *key, bool flag)
{
        return sd_bus_message_append(message, "{sv}", key, "b", (int) flag);
}

/* a{sv}; what the row doesn't have is left out, and so is everything of an account that there isn't. */
static int append_account(sd_bus_message *message, const Account *account)
{
        int r = sd_bus_message_open_container(message, 'a', "{sv}");

        if (r < 0 || !account->username)
                return r < 0 ? r : sd_bus_message_close_container(message);
        r = sd_bus_message_append(message, "{sv}", "Id", "x", account->id);
        if (r >= 0)
                r = sd_bus_message_append(message, "{sv}", "Username", "s", account->username);
        if (r >= 0)
                r = append_text(message, "Email", account->email);
        if (r >= 0)
                r = append_text(message, "UniqueId", account->unique_id);
        if (r >= 0)
                r = append_flag(message, "Admin", account->is_admin);
        if (r >= 0)
                r = append_flag(message, "Approved", account->is_approved);
        if (r >= 0)
                r = append_flag(message, "Active", account->is_active);
        if (r >= 0)
                r = append_text(message, "SubscriptionPlan", account->subscription_plan);
        if (r >= 0)
                r = append_text(message, "SubscriptionStatus", account->subscription_status);
        if (r >= 0)
                r = append_moment(message, "SubscriptionExpiresUSec", account->subscription_expires_usec);
        if (r >= 0)
                r = append_moment(message, "CreatedUSec", account->created_usec);
        if (r >= 0)
                r = append_moment(message, "LastLoginUSec", account->last_login_usec);
        if (r >= 0)
                r = append_text(message,
                                "PasswordFormat",
                                password_format_to_string(account->password_format));
        return r < 0 ? r : sd_bus_message_close_container(message);
}

static int reply_created(Manager *manager, sd_bus_message *message, void *userdata)
{
        const AccountCall *call = userdata;

        return sd_bus_reply_method_return(
                        message, "xs", call->answer.account.id, call->answer.account.unique_id);
}

static int reply_list(Manager *manager, sd_bus_message *message, void *userdata)
{
        const AccountCall *call = userdata;
        _cleanup_message_ sd_bus_message *reply = NULL;
        int r = sd_bus_message_new_method_return(message, &reply);

        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "a{sv}");
        for (size_t i = 0; r >= 0 && i < call->n_accounts; i++)
                r = append_account(reply, call->accounts + i);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_message_send(reply);
}

static int reply_account(Manager *manager, sd_bus_message *message, void *userdata)
{
        const AccountCall *call = userdata;
        _cleanup_message_ sd_bus_message *reply = NULL;
        int r = sd_bus_message_new_method_return(message, &reply);

        if (r >= 0)
                r = append_account(reply, &call->answer.account);
        return r < 0 ? r : sd_bus_message_send(reply);
}

static int reply_verified(Manager *manager, sd_bus_message *message, void *userdata)
{
        const AccountCall *call = userdata;
        _cleanup_message_ sd_bus_message *reply = NULL;
        int r = sd_bus_message_new_method_return(message, &reply);

        if (r >= 0)
                r = sd_bus_message_append(reply,
                                "st",
                                sign_in_result_to_string(call->answer.result),
                                call->answer.retry_usec);
        if (r >= 0)
                r = append_account(reply, &call->answer.account);
        return r < 0 ? r : sd_bus_message_send(reply);
}

static int reply_done(Manager *manager, sd_bus_message *message, void *userdata)
{
        return sd_bus_reply_method_return(message, NULL);
}

static void record_create(const Caller *caller, const void *userdata, const Fault *fault)
{
        audit_call(caller, "create-account", ((const AccountCall *) userdata)->wish.username, fault);
}

static void record_set_password(const Caller *caller, const void *userdata, const Fault *fault)
{
        audit_call(caller, "set-password", ((const AccountCall *) userdata)->wish.username, fault);
}

static void record_set_flag(const Caller *caller, const void *userdata, const Fault *fault)
{
        static const char *const operations[_ACCOUNT_FLAG_MAX][2] = {
                        [ACCOUNT_ACTIVE] = {"disable-account", "enable-account"},
                        [ACCOUNT_APPROVED] = {"withdraw-approval", "approve-account"},
                        [ACCOUNT_ADMIN] = {"withdraw-admin", "make-admin"},
        };
        const AccountWish *wish = &((const AccountCall *) userdata)->wish;

        audit_call(caller, operations[wish->flag][wish->value], wish->username, fault);
}

static void record_delete(const Caller *caller, const void *userdata, const Fault *fault)
{
        audit_call(caller, "delete-account", ((const AccountCall *) userdata)->wish.username, fault);
}

/* Who has read personal data. */
static void record_list(const Caller *caller, const void *userdata, const Fault *fault)
{
        if (fault->code == FAULT_NONE)
                audit_read(caller, "list-accounts", NULL);
}

static void record_show(const Caller *caller, const void *userdata, const Fault *fault)
{
        if (fault->code == FAULT_NONE)
                audit_read(caller, "show-account", ((const AccountCall *) userdata)->wish.username);
}

/* A try that was not let through leaves nothing: those before it are recorded, and nobody can fill the log
 * by trying on. */
static void record_verify(const Caller *caller, const void *userdata, const Fault *fault)
{
        const AccountCall *call = userdata;
        const SignInAnswer *answer = &call->answer;

        if (fault->code != FAULT_NONE)
                audit_frequent_call(caller, "sign-in", NULL, fault);
        else if (answer->result != SIGN_IN_LIMITED)
                audit_sign_in(caller,
                                answer->user_id,
                                answer->account.subscription_plan,
                                call->wish.address,
                                answer->result == SIGN_IN_ACCEPTED);
}

#define TYPE(name, lane, run, reply, record)         \
        const RecordCallType account_call_##name = { \
                        RECORD_LANE_##lane, run, reply, account_call_free, record, "accounts"}
TYPE(create, PASSWORD, run_create, reply_created, record_create);
TYPE(list, QUICK, run_list, reply_list, record_list);
TYPE(show, QUICK, run_show, reply_account, record_show);
TYPE(verify, PASSWORD, run_verify, reply_verified, record_verify);
TYPE(set_password, PASSWORD, run_set_password, reply_done, record_set_password);
TYPE(set_flag, CHANGE, run_set_flag, reply_done, record_set_flag);
TYPE(enable, PASSWORD, run_enable, reply_done, record_set_flag);
TYPE(delete, CHANGE, run_delete, reply_done, record_delete);
