/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/interface/accounts-bus.h"

#include <string.h>

#include "base/names.h"
#include "daemon/access/authorize.h"
#include "daemon/bus/bus-argument.h"
#include "daemon/latency/response-times.h"
#include "daemon/manager.h"
#include "daemon/records/account-call.h"

/* Hands a call over that was read and found right. */
static int ask(Manager *manager,
                const RecordCallType *type,
                const AccountWish *wish,
                sd_bus_message *message,
                sd_bus_error *error)
{
        _cleanup_fault_ Fault fault = {0};
        Caller caller;
        int r = authorize(message, ACTION_MANAGE_ACCOUNTS, &caller, error);

        if (r < 0)
                return r;
        if (r == 0)
                return 1; /* Will call us back */
        r = account_call_ask(manager, type, wish, message, &caller, &fault);
        return r < 0 ? bus_fault(error, &fault) : 1; /* Answered when it is done */
}

static int check(const AccountWish *wish, sd_bus_error *error)
{
        _cleanup_fault_ Fault fault = {0};
        int r = account_check_name(wish->username, &fault);

        if (r >= 0 && wish->password)
                r = password_check(wish->password, strlen(wish->password), &fault);
        if (r >= 0 && wish->email)
                r = account_check_email(wish->email, &fault);
        return r < 0 ? bus_fault(error, &fault) : 0;
}

/* A name and a password, and what the caller adds to them. */
static int read_credentials(sd_bus_message *message,
                AccountWish *wish,
                const CallOption *options,
                size_t n_options,
                sd_bus_error *error)
{
        int r = sd_bus_message_read(message, "ss", &wish->username, &wish->password);

        if (r >= 0)
                r = call_options_read(message, options, n_options, error);
        return r < 0 ? r : check(wish, error);
}

static int method_create(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        AccountWish wish = {0};
        int admin = false, approved = false, r;
        const CallOption options[] = {
                        {"email", 's', &wish.email}, {"admin", 'b', &admin}, {"approved", 'b', &approved}};

        r = read_credentials(message, &wish, options, ELEMENTSOF(options), error);
        if (r < 0)
                return r;
        wish.is_admin = admin;
        wish.is_approved = approved;
        return ask(userdata, &account_call_create, &wish, message, error);
}

static int method_list(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        AccountWish wish = {0};
        int r = sd_bus_message_read(message, "xu", &wish.after_id, &wish.limit);

        if (r < 0)
                return r;
        if (wish.limit < 1 || wish.limit > ACCOUNT_PAGE_MAX)
                return bus_error(error,
                                fault_bus_name(FAULT_INVALID_ARGUMENT),
                                "1 to %d accounts can be listed at once",
                                ACCOUNT_PAGE_MAX);
        return ask(userdata, &account_call_list, &wish, message, error);
}

/* A call with a name and nothing else. */
static int ask_by_name(
                const RecordCallType *type, sd_bus_message *message, Manager *manager, sd_bus_error *error)
{
        AccountWish wish = {0};
        int r = sd_bus_message_read(message, "s", &wish.username);

        if (r >= 0)
                r = check(&wish, error);
        return r < 0 ? r : ask(manager, type, &wish, message, error);
}

static int method_show(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        return ask_by_name(&account_call_show, message, userdata, error);
}

static int method_delete(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        return ask_by_name(&account_call_delete, message, userdata, error);
}

static int method_verify_password(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        _cleanup_fault_ Fault fault = {0};
        AccountWish wish = {0};
        const CallOption options[] = {{"address", 's', &wish.address}};
        char counted[SIGN_IN_ADDRESS_MAX];
        int r;

        r = read_credentials(message, &wish, options, ELEMENTSOF(options), error);
        if (r < 0)
                return r;
        if (wish.address) {
                if (sign_in_read_address(wish.address, counted, &fault) < 0)
                        return bus_fault(error, &fault);
                wish.counted_address = counted;
        }
        return ask(userdata, &account_call_verify, &wish, message, error);
}

static int method_set_password(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        AccountWish wish = {0};
        int r = sd_bus_message_read(message, "ss", &wish.username, &wish.password);

        if (r >= 0)
                r = check(&wish, error);
        return r < 0 ? r : ask(userdata, &account_call_set_password, &wish, message, error);
}

/* A call with a name and a flag's new value. */
static int ask_to_set(AccountFlag flag, sd_bus_message *message, Manager *manager, sd_bus_error *error)
{
        AccountWish wish = {.flag = flag};
        int value, r = sd_bus_message_read(message, "sb", &wish.username, &value);

        if (r >= 0)
                r = check(&wish, error);
        if (r < 0)
                return r;
        wish.value = value;
        return ask(manager,
                        flag == ACCOUNT_ACTIVE && value ? &account_call_enable : &account_call_set_flag,
                        &wish,
                        message,
                        error);
}

static int method_set_enabled(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        return ask_to_set(ACCOUNT_ACTIVE, message, userdata, error);
}

static int method_set_approved(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        return ask_to_set(ACCOUNT_APPROVED, message, userdata, error);
}

static int method_set_admin(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        return ask_to_set(ACCOUNT_ADMIN, message, userdata, error);
}

static const sd_bus_vtable accounts_vtable[] = {
                SD_BUS_VTABLE_START(0),

                SD_BUS_METHOD_WITH_ARGS("Create",
                                SD_BUS_ARGS("s", username, "s", password, "a{sv}", options),
                                SD_BUS_RESULT("x", id, "s", unique_id),
                                method_create,
                                SD_BUS_VTABLE_UNPRIVILEGED | SD_BUS_VTABLE_SENSITIVE),
                SD_BUS_METHOD_WITH_ARGS("List",
                                SD_BUS_ARGS("x", after_id, "u", limit),
                                SD_BUS_RESULT("aa{sv}", accounts),
                                method_list,
                                SD_BUS_VTABLE_UNPRIVILEGED),
                SD_BUS_METHOD_WITH_ARGS("Show",
                                SD_BUS_ARGS("s", username),
                                SD_BUS_RESULT("a{sv}", account),
                                method_show,
                                SD_BUS_VTABLE_UNPRIVILEGED),
                SD_BUS_METHOD_WITH_ARGS("VerifyPassword",
                                SD_BUS_ARGS("s", username, "s", password, "a{sv}", options),
                                SD_BUS_RESULT("s", result, "t", retry_usec, "a{sv}", account),
                                method_verify_password,
                                SD_BUS_VTABLE_UNPRIVILEGED | SD_BUS_VTABLE_SENSITIVE),
                SD_BUS_METHOD_WITH_ARGS("SetPassword",
                                SD_BUS_ARGS("s", username, "s", password),
                                SD_BUS_NO_RESULT,
                                method_set_password,
                                SD_BUS_VTABLE_UNPRIVILEGED | SD_BUS_VTABLE_SENSITIVE),
                SD_BUS_METHOD_WITH_ARGS("SetEnabled",
                                SD_BUS_ARGS("s", username, "b", enabled),
                                SD_BUS_NO_RESULT,
                                method_set_enabled,
                                SD_BUS_VTABLE_UNPRIVILEGED),
                SD_BUS_METHOD_WITH_ARGS("SetApproved",
                                SD_BUS_ARGS("s", username, "b", approved),
                                SD_BUS_NO_RESULT,
                                method_set_approved,
                                SD_BUS_VTABLE_UNPRIVILEGED),
                SD_BUS_METHOD_WITH_ARGS("SetAdmin",
                                SD_BUS_ARGS("s", username, "b", admin),
                                SD_BUS_NO_RESULT,
                                method_set_admin,
                                SD_BUS_VTABLE_UNPRIVILEGED),
                SD_BUS_METHOD_WITH_ARGS("Delete",
                                SD_BUS_ARGS("s", username),
                                SD_BUS_NO_RESULT,
                                method_delete,
                                SD_BUS_VTABLE_UNPRIVILEGED),
                SD_BUS_VTABLE_END,
};

int accounts_bus_register(Manager *manager)
{
        return response_times_add_vtable(manager, BUS_PATH, BUS_INTERFACE_ACCOUNTS, accounts_vtable, NULL);
}
