/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ctl/job-batch.h"

#include "ctl/backup-objects.h"
#include "ctl/text.h"

int job_batch_begin(JobBatch *batch, Session *session, const char *done, Fault *fault)
{
        *batch = (JobBatch){.session = session, .done = done, .outcomes = json_object_new_array()};
        if (!batch->outcomes)
                return session_set_errno(-ENOMEM, fault);
        return job_waiter_new(session, &batch->waiter, fault);
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
        FILE *stream = failed->code == FAULT_NONE ? stdout : stderr;

        if (session_json(batch->session))
                return;
        if (failed->code == FAULT_NONE && batch->session->arguments->no_wait) {
                job_print_queued(outcome);
                return;
        }
        if (failed->code == FAULT_NONE && batch->session->arguments->quiet)
                return;
        /* In order, also where both streams end in the same log. */
        (void) fflush(stdout);
        text_print(stream, title);
        (void) fputs(": ", stream);
        text_print(stream, failed->code == FAULT_NONE ? batch->done : failed->message);
        (void) fputc('\n', stream);
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
        if (batch->first.code == FAULT_NONE)
                fault_move(&batch->first, &failed);
        return 0;
}

int job_batch_end(JobBatch *batch, bool single, Fault *fault)
{
        int r = 0;

        if (session_json(batch->session))
                r = session_print_document(batch->session,
                                single ? json_object_array_get_idx(batch->outcomes, 0) : batch->outcomes,
                                fault);
        else if (!single && !batch->session->arguments->quiet && !batch->session->arguments->no_wait)
                session_print_legend(batch->session,
                                "%zu %s, %zu failed.",
                                batch->n_done,
                                batch->done,
                                batch->n_failed);
        if (r < 0)
                return r;
        /* Each fault has had its line; what is left to tell is the exit status. */
        return fault_exit_code(batch->first.code);
}
