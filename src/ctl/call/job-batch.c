/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ctl/call/job-batch.h"

#include "ctl/call/backup-objects.h"
#include "ctl/show/terminal.h"
#include "ctl/show/text.h"

int job_batch_begin(JobBatch *batch, Session *session, const char *done, bool many, Fault *fault)
{
        *batch = (JobBatch){
                        .session = session, .many = many, .done = done, .outcomes = json_object_new_array()};
        if (!batch->outcomes)
                return session_set_errno(-ENOMEM, fault);
        return job_waiter_new(session, many, &batch->waiter, fault);
}

void job_batch_done(JobBatch *batch)
{
        batch->waiter = job_waiter_free(batch->waiter);
        json_object_putp(&batch->outcomes);
        batch->outcomes = NULL;
        fault_done(&batch->first);
}

/* What a call that was refused would have ended with as a job. */
static int refused_outcome(const Fault *refused, json_object **ret)
{
        _cleanup_json_ json_object *outcome = json_object_new_object();

        if (!outcome || document_put(outcome, "Result", json_object_new_string("failed")) < 0 ||
                        document_put(outcome,
                                        "Error",
                                        json_object_new_string(fault_bus_name(refused->code))) < 0 ||
                        document_put(outcome, "Message", json_object_new_string(refused->message)) < 0)
                return -ENOMEM;
        *ret = TAKE_PTR(outcome);
        return 0;
}

static void print_line(const JobBatch *batch, const char *title, json_object *outcome, const Fault *failed)
{
        const Arguments *arguments = batch->session->arguments;

        if (session_json(batch->session))
                return;
        if (failed->code != FAULT_NONE)
                terminal_print_fault(title, failed->message);
        else if (arguments->no_wait)
                job_print_queued(outcome);
        else if (!arguments->quiet) {
                text_print(stdout, title);
                (void) printf(": %s\n", batch->done);
        }
        /* Now, so that the order holds where both streams end in the same log. */
        (void) fflush(stdout);
}

int job_batch_run(JobBatch *batch,
                sd_bus_message *call,
                const char *operation,
                const char *name,
                const char *title,
                Fault *fault)
{
        _cleanup_json_ json_object *outcome = NULL;
        _cleanup_fault_ Fault failed = {0};
        int r = job_run(batch->waiter, call, operation, &outcome, &failed);

        if (r < 0 && failed.code == FAULT_NOT_RUNNING) {
                fault_move(fault, &failed);
                return r;
        }
        if (r < 0) {
                (void) backup_objects_explain(name, &failed);
                r = refused_outcome(&failed, &outcome);
        } else {
                (void) job_outcome_fault(batch->session, outcome, &failed);
                r = 0;
        }
        if (r >= 0)
                r = document_put(outcome, "Name", json_object_new_string(name));
        if (r >= 0 && json_object_array_add(batch->outcomes, json_object_get(outcome)) < 0)
                r = -ENOMEM;
        if (r < 0)
                return session_set_errno(r, fault);

        print_line(batch, title, outcome, &failed);
        if (failed.code == FAULT_NONE) {
                batch->n_done++;
                return 0;
        }
        batch->n_failed++;
        /* What could not be proved must not hide what is damaged. */
        if (batch->first.code == FAULT_NONE || batch->first.code == FAULT_KEY_UNAVAILABLE)
                fault_move(&batch->first, &failed);
        return 0;
}

int job_batch_end(JobBatch *batch, Fault *fault)
{
        int r = 0;

        if (session_json(batch->session))
                r = session_print_document(batch->session,
                                batch->many ? batch->outcomes
                                            : json_object_array_get_idx(batch->outcomes, 0),
                                fault);
        else if (batch->many && !batch->session->arguments->quiet && !batch->session->arguments->no_wait)
                session_print_legend(batch->session,
                                "%zu %s, %zu failed.",
                                batch->n_done,
                                batch->done,
                                batch->n_failed);
        if (r < 0)
                return r;
        return fault_exit_code(batch->first.code);
}
