/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/interface/manager-bus.h"

#include <string.h>

#include "backup/catalogue/backup-name.h"
#include "backup/catalogue/retention.h"
#include "base/clock.h"
#include "base/names.h"
#include "base/utf8.h"
#include "daemon/audit/audit.h"
#include "daemon/bus/bus-argument.h"
#include "daemon/interface/backup-list.h"
#include "daemon/interface/job-bus.h"
#include "daemon/interface/property.h"
#include "daemon/interface/quarantine-bus.h"
#include "daemon/interface/recovery-bus.h"
#include "daemon/latency/response-times.h"
#include "daemon/operation/cleanup.h"
#include "daemon/operation/remedy-state.h"
#include "daemon/query/diagnose-run.h"
#include "daemon/query/figures.h"
#include "daemon/query/statistics-run.h"
#include "daemon/records/advise-call.h"
#include "daemon/state/encryption.h"
#include "daemon/state/property-changes.h"

int manager_reply_job(Job *job, sd_bus_message *message)
{
        _cleanup_free_ char *path = NULL;
        int r;

        r = bus_path_of_job(job->id, &path);
        if (r < 0)
                return r;
        manager_flush_changes(job->manager);
        return sd_bus_reply_method_return(message, "uo", job->id, path);
}

static int method_backup(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        Manager *manager = userdata;
        _cleanup_fault_ Fault fault = {0};
        const char *label = NULL;
        int automatic = false, keep = false;
        const CallOption options[] = {
                        {"label", 's', &label}, {"automatic", 'b', &automatic}, {"keep", 'b', &keep}};
        Caller caller;
        Job *job;
        int r;

        r = call_options_read(message, options, ELEMENTSOF(options), error);
        if (r < 0)
                return r;
        if (label && strlen(label) > BACKUP_LABEL_MAX_BYTES)
                return bus_invalid(error, "The label is longer than 256 bytes");
        if (label && !utf8_is_line(label))
                return bus_invalid(error, "The label has a control character");
        r = authorize(message, ACTION_BACKUP, &caller, error);
        if (r < 0)
                return r;
        if (r == 0)
                return 1; /* Will call us back */

        if (operation_backup_queue(manager, automatic, keep, label, &caller, &job, &fault) < 0)
                return bus_fault(error, &fault);
        return manager_reply_job(job, message);
}

int manager_method_verify(Manager *manager, sd_bus_message *message, const char *name, sd_bus_error *error)
{
        _cleanup_(age_identities_freep) AgeIdentities *identities = NULL;
        _cleanup_fault_ Fault fault = {0};
        PassedKeys keys = {.identity_fd = -EBADF, .passphrase_fd = -EBADF};
        int automatic = false;
        const CallOption options[] = {{"identity", 'h', &keys.identity_fd},
                        {"passphrase", 'h', &keys.passphrase_fd},
                        {"automatic", 'b', &automatic}};
        Caller caller;
        Job *job;
        int r;

        r = call_options_read(message, options, ELEMENTSOF(options), error);
        if (r < 0)
                return r;
        if (name[0] && !backup_name_is_valid(name))
                return bus_invalid(error, "That can't be the name of a backup");
        r = manager_refuse_live_keys(manager, message, &keys, error);
        if (r >= 0)
                r = authorize_backup(message, ACTION_VERIFY, name, &caller, error);
        if (r < 0)
                return r;
        if (r == 0)
                return 1; /* Will call us back */

        r = encryption_read_passed(&keys, &identities, &fault);
        if (r < 0)
                return bus_fault(error, &fault);
        if (name[0])
                r = operation_verify_queue(manager, name, automatic, &identities, &caller, &job, &fault);
        else
                r = operation_check_queue(manager, automatic, &caller, &job, &fault);
        if (r < 0)
                return bus_fault(error, &fault);
        return manager_reply_job(job, message);
}

static int method_test_key(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        Manager *manager = userdata;
        _cleanup_fault_ Fault fault = {0};
        Caller caller;
        int r;

        r = authorize(message, ACTION_VERIFY, &caller, error);
        if (r < 0)
                return r;
        if (r == 0)
                return 1; /* Will call us back */
        r = encryption_test(manager, &fault);
        if (r >= 0 && !manager->identities)
                r = fault_set(&fault,
                                FAULT_KEY_UNAVAILABLE,
                                "The service holds no key: it has neither the "
                                "credential " CREDENTIAL_IDENTITY " nor " CREDENTIAL_PASSPHRASE);
        if (r < 0)
                return bus_fault(error, &fault);
        manager_flush_changes(manager);
        return sd_bus_reply_method_return(message, NULL);
}

static int method_verify(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        const char *name;
        int r;

        r = sd_bus_message_read(message, "s", &name);
        if (r < 0)
                return r;
        return manager_method_verify(userdata, message, name, error);
}

static int method_cleanup(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        Manager *manager = userdata;
        _cleanup_fault_ Fault fault = {0};
        int dry_run = false;
        const CallOption options[] = {{"dry-run", 'b', &dry_run}};
        Caller caller;
        Job *job;
        int r;

        r = call_options_read(message, options, ELEMENTSOF(options), error);
        if (r < 0)
                return r;
        r = authorize(message, ACTION_DELETE, &caller, error);
        if (r < 0)
                return r;
        if (r == 0)
                return 1; /* Will call us back */

        if (dry_run) {
                if (manager_require_started(manager, &fault) < 0)
                        return bus_fault(error, &fault);
                return cleanup_reply_plan(manager, message);
        }
        if (operation_cleanup_queue(manager, &caller, &job, &fault) < 0)
                return bus_fault(error, &fault);
        job->message = response_times_keep(manager->response_times, message);
        return 1; /* Answered when the job ends */
}

static int method_get_statistics(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        Manager *manager = userdata;
        _cleanup_fault_ Fault fault = {0};
        Caller caller;
        int r;

        r = caller_of(message, &caller, error);
        if (r < 0)
                return r;
        r = manager_require_started(manager, &fault);
        if (r >= 0)
                r = statistics_run_ask(manager->statistics_run, message, &caller, &fault);
        if (r < 0)
                return bus_fault(error, &fault);
        return 1; /* Answered when it is counted */
}

static int method_diagnose(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        _cleanup_fault_ Fault fault = {0};

        if (diagnose_run_ask(userdata, message, &fault) < 0)
                return bus_fault(error, &fault);
        return 1; /* Answered when systemd and the bus have told what they know */
}

static int method_cancel_job(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        uint32_t id;
        Job *job;
        int r;

        r = sd_bus_message_read(message, "u", &id);
        if (r < 0)
                return r;
        job = manager_find_job(userdata, id);
        if (job)
                return job_method_cancel(job, message, error);
        return bus_error(
                        error, fault_bus_name(FAULT_NOT_FOUND), "There is no job %u; it may have ended", id);
}

static int method_reload(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        Manager *manager = userdata;
        _cleanup_fault_ Fault fault = {0};
        Caller caller;
        int r;

        r = authorize(message, ACTION_CONFIGURE, &caller, error);
        if (r < 0)
                return r;
        if (r == 0)
                return 1; /* Will call us back */
        r = manager_reload(manager, &fault);
        audit_call(&caller, "reload", NULL, &fault);
        manager_flush_changes(manager);
        if (r < 0)
                return bus_fault(error, &fault);
        return sd_bus_reply_method_return(message, NULL);
}

#define CONSTANT(name, type, get, offset) \
        SD_BUS_PROPERTY(name, type, get, offset, SD_BUS_VTABLE_PROPERTY_CONST)
#define CHANGING(name, type, get, offset) \
        SD_BUS_PROPERTY(name, type, get, offset, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE)
#define FIELD(name) offsetof(Manager, name)
/* Worked out anew each time, and changing with everything: no signals. */
#define FIGURE(name, type) SD_BUS_PROPERTY(name, type, figures_get_property, 0, 0)

static const sd_bus_vtable manager_vtable[] = {
                SD_BUS_VTABLE_START(0),
                SD_BUS_METHOD_WITH_ARGS("Backup",
                                SD_BUS_ARGS("a{sv}", options),
                                SD_BUS_RESULT("u", id, "o", job),
                                method_backup,
                                SD_BUS_VTABLE_UNPRIVILEGED),
                SD_BUS_METHOD_WITH_ARGS("Verify",
                                SD_BUS_ARGS("s", name, "a{sv}", options),
                                SD_BUS_RESULT("u", id, "o", job),
                                method_verify,
                                SD_BUS_VTABLE_UNPRIVILEGED),
                SD_BUS_METHOD_WITH_ARGS("Cleanup",
                                SD_BUS_ARGS("a{sv}", options),
                                SD_BUS_RESULT("a(sss)", decisions),
                                method_cleanup,
                                SD_BUS_VTABLE_UNPRIVILEGED),
                SD_BUS_METHOD_WITH_ARGS("ListBackups",
                                SD_BUS_NO_ARGS,
                                SD_BUS_RESULT("a(osssttttbsa{sv})", backups),
                                backup_list_method,
                                SD_BUS_VTABLE_UNPRIVILEGED),
                SD_BUS_METHOD_WITH_ARGS("GetStatistics",
                                SD_BUS_NO_ARGS,
                                SD_BUS_RESULT("a{sv}", statistics),
                                method_get_statistics,
                                SD_BUS_VTABLE_UNPRIVILEGED),
                SD_BUS_METHOD_WITH_ARGS("Diagnose",
                                SD_BUS_NO_ARGS,
                                SD_BUS_RESULT("a(ssss)", findings),
                                method_diagnose,
                                SD_BUS_VTABLE_UNPRIVILEGED),
                SD_BUS_METHOD_WITH_ARGS("Advise",
                                SD_BUS_NO_ARGS,
                                SD_BUS_RESULT("a(ssss)", indexes),
                                manager_method_advise,
                                SD_BUS_VTABLE_UNPRIVILEGED),
                SD_BUS_METHOD_WITH_ARGS("CancelJob",
                                SD_BUS_ARGS("u", id),
                                SD_BUS_NO_RESULT,
                                method_cancel_job,
                                SD_BUS_VTABLE_UNPRIVILEGED),
                SD_BUS_METHOD_WITH_ARGS("Restore",
                                SD_BUS_ARGS("s", name, "a{sv}", options),
                                SD_BUS_RESULT("u", id, "o", job),
                                manager_method_restore,
                                SD_BUS_VTABLE_UNPRIVILEGED),
                SD_BUS_METHOD_WITH_ARGS("UndoRestore",
                                SD_BUS_ARGS("a{sv}", options),
                                SD_BUS_RESULT("u", id, "o", job),
                                manager_method_undo_restore,
                                SD_BUS_VTABLE_UNPRIVILEGED),
                SD_BUS_METHOD_WITH_ARGS("PlanRestore",
                                SD_BUS_ARGS("s", name),
                                SD_BUS_RESULT("a{sv}", plan),
                                manager_method_plan_restore,
                                SD_BUS_VTABLE_UNPRIVILEGED),
                SD_BUS_METHOD_WITH_ARGS("PlanRestoreFile",
                                SD_BUS_ARGS("h", file, "a{sv}", options),
                                SD_BUS_RESULT("a{sv}", plan),
                                manager_method_plan_restore_file,
                                SD_BUS_VTABLE_UNPRIVILEGED),
                SD_BUS_METHOD_WITH_ARGS("PlanUndo",
                                SD_BUS_NO_ARGS,
                                SD_BUS_RESULT("a{sv}", plan),
                                manager_method_plan_undo,
                                SD_BUS_VTABLE_UNPRIVILEGED),
                SD_BUS_METHOD_WITH_ARGS("Export",
                                SD_BUS_ARGS("h", output, "a{sv}", options),
                                SD_BUS_RESULT("u", id, "o", job),
                                manager_method_export,
                                SD_BUS_VTABLE_UNPRIVILEGED),
                SD_BUS_METHOD_WITH_ARGS("Import",
                                SD_BUS_ARGS("h", input, "a{sv}", options),
                                SD_BUS_RESULT("u", id, "o", job),
                                manager_method_import,
                                SD_BUS_VTABLE_UNPRIVILEGED),
                SD_BUS_METHOD_WITH_ARGS("ListQuarantine",
                                SD_BUS_NO_ARGS,
                                SD_BUS_RESULT("a(sttssbttta(sbttttt))", incidents),
                                manager_method_list_quarantine,
                                SD_BUS_VTABLE_UNPRIVILEGED),
                SD_BUS_METHOD_WITH_ARGS("DeleteQuarantine",
                                SD_BUS_ARGS("s", name, "a{sv}", options),
                                SD_BUS_RESULT("u", id, "o", job),
                                manager_method_delete_quarantine,
                                SD_BUS_VTABLE_UNPRIVILEGED),
                SD_BUS_METHOD_WITH_ARGS("Salvage",
                                SD_BUS_ARGS("s", name, "a{sv}", options),
                                SD_BUS_RESULT("s", quarantine, "a(sttt)", tables, "s", saved_as),
                                manager_method_salvage,
                                SD_BUS_VTABLE_UNPRIVILEGED),
                SD_BUS_METHOD_WITH_ARGS("ReportCorruption",
                                SD_BUS_ARGS("s", what),
                                SD_BUS_NO_RESULT,
                                manager_method_report_corruption,
                                SD_BUS_VTABLE_UNPRIVILEGED),
                SD_BUS_METHOD_WITH_ARGS("Acknowledge",
                                SD_BUS_ARGS("a{sv}", options),
                                SD_BUS_NO_RESULT,
                                manager_method_acknowledge,
                                SD_BUS_VTABLE_UNPRIVILEGED),
                SD_BUS_METHOD_WITH_ARGS("TestKey",
                                SD_BUS_NO_ARGS,
                                SD_BUS_NO_RESULT,
                                method_test_key,
                                SD_BUS_VTABLE_UNPRIVILEGED),
                SD_BUS_METHOD_WITH_ARGS("Reload",
                                SD_BUS_NO_ARGS,
                                SD_BUS_NO_RESULT,
                                method_reload,
                                SD_BUS_VTABLE_UNPRIVILEGED),

                CONSTANT("Version", "s", property_get_version, 0),
                CONSTANT("SQLiteVersion", "s", property_get_sqlite_version, 0),
                CONSTANT("DatabasePath", "s", NULL, FIELD(database_path)),
                CONSTANT("BackupDirectory", "s", NULL, FIELD(backup_directory)),
                CHANGING("Status", "s", NULL, FIELD(status)),
                CHANGING("Health", "s", property_get_health, 0),
                CHANGING("HealthReasons", "a(ss)", property_get_health_reasons, 0),
                CHANGING("Integrity", "s", property_get_integrity, 0),
                CHANGING("IntegrityCheckedUSec", "t", NULL, FIELD(integrity_checked_usec)),
                CHANGING("DiskCheckedUSec", "t", NULL, FIELD(disk_checked_usec)),
                CHANGING("DatabaseBytes", "t", NULL, FIELD(statistics.size_bytes)),
                CHANGING("WALBytes", "t", NULL, FIELD(statistics.wal_bytes)),
                CHANGING("PageSize", "t", NULL, FIELD(statistics.page_size_bytes)),
                CHANGING("Pages", "t", NULL, FIELD(statistics.pages)),
                CHANGING("FreePages", "t", NULL, FIELD(statistics.free_pages)),
                CHANGING("JournalMode", "s", property_get_journal_mode, 0),
                CHANGING("DatabaseModifiedUSec", "t", NULL, FIELD(statistics.modified_usec)),
                CHANGING("Tables", "a(st)", property_get_tables, 0),
                CHANGING("TablesCountedUSec", "t", NULL, FIELD(tables_counted_usec)),
                CHANGING("SchemaDifferences", "as", property_get_schema_differences, 0),
                CHANGING("Backups", "u", NULL, FIELD(summary.n_backups)),
                CHANGING("VerifiedBackups", "u", NULL, FIELD(summary.n_verified)),
                CHANGING("BackupBytes", "t", NULL, FIELD(summary.stored_bytes)),
                CHANGING("LastBackup", "s", NULL, FIELD(summary.newest)),
                CHANGING("LastBackupUSec", "t", NULL, FIELD(summary.newest_usec)),
                CHANGING("LastBackupFault", "s", NULL, FIELD(last_backup_fault)),
                FIGURE("VerifiedShare", "d"),
                FIGURE("FailedVerifications", "u"),
                FIGURE("BackupsByKind", "a(sut)"),
                FIGURE("OldestBackup", "s"),
                FIGURE("OldestBackupUSec", "t"),
                FIGURE("SizeHistory", "a(tt)"),
                FIGURE("DatabaseGrowthPerDay", "x"),
                FIGURE("TableChanges", "a(sx)"),
                FIGURE("TablesComparedWith", "s"),
                FIGURE("Quarantined", "u"),
                FIGURE("QuarantineBytes", "t"),
                FIGURE("DiskTotalBytes", "t"),
                FIGURE("DiskFreeBytes", "t"),
                FIGURE("DiskDaysLeft", "d"),
                CONSTANT("StartedUSec", "t", NULL, FIELD(started_usec)),
                FIGURE("ResponseTimes", "a(sttttttt)"),
                FIGURE("JobsQueued", "u"),
                FIGURE("JobsRunning", "u"),
                FIGURE("JobsEnded", "a(suuu)"),
                FIGURE("LastError", "s"),
                FIGURE("LastErrorMessage", "s"),
                FIGURE("LastErrorUSec", "t"),
                CHANGING("CadenceUSec", "t", NULL, FIELD(configuration.cadence_usec)),
                CHANGING("CheckIntervalUSec", "t", NULL, FIELD(configuration.check_interval_usec)),
                CHANGING("RetentionUSec", "t", NULL, FIELD(configuration.retention_usec)),
                CHANGING("RetentionMinimumVerified",
                                "u",
                                NULL,
                                FIELD(configuration.retention_minimum_verified)),
                CHANGING("ConfigurationFaults", "as", property_get_configuration_faults, 0),
                CHANGING("Settings", "a(sss)", property_get_settings, 0),
                CHANGING("EncryptionRecipients", "as", property_get_encryption_recipients, 0),
                SD_BUS_PROPERTY("KeyAvailable",
                                "b",
                                property_get_key_available,
                                0,
                                SD_BUS_VTABLE_PROPERTY_CONST),
                CHANGING("KeyFault", "s", NULL, FIELD(key_fault)),
                CHANGING("NJobs", "u", NULL, FIELD(n_jobs)),
                CHANGING("AutoRestore", "b", property_get_auto_restore, 0),
                CHANGING("ApplicationUnits", "as", property_get_application_units, 0),
                CHANGING("LastRestore", "s", NULL, FIELD(last_restore.source)),
                CHANGING("LastRestoreUSec", "t", NULL, FIELD(last_restore.restored_usec)),
                CHANGING("LastRestoreAutomatic", "b", property_get_last_restore_automatic, 0),
                CHANGING("CanUndoRestore", "b", property_get_can_undo_restore, 0),
                CHANGING("RetentionHeld", "s", NULL, FIELD(hold.text)),
                CHANGING("Remedies", "a(ttssssasa(stts))", property_get_remedies, 0),

                SD_BUS_SIGNAL_WITH_ARGS("JobNew", SD_BUS_ARGS("u", id, "o", job, "s", operation), 0),
                SD_BUS_SIGNAL_WITH_ARGS("JobRemoved",
                                SD_BUS_ARGS("u",
                                                id,
                                                "o",
                                                job,
                                                "s",
                                                operation,
                                                "s",
                                                result,
                                                "s",
                                                error,
                                                "s",
                                                message),
                                0),
                SD_BUS_SIGNAL_WITH_ARGS("BackupCreated", SD_BUS_ARGS("u", job, "s", name, "o", backup), 0),
                SD_BUS_SIGNAL_WITH_ARGS("BackupRemoved", SD_BUS_ARGS("s", name, "o", backup), 0),
                SD_BUS_SIGNAL_WITH_ARGS("CorruptionDetected", SD_BUS_ARGS("s", finding), 0),
                SD_BUS_SIGNAL_WITH_ARGS("DatabaseRestored",
                                SD_BUS_ARGS("u",
                                                job,
                                                "s",
                                                name,
                                                "s",
                                                method,
                                                "b",
                                                automatic,
                                                "s",
                                                saved_as,
                                                "s",
                                                quarantine),
                                0),
                SD_BUS_SIGNAL_WITH_ARGS("DatabaseRepaired",
                                SD_BUS_ARGS("u", job, "as", objects, "s", quarantine),
                                0),
                SD_BUS_VTABLE_END,
};

int manager_bus_register(Manager *manager)
{
        int r;

        r = sd_bus_add_object_manager(manager->bus, NULL, BUS_PATH);
        if (r < 0)
                return r;
        return response_times_add_vtable(manager, BUS_PATH, BUS_INTERFACE_MANAGER, manager_vtable, NULL);
}
