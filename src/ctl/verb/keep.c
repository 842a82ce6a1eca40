/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* keep and unkeep: pins backups, so that nothing removes them, and takes that back. */

#include "base/names.h"
#include "ctl/call/backup-objects.h"
#include "ctl/call/job-batch.h"
#include "ctl/verb/verbs.h"

static int change_one(JobBatch *batch, const char *method, const char *verb, const char *name, Fault *fault)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        _cleanup_free_ char *path = NULL;
        int r = backup_objects_path(name, &path, fault);

        if (r < 0)
                return r;
        r = session_new_call(batch->session, path, BUS_INTERFACE_BACKUP, method, &call, fault);
        if (r < 0)
                return r;
        r = sd_bus_message_append(call, "a{sv}", 0);
        if (r < 0)
                return session_set_errno(r, fault);
        return job_batch_run(batch, call, verb, name, name, fault);
}

static int change_all(Session *session, const char *method, const char *verb, const char *done, Fault *fault)
{
        _cleanup_(job_batch_done) JobBatch batch = {0};
        int r = job_batch_begin(&batch, session, done, true, fault);

        for (char **name = session->arguments->operands; r >= 0 && *name; name++)
                r = change_one(&batch, method, verb, *name, fault);
        return r < 0 ? r : job_batch_end(&batch, fault);
}

int verb_keep(Session *session, Fault *fault)
{
        return change_all(session, "Keep", "keep", "kept", fault);
}

int verb_unkeep(Session *session, Fault *fault)
{
        return change_all(session, "Unkeep", "unkeep", "no longer kept", fault);
}
