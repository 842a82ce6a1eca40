/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/interface/job-bus.h"

#include <inttypes.h>
#include <string.h>

#include "base/names.h"
#include "daemon/audit/audit.h"
#include "daemon/bus/bus-argument.h"
#include "daemon/latency/response-times.h"
#include "daemon/manager.h"
#include "daemon/state/property-changes.h"

/* A service that has not started is of no use to anybody. */
static bool is_cancellable(const Job *job)
{
        return job->operation != &operation_startup;
}

int job_method_cancel(Job *job, sd_bus_message *message, sd_bus_error *error)
{
        Manager *manager = job->manager;
        Caller caller;
        int r;

        r = caller_of(message, &caller, error);
        if (r < 0)
                return r;
        if (caller.uid != job->caller.uid) {
                r = authorize(message, job->operation->action, &caller, error);
                if (r < 0)
                        return r;
                if (r == 0)
                        return 1; /* Will call us back */
        }
        if (!is_cancellable(job))
                return sd_bus_error_set(error,
                                fault_bus_name(FAULT_NOT_SUPPORTED),
                                "The start-up can't be cancelled; stop the service instead");
        audit_call(&caller, "cancel", job->operation->name, NULL);
        job_cancel(job);
        manager_flush_changes(manager);
        return sd_bus_reply_method_return(message, NULL);
}

static int method_cancel(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        return job_method_cancel(userdata, message, error);
}

static int get_operation(sd_bus *bus,
                const char *path,
                const char *interface,
                const char *property,
                sd_bus_message *reply,
                void *userdata,
                sd_bus_error *error)
{
        const Job *job = userdata;

        return sd_bus_message_append(reply, "s", job->operation->name);
}

static int get_state(sd_bus *bus,
                const char *path,
                const char *interface,
                const char *property,
                sd_bus_message *reply,
                void *userdata,
                sd_bus_error *error)
{
        const Job *job = userdata;

        return sd_bus_message_append(reply, "s", job_state_to_string(job->state));
}

static int get_step(sd_bus *bus,
                const char *path,
                const char *interface,
                const char *property,
                sd_bus_message *reply,
                void *userdata,
                sd_bus_error *error)
{
        return sd_bus_message_append(reply, "s", job_step(userdata));
}

static int get_bytes(sd_bus *bus,
                const char *path,
                const char *interface,
                const char *property,
                sd_bus_message *reply,
                void *userdata,
                sd_bus_error *error)
{
        Job *job = userdata;
        uint64_t bytes = atomic_load(strcmp(property, "DoneBytes") == 0 ? &job->progress.done_bytes
                                                                        : &job->progress.total_bytes);

        return sd_bus_message_append(reply, "t", bytes);
}

static int get_cancellable(sd_bus *bus,
                const char *path,
                const char *interface,
                const char *property,
                sd_bus_message *reply,
                void *userdata,
                sd_bus_error *error)
{
        return sd_bus_message_append(reply, "b", (int) is_cancellable(userdata));
}

static int find_job(sd_bus *bus,
                const char *path,
                const char *interface,
                void *userdata,
                void **ret,
                sd_bus_error *error)
{
        _cleanup_free_ char *exact = NULL;
        const char *number;
        unsigned long id;
        Job *job;

        if (strncmp(path, BUS_PATH_JOB "/", strlen(BUS_PATH_JOB "/")) != 0)
                return 0;
        number = path + strlen(BUS_PATH_JOB "/");
        id = strtoul(number, NULL, 10);
        if (id == 0 || id > UINT32_MAX)
                return 0;
        job = manager_find_job(userdata, (uint32_t) id);
        if (!job)
                return 0;
        /* Only the spelling that we give out: no leading zeros, no signs. */
        if (bus_path_of_job(job->id, &exact) < 0 || strcmp(exact, path) != 0)
                return 0;
        *ret = job;
        return 1;
}

static int list_jobs(sd_bus *bus, const char *prefix, void *userdata, char ***ret, sd_bus_error *error)
{
        Manager *manager = userdata;
        char **paths;
        size_t n = 0;
        int r;

        paths = calloc(manager->n_jobs + 1, sizeof(char *));
        if (!paths)
                return -ENOMEM;
        for (const Job *job = manager->jobs; job; job = job->next) {
                r = bus_path_of_job(job->id, &paths[n]);
                if (r < 0) {
                        while (n > 0)
                                free(paths[--n]);
                        free(paths);
                        return r;
                }
                n++;
        }
        *ret = paths;
        return 1;
}

static const sd_bus_vtable job_vtable[] = {
                SD_BUS_VTABLE_START(0),
                SD_BUS_METHOD_WITH_ARGS("Cancel",
                                SD_BUS_NO_ARGS,
                                SD_BUS_NO_RESULT,
                                method_cancel,
                                SD_BUS_VTABLE_UNPRIVILEGED),
                SD_BUS_PROPERTY("Id", "u", NULL, offsetof(Job, id), SD_BUS_VTABLE_PROPERTY_CONST),
                SD_BUS_PROPERTY("Operation", "s", get_operation, 0, SD_BUS_VTABLE_PROPERTY_CONST),
                SD_BUS_PROPERTY("Backup", "s", NULL, offsetof(Job, backup), SD_BUS_VTABLE_PROPERTY_CONST),
                SD_BUS_PROPERTY("State", "s", get_state, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
                SD_BUS_PROPERTY("Step", "s", get_step, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
                SD_BUS_PROPERTY("DoneBytes", "t", get_bytes, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
                SD_BUS_PROPERTY("TotalBytes", "t", get_bytes, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
                SD_BUS_PROPERTY("QueuedUSec",
                                "t",
                                NULL,
                                offsetof(Job, queued_usec),
                                SD_BUS_VTABLE_PROPERTY_CONST),
                SD_BUS_PROPERTY("StartedUSec",
                                "t",
                                NULL,
                                offsetof(Job, started_usec),
                                SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
                SD_BUS_PROPERTY("CallerUID",
                                "u",
                                NULL,
                                offsetof(Job, caller.uid),
                                SD_BUS_VTABLE_PROPERTY_CONST),
                SD_BUS_PROPERTY("Cancellable", "b", get_cancellable, 0, SD_BUS_VTABLE_PROPERTY_CONST),
                SD_BUS_VTABLE_END,
};

int job_bus_register(Manager *manager)
{
        int r;

        r = response_times_add_vtable(manager, BUS_PATH_JOB, BUS_INTERFACE_JOB, job_vtable, find_job);
        if (r < 0)
                return r;
        return sd_bus_add_node_enumerator(manager->bus, NULL, BUS_PATH_JOB, list_jobs, manager);
}
