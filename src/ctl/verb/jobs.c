/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* jobs and cancel: what the service is doing, and stopping it. */

#include <pwd.h>
#include <string.h>

#include "base/clock.h"
#include "base/names.h"
#include "base/quantity.h"
#include "ctl/call/job.h"
#include "ctl/show/moment.h"
#include "ctl/show/terminal.h"
#include "ctl/verb/verbs.h"

static void add_progress(Table *table, json_object *job)
{
        uint64_t done = document_number(job, "DoneBytes"), total = document_number(job, "TotalBytes");
        char done_text[QUANTITY_MAX], total_text[QUANTITY_MAX];

        if (total == 0) {
                table_add(table, STYLE_PLAIN, "");
                return;
        }
        quantity_format_size(done, done_text);
        quantity_format_size(total, total_text);
        table_addf(table,
                        STYLE_PLAIN,
                        "%.0f%% (%s of %s)",
                        (double) done / (double) total * 100,
                        done_text,
                        total_text);
}

static void add_caller(Table *table, json_object *job, bool local)
{
        uint64_t uid = document_number(job, "CallerUID");
        /* Another machine has other users. */
        const struct passwd *user = local ? getpwuid((uid_t) uid) : NULL;

        if (uid == UINT32_MAX)
                table_add(table, STYLE_PLAIN, "the service");
        else if (user)
                table_add(table, STYLE_PLAIN, user->pw_name);
        else
                table_addf(table, STYLE_PLAIN, "%" PRIu64, uid);
}

static int print_jobs(Session *session, json_object *jobs, Fault *fault)
{
        static const char *const names[] = {
                        "ID", "OPERATION", "BACKUP", "STATE", "STEP", "PROGRESS", "ASKED FOR", "BY", NULL};
        _cleanup_(table_freep) Table *table = table_new(names);
        size_t n = json_object_array_length(jobs);
        Transport transport = session->arguments->transport;
        uint64_t now_usec = clock_now_usec();
        int r;

        if (!table)
                return session_set_errno(-ENOMEM, fault);
        table_align_right(table, 0);
        table_hide_when_empty(table, 2);
        for (size_t i = 0; i < n; i++) {
                json_object *job = json_object_array_get_idx(jobs, i);
                char asked[MOMENT_MAX];

                moment_format_relative(document_number(job, "QueuedUSec"), now_usec, asked);
                table_addf(table, STYLE_PLAIN, "%" PRIu64, document_number(job, "Id"));
                table_add(table, STYLE_BOLD, document_text(job, "Operation"));
                table_add(table, STYLE_PLAIN, document_text(job, "Backup"));
                table_add(table, STYLE_PLAIN, document_text(job, "State"));
                table_add(table, STYLE_PLAIN, document_text(job, "Step"));
                add_progress(table, job);
                table_add(table, STYLE_PLAIN, asked);
                add_caller(table, job, transport == TRANSPORT_SYSTEM || transport == TRANSPORT_USER);
        }
        terminal_open_pager(session->arguments->no_pager);
        if (n > 0) {
                r = session_print_table(session, table, fault);
                if (r < 0)
                        return r;
        }
        session_print_legend(session, "%zu job%s.", n, n == 1 ? "" : "s");
        return 0;
}

int verb_jobs(Session *session, Fault *fault)
{
        _cleanup_json_ json_object *jobs = NULL;
        int r = job_list(session, &jobs, fault);

        if (r < 0)
                return r;
        if (session_json(session))
                return session_print_document(session, jobs, fault);
        return print_jobs(session, jobs, fault);
}

int verb_cancel(Session *session, Fault *fault)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        const char *text = session->arguments->operands[0];
        unsigned long id;
        char *end;
        int r;

        errno = 0;
        id = strtoul(text, &end, 10);
        if (text[strspn(text, "0123456789")] != '\0' || *end != '\0' || end == text || errno > 0 ||
                        id > UINT32_MAX)
                return fault_set(fault,
                                FAULT_INVALID_ARGUMENT,
                                "'%s' is not the number of a job. `oracxpredctl jobs` lists them.",
                                text);
        r = session_new_call(session, BUS_PATH, BUS_INTERFACE_MANAGER, "CancelJob", &call, fault);
        if (r < 0)
                return r;
        r = sd_bus_message_append(call, "u", (uint32_t) id);
        if (r < 0)
                return session_set_errno(r, fault);
        return session_call(session, call, 0, "", NULL, fault);
}
