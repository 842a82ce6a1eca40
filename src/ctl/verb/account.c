/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* account: creates, shows, lists and changes the application's accounts, and tries their passwords. */

#include <inttypes.h>
#include <string.h>

#include "base/names.h"
#include "base/quantity.h"
#include "ctl/call/secret-input.h"
#include "ctl/show/text.h"
#include "ctl/verb/verbs.h"
#include "ctl/view/account-view.h"

#define PAGE 500

static int new_call(Session *session, const char *method, sd_bus_message **ret, Fault *fault)
{
        return session_new_call(session, BUS_PATH, BUS_INTERFACE_ACCOUNTS, method, ret, fault);
}

/* A call whose first argument is the name. It is marked before there is anything in it. */
static int new_call_about(
                Session *session, const char *method, bool sensitive, sd_bus_message **ret, Fault *fault)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        int r = new_call(session, method, &call, fault);

        if (r < 0)
                return r;
        if (sensitive)
                r = sd_bus_message_sensitive(call);
        if (r >= 0)
                r = sd_bus_message_append(call, "s", session->arguments->operands[1]);
        if (r < 0)
                return session_set_errno(r, fault);
        *ret = TAKE_PTR(call);
        return 0;
}

/* "ann: enabled", where that is wanted. */
static void tell(const Session *session, const char *words)
{
        if (session->arguments->quiet || session_json(session))
                return;
        text_print(stdout, session->arguments->operands[1]);
        (void) printf(": %s\n", words);
}

/* Nothing, or one value, and no answer but that it is done. */
static int change(Session *session, const char *method, const bool *value, const char *done, Fault *fault)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        int r = session_open(session, fault);

        if (r >= 0)
                r = new_call_about(session, method, false, &call, fault);
        if (r < 0)
                return r;
        if (value) {
                r = sd_bus_message_append(call, "b", (int) *value);
                if (r < 0)
                        return session_set_errno(r, fault);
        }
        r = session_call(session, call, 0, "", NULL, fault);
        if (r >= 0)
                tell(session, done);
        return r;
}

static int enable(Session *session, Fault *fault)
{
        return change(session, "SetEnabled", &(bool){true}, "enabled", fault);
}

static int disable(Session *session, Fault *fault)
{
        return change(session, "SetEnabled", &(bool){false}, "disabled", fault);
}

static int approve(Session *session, Fault *fault)
{
        return change(session, "SetApproved", &(bool){true}, "approved", fault);
}

static int delete_account(Session *session, Fault *fault)
{
        return change(session, "Delete", NULL, "deleted", fault);
}

static int parse_yes(const char *text, bool *ret, Fault *fault)
{
        *ret = strcmp(text, "yes") == 0;
        if (*ret || strcmp(text, "no") == 0)
                return 0;
        return fault_set(fault, FAULT_INVALID_ARGUMENT, "'%s' is neither yes nor no.", text);
}

static int set_admin(Session *session, Fault *fault)
{
        bool admin;
        int r = parse_yes(session->arguments->operands[2], &admin, fault);

        return r < 0 ? r
                     : change(session,
                                       "SetAdmin",
                                       &admin,
                                       admin ? "an administrator" : "no administrator",
                                       fault);
}

/* email=, admin= and approved= behind the name. */
static int append_details(const Session *session, sd_bus_message *call, Fault *fault)
{
        const Arguments *arguments = session->arguments;
        int r = sd_bus_message_open_container(call, 'a', "{sv}");

        for (size_t i = 2; r >= 0 && i < arguments->n_operands; i++) {
                const char *word = arguments->operands[i], *value = strchr(word, '=');
                size_t n_key = value ? (size_t) (value++ - word) : 0;
                bool yes;

                if (n_key == 5 && strncmp(word, "email", n_key) == 0) {
                        r = sd_bus_message_append(call, "{sv}", "email", "s", value);
                        continue;
                }
                if (!(n_key == 5 && strncmp(word, "admin", n_key) == 0) &&
                                !(n_key == 8 && strncmp(word, "approved", n_key) == 0))
                        return fault_set(fault,
                                        FAULT_INVALID_ARGUMENT,
                                        "'%s' is none of email=ADDRESS, admin=yes|no and approved=yes|no.",
                                        word);
                if (parse_yes(value, &yes, fault) < 0)
                        return -EINVAL;
                r = sd_bus_message_append(call, "{sv}", n_key == 5 ? "admin" : "approved", "b", (int) yes);
        }
        if (r >= 0)
                r = sd_bus_message_close_container(call);
        return r < 0 ? session_set_errno(r, fault) : 0;
}

/* A call with the name and a password, which is read before there is a connection: it may take a while. */
static int new_call_with_password(Session *session,
                const char *method,
                const char *prompt,
                const char *again,
                sd_bus_message **ret,
                Fault *fault)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        _cleanup_(secret_done) Secret secret = {0};
        int r = secret_read(prompt, again, &secret, fault);

        if (r >= 0)
                r = session_open(session, fault);
        if (r >= 0)
                r = new_call_about(session, method, true, &call, fault);
        if (r < 0)
                return r;
        r = sd_bus_message_append(call, "s", secret.text);
        if (r < 0)
                return session_set_errno(r, fault);
        *ret = TAKE_PTR(call);
        return 0;
}

static int create(Session *session, Fault *fault)
{
        static const char *const keys[] = {"Id", "UniqueId", NULL};
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
        _cleanup_json_ json_object *created = NULL;
        char words[64];
        int r = new_call_with_password(session, "Create", "Password: ", "The same again: ", &call, fault);

        if (r >= 0)
                r = append_details(session, call, fault);
        if (r >= 0)
                r = session_call(session, call, 0, "xs", &reply, fault);
        if (r < 0)
                return r;
        r = document_read_fields(reply, keys, &created);
        if (r < 0)
                return session_set_errno(r, fault);
        if (session_json(session))
                return session_print_document(session, created, fault);
        (void) snprintf(words, sizeof words, "created, number %" PRIu64, document_number(created, "Id"));
        tell(session, words);
        return 0;
}

static int set_password(Session *session, Fault *fault)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        int r = new_call_with_password(
                        session, "SetPassword", "New password: ", "The same again: ", &call, fault);

        if (r >= 0)
                r = session_call(session, call, 0, "", NULL, fault);
        if (r >= 0)
                tell(session, "the password is changed");
        return r;
}

static int tell_result(const char *result, uint64_t retry_usec, Fault *fault)
{
        static const struct {
                const char *result;
                const char *words;
        } refusals[] = {
                        {"wrong", "The name or the password is wrong."},
                        {"inactive", "The password is right, but the account is disabled."},
                        {"unapproved", "The password is right, but the account is not approved."},
        };
        char wait[QUANTITY_MAX];

        if (strcmp(result, "accepted") == 0)
                return 0;
        for (size_t i = 0; i < ELEMENTSOF(refusals); i++)
                if (strcmp(result, refusals[i].result) == 0)
                        return fault_set(fault, FAULT_ACCESS_DENIED, "%s", refusals[i].words);
        if (strcmp(result, "limited") != 0)
                return session_set_errno(-EBADMSG, fault);
        quantity_format_span(retry_usec, wait);
        return fault_set(fault,
                        FAULT_BUSY,
                        "There were too many failures; try again in %s. Nothing was compared.",
                        wait);
}

static int verify(Session *session, Fault *fault)
{
        static const char *const keys[] = {"Result", "RetryUSec", "Account", NULL};
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
        _cleanup_json_ json_object *answer = NULL;
        int r = new_call_with_password(session, "VerifyPassword", "Password: ", NULL, &call, fault);

        if (r < 0)
                return r;
        r = sd_bus_message_append(call, "a{sv}", 0);
        if (r < 0)
                return session_set_errno(r, fault);
        r = session_call(session, call, 0, "sta{sv}", &reply, fault);
        if (r < 0)
                return r;
        r = document_read_fields(reply, keys, &answer);
        if (r < 0)
                return session_set_errno(r, fault);
        if (session_json(session)) {
                r = session_print_document(session, answer, fault);
                if (r < 0)
                        return r;
        }
        r = tell_result(document_text(answer, "Result"), document_number(answer, "RetryUSec"), fault);
        if (r >= 0)
                tell(session, "the password is right");
        return r;
}

static int show(Session *session, Fault *fault)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
        _cleanup_json_ json_object *account = NULL;
        int r = session_open(session, fault);

        if (r >= 0)
                r = new_call_about(session, "Show", false, &call, fault);
        if (r >= 0)
                r = session_call(session, call, 0, "a{sv}", &reply, fault);
        if (r < 0)
                return r;
        r = document_read(reply, &account);
        if (r < 0)
                return session_set_errno(r, fault);
        return session_json(session) ? session_print_document(session, account, fault)
                                     : account_view_print(session, account, fault);
}

/* Appends the page behind the last account there is. > 0 when more may follow. */
static int read_page(Session *session, json_object *accounts, Fault *fault)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
        _cleanup_json_ json_object *page = NULL;
        size_t n_before = json_object_array_length(accounts), n;
        int64_t after = n_before > 0 ? json_object_get_int64(document_member(
                                                       json_object_array_get_idx(accounts, n_before - 1),
                                                       "Id"))
                                     : INT64_MIN;
        int r = new_call(session, "List", &call, fault);

        if (r < 0)
                return r;
        r = sd_bus_message_append(call, "xu", after, (uint32_t) PAGE);
        if (r < 0)
                return session_set_errno(r, fault);
        r = session_call(session, call, 0, "aa{sv}", &reply, fault);
        if (r < 0)
                return r;
        r = document_read(reply, &page);
        if (r < 0)
                return session_set_errno(r, fault);
        n = json_object_array_length(page);
        for (size_t i = 0; i < n; i++)
                if (json_object_array_add(accounts, json_object_get(json_object_array_get_idx(page, i))) < 0)
                        return session_set_errno(-ENOMEM, fault);
        return n == PAGE;
}

static int list(Session *session, Fault *fault)
{
        _cleanup_json_ json_object *accounts = json_object_new_array();
        int r = session_open(session, fault);

        if (!accounts)
                return session_set_errno(-ENOMEM, fault);
        if (r >= 0)
                do
                        r = read_page(session, accounts, fault);
                while (r > 0);
        if (r < 0)
                return r;
        return session_json(session) ? session_print_document(session, accounts, fault)
                                     : account_view_print_list(session, accounts, fault);
}

int verb_account(Session *session, Fault *fault)
{
        static const struct {
                const char *name;
                size_t n_min; /* operands behind it */
                size_t n_max;
                int (*run)(Session *session, Fault *fault);
        } commands[] = {
                        {"create", 1, 4, create},
                        {"list", 0, 0, list},
                        {"show", 1, 1, show},
                        {"verify", 1, 1, verify},
                        {"set-password", 1, 1, set_password},
                        {"enable", 1, 1, enable},
                        {"disable", 1, 1, disable},
                        {"approve", 1, 1, approve},
                        {"admin", 2, 2, set_admin},
                        {"delete", 1, 1, delete_account},
        };
        const Arguments *arguments = session->arguments;

        for (size_t i = 0; i < ELEMENTSOF(commands); i++)
                if (strcmp(arguments->operands[0], commands[i].name) == 0 &&
                                arguments->n_operands - 1 >= commands[i].n_min &&
                                arguments->n_operands - 1 <= commands[i].n_max)
                        return commands[i].run(session, fault);
        return fault_set(fault,
                        FAULT_INVALID_ARGUMENT,
                        "Usage: oracxpredctl account list, account create NAME [email=ADDRESS] [admin=yes] "
                        "[approved=yes], account show|verify|set-password|enable|disable|approve|delete "
                        "NAME, or "
                        "account admin NAME yes|no. A password is read from the terminal or standard "
                        "input.");
}
