/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* verify: proves one backup, all of them, or the live database. The timer's unit runs it with --automatic.
 */

#include "base/names.h"
#include "ctl/call/backup-objects.h"
#include "ctl/call/job-batch.h"
#include "ctl/call/passed-file.h"
#include "ctl/verb/verbs.h"

static int verify_one(JobBatch *batch, const char *name, Fault *fault)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        int r = session_new_call(batch->session, BUS_PATH, BUS_INTERFACE_MANAGER, "Verify", &call, fault);

        if (r < 0)
                return r;
        r = sd_bus_message_append(call, "s", name);
        if (r >= 0)
                r = sd_bus_message_open_container(call, SD_BUS_TYPE_ARRAY, "{sv}");
        if (r >= 0 && batch->session->arguments->given & OPTION_AUTOMATIC)
                r = sd_bus_message_append(call, "{sv}", "automatic", "b", true);
        if (r < 0)
                return session_set_errno(r, fault);
        r = passed_file_append_keys(batch->session, call, fault);
        if (r < 0)
                return r;
        r = sd_bus_message_close_container(call);
        if (r < 0)
                return session_set_errno(r, fault);
        return job_batch_run(batch,
                        call,
                        name[0] != '\0' ? name : "verify",
                        name,
                        name[0] != '\0' ? name : "database",
                        fault);
}

static int verify_all(JobBatch *batch, Fault *fault)
{
        _cleanup_json_ json_object *backups = NULL;
        int r = backup_objects_list(batch->session, &backups, fault);

        for (size_t i = 0; r >= 0 && i < json_object_array_length(backups); i++)
                r = verify_one(batch, document_text(json_object_array_get_idx(backups, i), "Name"), fault);
        return r;
}

int verb_verify(Session *session, Fault *fault)
{
        const Arguments *arguments = session->arguments;
        bool all = arguments->given & OPTION_ALL;
        _cleanup_(job_batch_done) JobBatch batch = {0};
        int r;

        if (all && arguments->n_operands > 0)
                return fault_set(fault, FAULT_INVALID_ARGUMENT, "--all takes no name beside it.");
        r = job_batch_begin(&batch, session, "verified", all, fault);
        if (r < 0)
                return r;
        if (all)
                r = verify_all(&batch, fault);
        else
                r = verify_one(&batch, arguments->n_operands > 0 ? arguments->operands[0] : "", fault);
        return r < 0 ? r : job_batch_end(&batch, fault);
}
