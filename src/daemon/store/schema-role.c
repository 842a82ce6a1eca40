/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/store/schema-role.h"

#include "base/names.h"
#include "daemon/manager.h"
#include "daemon/state/property-changes.h"
#include "records/log-file.h"

int audit_store_new(Manager *manager, Fault *fault)
{
        _cleanup_free_ char *path = NULL;
        int r;

        if (asprintf(&path, "%s/" AUDIT_FILE, manager->state_directory) < 0) {
                path = NULL;
                return fault_set_errno(fault, ENOMEM, "Starting");
        }
        r = record_store_new(manager->event,
                        manager->quick_lane,
                        &manager->audit_gate,
                        path,
                        &manager->audit_store,
                        fault);
        if (r >= 0)
                record_store_set_prepare(manager->audit_store, log_file_prepare);
        return r;
}

void manager_schema_known(Manager *manager)
{
        JournalChoice choice = manager->configuration.journal_mode;

        record_store_set_gives_way(manager->record_store,
                        choice == JOURNAL_CHOICE_KEEP ||
                                        (choice == JOURNAL_CHOICE_AUTOMATIC &&
                                                        manager->schema.role != SCHEMA_ROLE_OWN));
        manager_changed(manager, CHANGE_SCHEMA);
}

RecordStore *manager_log_store(const Manager *manager)
{
        return manager->schema.has_log ? manager->record_store : manager->audit_store;
}

int manager_require_schema(const Manager *manager, Fault *fault)
{
        if (manager->schema.role == SCHEMA_ROLE_UNKNOWN)
                return fault_set(fault,
                                FAULT_BUSY,
                                "The tables of %s could not be looked at yet; `oracxpredctl status` does "
                                "so, "
                                "then try again",
                                manager->database_path);
        return 0;
}

int manager_require_tables(const Manager *manager, const char *what, Fault *fault)
{
        int r = manager_require_schema(manager, fault);

        if (r < 0 || manager->schema.role != SCHEMA_ROLE_NONE)
                return r;
        return fault_set(fault,
                        FAULT_NOT_SUPPORTED,
                        "%s has another application's tables, and the service keeps no %s there; if it is "
                        "ORACXPRED's, set Schema=oracxpred in oracxpred.conf and restart the service",
                        manager->database_path,
                        what);
}
