/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a new configuration changes in a service that runs. */

#include <inttypes.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#include "base/clock.h"
#include "base/journal.h"
#include "daemon/manager.h"
#include "daemon/operation/automatic-restore.h"
#include "daemon/operation/quarantine.h"
#include "daemon/state/application-permission.h"
#include "daemon/state/condition.h"
#include "daemon/state/encryption.h"
#include "daemon/state/event.h"
#include "daemon/state/property-changes.h"

static bool is_other(const char *a, const char *b)
{
        return !a != !b || (a && strcmp(a, b) != 0);
}

static void take_configuration(Manager *manager, Configuration *configuration)
{
        const char *path = configuration->database_path, *backups = configuration->backup_directory;
        bool was_off = !manager->configuration.auto_restore;

        if ((path || !manager->data_directory) && (!path || strcmp(path, manager->database_path) != 0))
                journal_line(LOG_WARNING,
                                "Database= has changed; the service keeps %s until it is restarted",
                                manager->database_path);
        if (is_other(backups, manager->configuration.backup_directory))
                journal_line(LOG_WARNING,
                                "BackupDirectory= has changed; the service keeps %s until it is restarted",
                                manager->backup_directory);
        if (configuration->schema != manager->configuration.schema)
                journal_line(LOG_WARNING,
                                "Schema= has changed; that takes effect when the service is restarted");
        configuration_done(&manager->configuration);
        manager->configuration = *configuration;
        *configuration = (Configuration){0};
        for (size_t i = 0; i < manager->configuration.n_faults; i++)
                event_configuration_fault(manager->configuration.faults[i]);
        manager_changed(manager, CHANGE_CONFIGURATION);
        (void) encryption_test(manager, NULL);
        application_permission_ask(manager);
        quarantine_keep_bound(manager);
        if (was_off && manager->configuration.auto_restore)
                automatic_restore_reconsider(manager);
}

int manager_reload(Manager *manager, Fault *fault)
{
        Configuration configuration;
        int r;

        if (manager->ready_told)
                (void) sd_notifyf(false, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64, clock_monotonic_usec());
        r = configuration_load(manager->config_file,
                        manager->config_required,
                        manager->config_directory,
                        &configuration,
                        fault);
        if (r >= 0) {
                take_configuration(manager, &configuration);
                r = configuration_refuse_faults(&manager->configuration, fault);
        } else
                event_configuration_fault(fault->message);
        if (manager->ready_told)
                (void) sd_notify(false, "READY=1");
        return r;
}
