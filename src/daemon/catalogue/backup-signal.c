/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/catalogue/backup-signal.h"

#include "base/journal.h"
#include "base/names.h"
#include "daemon/bus/bus-argument.h"

static void warn_signal(int error)
{
        if (error < 0)
                journal_line(LOG_WARNING,
                                "Telling a backup's change on the bus failed: %s",
                                strerrordesc_np(-error));
}

void backup_emit_added(Manager *manager, const char *name)
{
        _cleanup_free_ char *path = NULL;
        int r;

        r = bus_path_of_backup(name, &path);
        if (r >= 0)
                r = sd_bus_emit_object_added(manager->bus, path);
        warn_signal(r);
}

void backup_emit_interfaces_removed(Manager *manager, const char *name)
{
        _cleanup_free_ char *path = NULL;
        int r;

        r = bus_path_of_backup(name, &path);
        if (r >= 0)
                /* The object is gone already, so its interfaces are named: those that object_added tells. */
                r = sd_bus_emit_interfaces_removed(manager->bus,
                                path,
                                BUS_INTERFACE_BACKUP,
                                "org.freedesktop.DBus.Introspectable",
                                "org.freedesktop.DBus.Peer",
                                "org.freedesktop.DBus.Properties",
                                NULL);
        warn_signal(r);
}

static void emit_properties(Manager *manager, const char *name, const char *const *properties)
{
        _cleanup_free_ char *path = NULL;
        int r;

        r = bus_path_of_backup(name, &path);
        if (r >= 0)
                r = sd_bus_emit_properties_changed_strv(
                                manager->bus, path, BUS_INTERFACE_BACKUP, (char **) properties);
        warn_signal(r);
}

void backup_emit_changed(Manager *manager, const char *name)
{
        static const char *const all[] = {"Kind",
                        "Label",
                        "CreatedUSec",
                        "CopiedUSec",
                        "DurationUSec",
                        "VerifiedUSec",
                        "IntegrityCheck",
                        "VerificationFault",
                        "Unchecked",
                        "PageSize",
                        "Pages",
                        "DatabaseBytes",
                        "StoredBytes",
                        "DatabaseBlocksSHA256",
                        "StoredSHA256",
                        "Compression",
                        "Encrypted",
                        "Tables",
                        "ForeignKeyViolations",
                        "ConstraintViolations",
                        "Source",
                        "Host",
                        "ToolVersion",
                        "DatabaseId",
                        "OtherDatabase",
                        "Kept",
                        "Problem",
                        NULL};

        emit_properties(manager, name, all);
}

void backup_emit_in_use(Manager *manager, const char *name)
{
        static const char *const in_use[] = {"InUse", NULL};

        emit_properties(manager, name, in_use);
}

void backup_emit_created(Manager *manager, uint32_t job_id, const char *name)
{
        _cleanup_free_ char *path = NULL;
        int r;

        r = bus_path_of_backup(name, &path);
        if (r >= 0)
                r = sd_bus_emit_signal(manager->bus,
                                BUS_PATH,
                                BUS_INTERFACE_MANAGER,
                                "BackupCreated",
                                "uso",
                                job_id,
                                name,
                                path);
        warn_signal(r);
}

void backup_emit_removed(Manager *manager, const char *name)
{
        _cleanup_free_ char *path = NULL;
        int r;

        r = bus_path_of_backup(name, &path);
        if (r >= 0)
                r = sd_bus_emit_signal(manager->bus,
                                BUS_PATH,
                                BUS_INTERFACE_MANAGER,
                                "BackupRemoved",
                                "so",
                                name,
                                path);
        warn_signal(r);
}
