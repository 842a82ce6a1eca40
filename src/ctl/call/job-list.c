/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ctl/call/job.h"

#include <string.h>

#include "base/names.h"

/* Which jobs there are is asked from the object tree: unlike GetManagedObjects() that doesn't bring
 * thousands of backups along. */
static int introspect_jobs(Session *session, char **ret_xml, Fault *fault)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
        const char *xml;
        int r = session_new_call(session,
                        BUS_PATH_JOB,
                        "org.freedesktop.DBus.Introspectable",
                        "Introspect",
                        &call,
                        fault);

        if (r < 0)
                return r;
        r = session_call(session, call, 0, "s", &reply, fault);
        if (r < 0)
                return r;
        r = sd_bus_message_read(reply, "s", &xml);
        if (r < 0)
                return session_set_errno(r, fault);
        *ret_xml = strdup(xml);
        return *ret_xml ? 0 : session_set_errno(-ENOMEM, fault);
}

static int add_job(Session *session, json_object *jobs, const char *path, Fault *fault)
{
        _cleanup_json_ json_object *properties = NULL;
        int r = session_get_properties(session, path, BUS_INTERFACE_JOB, &properties, fault);

        /* It ended between the two questions. */
        if (r < 0 && (fault->code == FAULT_NOT_FOUND || fault->code == FAULT_NOT_SUPPORTED)) {
                fault_done(fault);
                return 0;
        }
        if (r < 0)
                return r;
        if (document_put(properties, "Path", json_object_new_string(path)) < 0 ||
                        json_object_array_add(jobs, json_object_get(properties)) < 0)
                return session_set_errno(-ENOMEM, fault);
        return 0;
}

/* By Id: the order in which they were asked for. */
static int compare_jobs(const void *a, const void *b)
{
        uint64_t left = document_number(*(json_object *const *) a, "Id");
        uint64_t right = document_number(*(json_object *const *) b, "Id");

        return left < right ? -1 : left > right;
}

int job_list(Session *session, json_object **ret, Fault *fault)
{
        static const char opening[] = "<node name=\"";
        _cleanup_json_ json_object *jobs = json_object_new_array();
        _cleanup_free_ char *xml = NULL;
        int r;

        if (!jobs)
                return session_set_errno(-ENOMEM, fault);
        r = introspect_jobs(session, &xml, fault);
        /* No job, and so no such object. */
        if (r < 0 && fault->code != FAULT_NOT_FOUND && fault->code != FAULT_NOT_SUPPORTED)
                return r;
        fault_done(fault);
        for (const char *at = xml; at && (at = strstr(at, opening)); at++) {
                const char *name = at + strlen(opening);
                size_t length = strspn(name, "0123456789");
                char path[sizeof BUS_PATH_JOB + 16];

                if (length == 0 || length > 10 || name[length] != '"')
                        continue;
                (void) snprintf(path, sizeof path, BUS_PATH_JOB "/%.*s", (int) length, name);
                r = add_job(session, jobs, path, fault);
                if (r < 0)
                        return r;
        }
        json_object_array_sort(jobs, compare_jobs);
        *ret = TAKE_PTR(jobs);
        return 0;
}
