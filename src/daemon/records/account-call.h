/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The calls of the interface .Accounts between their handlers (accounts-bus.c) and their answers: what each
 * does on its worker, and what it sends. What checks or makes a hash, and what touches the counts of failed
 * sign-ins, runs on the password lane; other changes on the lane for those, and look-ups on the quick one.
 */

#include "daemon/records/record-call.h"
#include "records/account-change.h"
#include "records/sign-in.h"

/* What a handler has read: everything is borrowed, and copied by account_call_ask(). Which of it a call uses
 * depends on its type. */
typedef struct AccountWish {
        const char *username;
        const char *password; /* checked */
        const char *email;
        const char *address;         /* as the application told it, or NULL */
        const char *counted_address; /* what sign_in_read_address() made of it */
        bool is_admin;
        bool is_approved;
        AccountFlag flag;
        bool value;
        int64_t after_id;
        uint32_t limit;
} AccountWish;

extern const RecordCallType account_call_create;
extern const RecordCallType account_call_list;
extern const RecordCallType account_call_show;
extern const RecordCallType account_call_verify;
extern const RecordCallType account_call_set_password;
extern const RecordCallType account_call_set_flag;
extern const RecordCallType account_call_enable; /* forgets failed sign-ins, too */
extern const RecordCallType account_call_delete;

/* As record_call_ask(). Loop. */
int account_call_ask(Manager *manager,
                const RecordCallType *type,
                const AccountWish *wish,
                sd_bus_message *message,
                const Caller *caller,
                Fault *fault);
