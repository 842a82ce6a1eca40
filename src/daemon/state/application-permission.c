/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/state/application-permission.h"

#include <string.h>

#include "base/journal.h"
#include "daemon/state/condition.h"

static void on_answered(UnitPermissionCheck *check, void *userdata)
{
        Manager *manager = userdata;

        manager->permission_question = NULL;
        application_permission_take(manager, check);
}

void application_permission_ask(Manager *manager)
{
        const Configuration *configuration = &manager->configuration;
        int r;

        /* An answer to what was configured before is of no use. */
        manager->permission_question = unit_permission_check_free(manager->permission_question);
        if (configuration->n_application_units == 0) {
                application_permission_take(manager, NULL);
                return;
        }
        r = unit_permission_check_start(manager->bus,
                        configuration->application_units,
                        configuration->n_application_units,
                        on_answered,
                        manager,
                        &manager->permission_question);
        if (r < 0)
                journal_line(LOG_WARNING,
                                "Asking whether the units of ApplicationUnits= may be managed failed: %s",
                                strerrordesc_np(-r));
}

void application_permission_take(Manager *manager, UnitPermissionCheck *check)
{
        const char *refused = unit_permission_first_refused(check);

        if (refused && unit_permission_of(manager->unit_permissions, refused) != UNIT_PERMISSION_REFUSED)
                journal_line(LOG_WARNING,
                                "This service may not stop and start %s (ApplicationUnits=); a restore that "
                                "has to replace the database file will fail. `oracxpredctl units-rule` "
                                "prints the polkit rule that allows it",
                                refused);
        (void) unit_permission_check_free(manager->unit_permissions);
        manager->unit_permissions = check;
        manager_update_health(manager);
}
