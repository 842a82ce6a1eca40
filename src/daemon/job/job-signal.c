/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/job/job-signal.h"

#include <stdarg.h>
#include <string.h>

#include "base/journal.h"
#include "base/names.h"
#include "daemon/bus/bus-argument.h"
#include "daemon/manager.h"

#define CHANGED_NAMES_MAX 8

static void warn_signal(int error)
{
        if (error < 0)
                journal_line(LOG_WARNING,
                                "Telling a job's change on the bus failed: %s",
                                strerrordesc_np(-error));
}

void job_emit_added(Job *job)
{
        _cleanup_free_ char *path = NULL;
        int r;

        r = bus_path_of_job(job->id, &path);
        if (r >= 0)
                r = sd_bus_emit_object_added(job->manager->bus, path);
        if (r >= 0)
                r = sd_bus_emit_signal(job->manager->bus,
                                BUS_PATH,
                                BUS_INTERFACE_MANAGER,
                                "JobNew",
                                "uos",
                                job->id,
                                path,
                                job->operation->name);
        warn_signal(r);
}

void job_emit_changed(Job *job, const char *name, ...)
{
        _cleanup_free_ char *path = NULL;
        char *names[CHANGED_NAMES_MAX + 1] = {(char *) name};
        va_list arguments;
        int r;

        va_start(arguments, name);
        for (size_t n = 1; n < CHANGED_NAMES_MAX && (names[n] = va_arg(arguments, char *)); n++)
                ;
        va_end(arguments);

        r = bus_path_of_job(job->id, &path);
        if (r >= 0)
                r = sd_bus_emit_properties_changed_strv(job->manager->bus, path, BUS_INTERFACE_JOB, names);
        warn_signal(r);
}

void job_emit_removed(Job *job)
{
        _cleanup_free_ char *path = NULL;
        const char *result = job->fault.code == FAULT_NONE        ? "done"
                             : job->fault.code == FAULT_CANCELLED ? "cancelled"
                                                                  : "failed";
        int r;

        r = bus_path_of_job(job->id, &path);
        if (r >= 0)
                r = sd_bus_emit_interfaces_removed(job->manager->bus,
                                path,
                                BUS_INTERFACE_JOB,
                                "org.freedesktop.DBus.Introspectable",
                                "org.freedesktop.DBus.Peer",
                                "org.freedesktop.DBus.Properties",
                                NULL);
        if (r >= 0)
                r = sd_bus_emit_signal(job->manager->bus,
                                BUS_PATH,
                                BUS_INTERFACE_MANAGER,
                                "JobRemoved",
                                "uossss",
                                job->id,
                                path,
                                job->operation->name,
                                result,
                                job->fault.code == FAULT_NONE ? "" : fault_bus_name(job->fault.code),
                                job->fault.message ? job->fault.message : "");
        warn_signal(r);
}
