/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ctl/view/account-view.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "ctl/show/moment.h"
#include "ctl/show/terminal.h"
#include "ctl/view/fields.h"

static const char *state_of(json_object *account)
{
        if (!document_flag(account, "Active"))
                return "disabled";
        return document_flag(account, "Approved") ? "active" : "not approved";
}

static Style style_of(json_object *account)
{
        return document_flag(account, "Active") && document_flag(account, "Approved") ? STYLE_PLAIN
                                                                                      : STYLE_WARNING;
}

/* Such a password can be read by everybody who can read the database, or fits nothing. */
static Style style_of_password(const char *format)
{
        return strcmp(format, "plain") == 0    ? STYLE_BAD
               : strcmp(format, "bcrypt") == 0 ? STYLE_PLAIN
                                               : STYLE_WARNING;
}

int account_view_print(Session *session, json_object *account, Fault *fault)
{
        _cleanup_(table_freep) Table *fields = fields_new();
        const char *format = document_text(account, "PasswordFormat");
        uint64_t now_usec = clock_now_usec(),
                 expires_usec = document_number(account, "SubscriptionExpiresUSec");

        if (!fields)
                return session_set_errno(-ENOMEM, fault);
        fields_add(fields, "Name", STYLE_BOLD, document_text(account, "Username"));
        fields_addf(fields, "Number", STYLE_PLAIN, "%" PRIu64, document_number(account, "Id"));
        fields_add(fields, "UUID", STYLE_PLAIN, document_text(account, "UniqueId"));
        fields_add(fields, "E-mail", STYLE_PLAIN, document_text(account, "Email"));
        fields_add(fields, "State", style_of(account), state_of(account));
        fields_add(fields, "Administrator", STYLE_PLAIN, document_flag(account, "Admin") ? "yes" : "no");
        fields_add(fields, "Password", style_of_password(format), format);
        fields_addf(fields,
                        "Subscription",
                        STYLE_PLAIN,
                        "%s, %s",
                        document_text(account, "SubscriptionPlan"),
                        document_text(account, "SubscriptionStatus"));
        if (expires_usec > 0)
                fields_add_moment(fields, "Expires", expires_usec, now_usec);
        fields_add_moment(fields, "Created", document_number(account, "CreatedUSec"), now_usec);
        fields_add_moment(fields, "Last sign-in", document_number(account, "LastLoginUSec"), now_usec);
        return fields_print(session, fields, fault);
}

int account_view_print_list(Session *session, json_object *accounts, Fault *fault)
{
        static const char *const names[] = {
                        "ID", "NAME", "E-MAIL", "STATE", "ADMIN", "PASSWORD", "LAST SIGN-IN", NULL};
        _cleanup_(table_freep) Table *table = table_new(names);
        size_t n = json_object_array_length(accounts);
        uint64_t now_usec = clock_now_usec();
        int r;

        if (!table)
                return session_set_errno(-ENOMEM, fault);
        table_align_right(table, 0);
        table_hide_when_empty(table, 4);
        for (size_t i = 0; i < n; i++) {
                json_object *account = json_object_array_get_idx(accounts, i);
                const char *format = document_text(account, "PasswordFormat");
                char signed_in[MOMENT_MAX];

                moment_format_relative(document_number(account, "LastLoginUSec"), now_usec, signed_in);
                table_addf(table, STYLE_PLAIN, "%" PRIu64, document_number(account, "Id"));
                table_add(table, STYLE_BOLD, document_text(account, "Username"));
                table_add(table, STYLE_PLAIN, document_text(account, "Email"));
                table_add(table, style_of(account), state_of(account));
                table_add(table, STYLE_PLAIN, document_flag(account, "Admin") ? "yes" : "");
                table_add(table, style_of_password(format), format);
                table_add(table, STYLE_PLAIN, signed_in);
        }
        terminal_open_pager(session->arguments->no_pager);
        if (n > 0) {
                r = session_print_table(session, table, fault);
                if (r < 0)
                        return r;
        }
        session_print_legend(session, "%zu account%s.", n, n == 1 ? "" : "s");
        return 0;
}
