/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/state/property-changes.h"

#include <string.h>

#include "base/journal.h"
#include "base/names.h"

#define NAMES_PER_CHANGE_MAX 10

static const char *const change_table[_CHANGE_MAX][NAMES_PER_CHANGE_MAX] = {
                [CHANGE_STATUS] = {"Status"},
                [CHANGE_HEALTH] = {"Health", "HealthReasons"},
                [CHANGE_INTEGRITY] = {"Integrity", "IntegrityCheckedUSec", "DiskCheckedUSec"},
                [CHANGE_STATISTICS] = {"DatabaseBytes",
                                "WALBytes",
                                "PageSize",
                                "Pages",
                                "FreePages",
                                "JournalMode",
                                "DatabaseModifiedUSec",
                                "Tables",
                                "TablesCountedUSec"},
                [CHANGE_SCHEMA] = {"SchemaDifferences"},
                [CHANGE_BACKUPS] = {"Backups",
                                "VerifiedBackups",
                                "BackupBytes",
                                "LastBackup",
                                "LastBackupUSec",
                                "CanUndoRestore"},
                [CHANGE_LAST_BACKUP_FAULT] = {"LastBackupFault"},
                [CHANGE_CONFIGURATION] = {"CadenceUSec",
                                "CheckIntervalUSec",
                                "RetentionUSec",
                                "RetentionMinimumVerified",
                                "ConfigurationFaults",
                                "Settings",
                                "EncryptionRecipients",
                                "KeyFault",
                                "AutoRestore",
                                "ApplicationUnits"},
                [CHANGE_JOBS] = {"NJobs"},
                [CHANGE_RESTORE] = {"LastRestore",
                                "LastRestoreUSec",
                                "LastRestoreAutomatic",
                                "CanUndoRestore"},
                [CHANGE_REMEDIES] = {"RetentionHeld", "Remedies"},
};

static int on_change(sd_event_source *source, void *userdata)
{
        manager_flush_changes(userdata);
        return 0;
}

void manager_changed(Manager *manager, Change change)
{
        int r = 0;

        manager->changed_properties |= 1U << change;
        if (manager->change_event_source)
                r = sd_event_source_set_enabled(manager->change_event_source, SD_EVENT_ONESHOT);
        else {
                r = sd_event_add_defer(manager->event, &manager->change_event_source, on_change, manager);
                if (r >= 0)
                        r = sd_event_source_set_priority(
                                        manager->change_event_source, SD_EVENT_PRIORITY_IDLE);
        }
        if (r < 0)
                manager_flush_changes(manager);
}

void manager_flush_changes(Manager *manager)
{
        char *names[_CHANGE_MAX * NAMES_PER_CHANGE_MAX + 2];
        size_t n = 0;
        int r;

        for (Change change = 0; change < _CHANGE_MAX; change++) {
                if (!(manager->changed_properties & (1U << change)))
                        continue;
                for (size_t i = 0; i < NAMES_PER_CHANGE_MAX && change_table[change][i]; i++)
                        names[n++] = (char *) change_table[change][i];
        }
        manager->changed_properties = 0;
        if (manager->change_event_source)
                (void) sd_event_source_set_enabled(manager->change_event_source, SD_EVENT_OFF);
        if (n == 0 || !manager->bus)
                return;

        names[n] = NULL;
        r = sd_bus_emit_properties_changed_strv(manager->bus, BUS_PATH, BUS_INTERFACE_MANAGER, names);
        if (r < 0)
                journal_line(LOG_WARNING,
                                "Telling changed properties on the bus failed: %s",
                                strerrordesc_np(-r));
}
