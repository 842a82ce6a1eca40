/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* delete: removes backups because a person says so. */

#include <string.h>

#include "base/names.h"
#include "ctl/call/backup-objects.h"
#include "ctl/call/confirm.h"
#include "ctl/call/job-batch.h"
#include "ctl/verb/verbs.h"

static bool is_named(const Session *session, json_object *backup)
{
        for (char **name = session->arguments->operands; *name; name++)
                if (strcmp(*name, document_text(backup, "Name")) == 0)
                        return true;
        return false;
}

/* The initial backup is left out: it is as old as the service. */
static bool is_verified(json_object *backup)
{
        return !document_flag(backup, "OtherDatabase") && document_number(backup, "VerifiedUSec") > 0 &&
               document_text(backup, "Problem")[0] == '\0' &&
               document_text(backup, "VerificationFault")[0] == '\0' &&
               strcmp(document_text(backup, "Kind"), "initial") != 0;
}

/* Whether any that was named is among the last verified ones, which retention would keep however old. */
static int names_last_verified(Session *session, bool *ret, Fault *fault)
{
        _cleanup_json_ json_object *backups = NULL, *properties = NULL;
        uint64_t n_last, n_seen = 0;
        int r = backup_objects_list(session, &backups, fault);

        if (r >= 0)
                r = session_get_properties(session, BUS_PATH, BUS_INTERFACE_MANAGER, &properties, fault);
        if (r < 0)
                return r;
        n_last = document_number(properties, "RetentionMinimumVerified");
        *ret = false;
        for (size_t i = 0; i < json_object_array_length(backups) && n_seen < n_last; i++) {
                json_object *backup = json_object_array_get_idx(backups, i);

                if (!is_verified(backup))
                        continue;
                n_seen++;
                *ret |= is_named(session, backup);
        }
        return 0;
}

static int ask(const Session *session, bool last_verified, Fault *fault)
{
        const Arguments *arguments = session->arguments;
        _cleanup_free_ char *question = NULL;
        int r;

        r = arguments->n_operands == 1
                            ? asprintf(&question,
                                              "Remove %s for good%s?",
                                              arguments->operands[0],
                                              last_verified ? ", one of the last verified backups" : "")
                            : asprintf(&question,
                                              "Remove these %zu backups for good%s?",
                                              arguments->n_operands,
                                              last_verified ? ", the last verified ones among them" : "");
        if (r < 0) {
                question = NULL;
                return session_set_errno(-ENOMEM, fault);
        }
        return confirm_ask(session, question, "every backup is still there", fault);
}

/* A script may remove what it knows by name, but not what is left to restore from. */
static int agree(Session *session, Fault *fault)
{
        bool last_verified = false;
        int r = names_last_verified(session, &last_verified, fault);

        if (r < 0)
                return r;
        if (confirm_can_ask())
                return ask(session, last_verified, fault);
        if (!last_verified)
                return 0;
        return fault_set(fault,
                        FAULT_INVALID_ARGUMENT,
                        "These are among the last verified backups, and there is no terminal to ask at; "
                        "nothing was removed. --yes removes them without a question.");
}

static int delete_one(JobBatch *batch, const char *name, Fault *fault)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        _cleanup_free_ char *path = NULL;
        int r = backup_objects_path(name, &path, fault);

        if (r < 0)
                return r;
        r = session_new_call(batch->session, path, BUS_INTERFACE_BACKUP, "Delete", &call, fault);
        if (r < 0)
                return r;
        r = sd_bus_message_append(call, "a{sv}", 0);
        if (r < 0)
                return session_set_errno(r, fault);
        return job_batch_run(batch, call, "delete", name, name, fault);
}

int verb_delete(Session *session, Fault *fault)
{
        _cleanup_(job_batch_done) JobBatch batch = {0};
        int r = confirm_asks(session) ? agree(session, fault) : 0;

        if (r >= 0)
                r = job_batch_begin(&batch, session, "deleted", true, fault);
        for (char **name = session->arguments->operands; r >= 0 && *name; name++)
                r = delete_one(&batch, *name, fault);
        return r < 0 ? r : job_batch_end(&batch, fault);
}
