/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/state/event.h"

#include <string.h>

#include "base/journal.h"
#include "base/names.h"
#include "base/quantity.h"
#include "daemon/manager.h"
#include "daemon/state/condition.h"
#include "daemon/state/remedy-text.h"

void event_backup_appeared(const Manifest *manifest)
{
        const JournalField fields[] = {{FIELD_BACKUP, manifest->name}, {FIELD_FILE, manifest->file}};

        journal_event(LOG_INFO,
                        NULL,
                        fields,
                        "Backup %s was put into the directory from outside",
                        manifest->name);
}

void event_backup_vanished(const char *name, const char *file)
{
        const JournalField fields[] = {{FIELD_BACKUP, name}, {FIELD_FILE, file}};

        journal_event(LOG_NOTICE,
                        MESSAGE_BACKUP_REMOVED_ID,
                        fields,
                        "Backup %s removed: somebody outside of this service deleted its file",
                        name);
}

void event_corruption_detected(const char *database_path, const char *finding)
{
        const JournalField fields[] = {
                        {FIELD_FILE, database_path}, {FIELD_FAULT, fault_name(FAULT_CORRUPT)}};

        journal_event(LOG_CRIT,
                        MESSAGE_CORRUPTION_DETECTED_ID,
                        fields,
                        "The database %s is corrupt: %s",
                        database_path,
                        finding);
}

void event_database_created(const char *database_path)
{
        const JournalField fields[] = {{FIELD_FILE, database_path}};

        journal_event(LOG_NOTICE,
                        MESSAGE_DATABASE_CREATED_ID,
                        fields,
                        "There was no database; created %s",
                        database_path);
}

void event_schema_changed(const char *database_path, unsigned tables, unsigned indexes)
{
        const JournalField fields[] = {{FIELD_FILE, database_path}};

        journal_event(LOG_NOTICE,
                        MESSAGE_SCHEMA_CHANGED_ID,
                        fields,
                        "Schema of %s completed: %u tables and %u indexes added",
                        database_path,
                        tables,
                        indexes);
}

void event_schema_differs(const char *database_path, const char *difference)
{
        const JournalField fields[] = {{FIELD_FILE, database_path}};

        journal_event(LOG_WARNING, MESSAGE_SCHEMA_DIFFERS_ID, fields, "Schema differs: %s", difference);
}

void event_configuration_fault(const char *text)
{
        journal_write(LOG_WARNING, MESSAGE_CONFIGURATION_FAULT_ID, NULL, 0, "%s", text);
}

void event_startup_fault(const Fault *fault)
{
        const JournalField fields[] = {{FIELD_OPERATION, "startup"}, {FIELD_FAULT, fault_name(fault->code)}};

        journal_event(LOG_ERR, MESSAGE_STARTUP_FAULT_ID, fields, "Can't start: %s", fault->message);
}

static bool has_reason(const Health *health, const char *code)
{
        for (size_t i = 0; i < health->n_reasons; i++)
                if (strcmp(health->reasons[i].code, code) == 0)
                        return true;
        return false;
}

void event_health_changed(const Health *before, const Health *now)
{
        const char *state = health_state_to_string(now->state);

        for (size_t i = 0; i < now->n_reasons; i++) {
                const HealthReason *reason = now->reasons + i;
                const JournalField fields[] = {{FIELD_REASON, reason->code}, {FIELD_HEALTH, state}};

                if (!has_reason(before, reason->code))
                        journal_event(LOG_WARNING,
                                        MESSAGE_HEALTH_REASON_ID,
                                        fields,
                                        "Health is %s: %s",
                                        state,
                                        reason->text);
        }
        for (size_t i = 0; i < before->n_reasons; i++) {
                const char *code = before->reasons[i].code;
                const JournalField fields[] = {{FIELD_REASON, code}, {FIELD_HEALTH, state}};

                if (!has_reason(now, code))
                        journal_event(LOG_NOTICE,
                                        MESSAGE_HEALTH_REASON_OVER_ID,
                                        fields,
                                        "Health is %s; this is over: %s",
                                        state,
                                        code);
        }
}

void event_auto_restore_stopped(const char *database_path)
{
        const JournalField fields[] = {{FIELD_FILE, database_path}};

        journal_event(LOG_CRIT,
                        MESSAGE_AUTO_RESTORE_STOPPED_ID,
                        fields,
                        "The database %s broke again soon after an automatic restore; there will be no "
                        "further one until an operator restores or verifies it",
                        database_path);
}

void event_no_healthy_backup(const char *database_path)
{
        const JournalField fields[] = {
                        {FIELD_FILE, database_path}, {FIELD_FAULT, fault_name(FAULT_NO_HEALTHY_BACKUP)}};

        journal_event(LOG_CRIT,
                        MESSAGE_NO_HEALTHY_BACKUP_ID,
                        fields,
                        "The database %s is not usable, and no verified backup is there to restore",
                        database_path);
}

void event_database_replaced(const char *database_path, const char *how)
{
        const JournalField fields[] = {{FIELD_FILE, database_path}};

        journal_event(LOG_CRIT,
                        MESSAGE_DATABASE_REPLACED_ID,
                        fields,
                        "The database %s %s, and not through this service",
                        database_path,
                        how);
}
