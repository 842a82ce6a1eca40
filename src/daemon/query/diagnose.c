/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/query/diagnose.h"

#include <inttypes.h>
#include <libgen.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "backup/quarantine/quarantine-list.h"
#include "base/clock.h"
#include "base/names.h"
#include "base/quantity.h"
#include "daemon/facts/recovery-decision.h"
#include "daemon/query/diagnose-report.h"
#include "daemon/state/condition.h"
#include "daemon/state/encryption.h"
#include "database/connection/placement.h"

#define INTEGRITY_OLD_USEC (30 * USEC_PER_DAY)

bool sqlite_has_wal_reset_defect(int version)
{
        return !(version >= 3051003 || (version >= 3050007 && version < 3051000) ||
                        (version >= 3044006 && version < 3045000));
}

static void diagnose_sqlite(DiagnoseReport *report)
{
        if (sqlite_has_wal_reset_defect(sqlite3_libversion_number()))
                diagnose_row(report,
                                "sqlite",
                                "warning",
                                "",
                                "SQLite %s has the WAL-reset defect, which 3.51.3, 3.50.7 and 3.44.6 have "
                                "not: two processes must not checkpoint at once. This service checkpoints "
                                "the database only while no other process has it open",
                                sqlite3_libversion());
        else
                diagnose_row(report, "sqlite", "ok", "", "SQLite %s", sqlite3_libversion());
}

/* Whether SQLite's locks, which go by name, could be missed by who knows another one. */
static bool has_other_names(const Manager *manager, struct stat *ret)
{
        return lstat(manager->database_path, ret) >= 0 && (S_ISLNK(ret->st_mode) || ret->st_nlink > 1);
}

static void diagnose_links(const Manager *manager, DiagnoseReport *report)
{
        struct stat status;

        if (has_other_names(manager, &status))
                diagnose_row(report,
                                "links",
                                "fault",
                                "Leave the file one name, and give that to the application",
                                S_ISLNK(status.st_mode) ? "%s is a symbolic link"
                                                        : "%s has more than one hard link",
                                manager->database_path);
        else
                diagnose_row(report,
                                "links",
                                "ok",
                                "",
                                "The database is no symbolic link and has no second name");
}

static void diagnose_place(const Manager *manager, DiagnoseReport *report)
{
        _cleanup_free_ char *path = strdup(manager->database_path);
        const char *directory = path ? dirname(path) : "/";
        struct statfs place;
        struct stat status;

        if (manager->placement_fault == FAULT_UNSAFE_FILE_SYSTEM && !has_other_names(manager, &status))
                diagnose_row(report,
                                "file-system",
                                "fault",
                                "Move the database to a local file system",
                                "%s",
                                manager->placement_message);
        else if (statfs(directory, &place) >= 0)
                diagnose_row(report,
                                "file-system",
                                "ok",
                                "",
                                "%s, which keeps SQLite's locks",
                                placement_file_system_name(place.f_type));
        else
                diagnose_row(report,
                                "file-system",
                                "fault",
                                "Look at the mount with findmnt",
                                "%s: %s",
                                directory,
                                strerrordesc_np(errno));
}

/* Whether every directory down to it lets other users through. */
static bool is_reachable_by_others(const char *path)
{
        _cleanup_free_ char *directory = strdup(path);
        struct stat status;
        char *slash;

        while (directory && (slash = strrchr(directory, '/')) && slash != directory) {
                *slash = '\0';
                if (stat(directory, &status) >= 0 && (status.st_mode & S_IXOTH) == 0)
                        return false;
        }
        return true;
}

/* Another application's file may be read by others when that application has it so. */
static bool is_open_to_others(const Manager *manager, mode_t mode)
{
        mode_t open_to = manager->schema.role == SCHEMA_ROLE_NONE ? S_IWOTH : S_IRWXO;

        return (mode & open_to) != 0 && is_reachable_by_others(manager->database_path);
}

static void diagnose_permissions(const Manager *manager, DiagnoseReport *report)
{
        struct stat status;

        if (manager->placement_fault != FAULT_NONE && manager->placement_fault != FAULT_UNSAFE_FILE_SYSTEM)
                diagnose_row(report,
                                "permissions",
                                "fault",
                                "Give the file to the service's user and group, mode 0660",
                                "%s",
                                manager->placement_message);
        else if (stat(manager->database_path, &status) < 0)
                diagnose_row(report,
                                "permissions",
                                "fault",
                                "Run `oracxpredctl restore`, which puts the newest good backup in its place",
                                "%s: %s",
                                manager->database_path,
                                strerrordesc_np(errno));
        else if (is_open_to_others(manager, status.st_mode))
                diagnose_row(report,
                                "permissions",
                                "warning",
                                "Run chmod o= as the file's owner, not as root; the application's user "
                                "belongs into its group",
                                "%s is open to every user (mode %04o)",
                                manager->database_path,
                                status.st_mode & 07777);
        else
                diagnose_row(report,
                                "permissions",
                                "ok",
                                "",
                                "%s, mode %04o",
                                manager->database_path,
                                status.st_mode & 07777);
}

static void diagnose_space(const Manager *manager, DiagnoseReport *report)
{
        char free_text[QUANTITY_MAX], total[QUANTITY_MAX];
        DiskSpace space;
        _cleanup_fault_ Fault fault = {0};
        bool low;

        if (manager->backups_away) {
                diagnose_row(report,
                                "disk-space",
                                "warning",
                                "Mount the disk of the backups",
                                "Not known: it is not there");
                return;
        }
        if (placement_disk_space(manager->backup_directory, &space, &fault) < 0) {
                diagnose_row(report,
                                "disk-space",
                                "fault",
                                "Look at the mount with findmnt",
                                "%s",
                                fault.message);
                return;
        }
        low = space.free_bytes < manager->configuration.low_disk_space_bytes;
        quantity_format_size(space.free_bytes, free_text);
        quantity_format_size(space.total_bytes, total);
        diagnose_row(report,
                        "disk-space",
                        low ? "warning" : "ok",
                        low ? "Free some space, or keep backups for a shorter time (Retention=)" : "",
                        "%s of %s free",
                        free_text,
                        total);
}

/* Only what nothing lies in alone is removed by itself: the rest is for a person to look at. */
static void diagnose_quarantine(const Manager *manager, DiagnoseReport *report)
{
        _cleanup_(quarantine_list_done) QuarantineList list = {0};
        char size[QUANTITY_MAX];
        uint64_t bytes;
        bool over;

        (void) quarantine_list_load(manager->quarantine_directory, &list, NULL);
        bytes = quarantine_list_bytes(&list);
        over = bytes > manager->configuration.quarantine_max_bytes;
        quantity_format_size(bytes, size);
        diagnose_row(report,
                        "quarantine",
                        over ? "warning" : "ok",
                        over ? "Run `oracxpredctl quarantine`, then `oracxpredctl salvage` or `oracxpredctl "
                               "quarantine "
                               "delete`"
                             : "",
                        "%zu put aside, %s",
                        list.n_items,
                        size);
}

static bool has_reason(const Manager *manager, const char *code)
{
        for (size_t i = 0; i < manager->health.n_reasons; i++)
                if (strcmp(manager->health.reasons[i].code, code) == 0)
                        return true;
        return false;
}

static void diagnose_integrity(const Manager *manager, DiagnoseReport *report)
{
        char age[QUANTITY_MAX];
        uint64_t now_usec = clock_now_usec(), checked_usec = manager->integrity_checked_usec;
        bool old;

        if (manager_require_sound_database(manager, NULL) < 0) {
                diagnose_row(report,
                                "integrity",
                                "fault",
                                has_reason(manager, "no-healthy-backup")
                                                ? "Bring one in with `oracxpredctl restore --from=FILE`; "
                                                  "what .dump saves of a copy of the file will do "
                                                  "(oracxpredd(8))"
                                                : "Run `oracxpredctl restore`, which keeps what is there in "
                                                  "the quarantine",
                                "%s",
                                manager->health.n_reasons > 0 ? manager->health.reasons[0].text : "corrupt");
                return;
        }
        if (manager->integrity == INTEGRITY_UNKNOWN) {
                diagnose_row(report, "integrity", "warning", "Run `oracxpredctl verify`", "Not checked yet");
                return;
        }
        old = now_usec > checked_usec + INTEGRITY_OLD_USEC;
        quantity_format_span(now_usec > checked_usec ? now_usec - checked_usec : 0, age);
        diagnose_row(report,
                        "integrity",
                        old ? "warning" : "ok",
                        old ? "Run `oracxpredctl verify`" : "",
                        "Sound when it was checked %s ago",
                        age);
}

static void diagnose_disk(const Manager *manager, DiagnoseReport *report)
{
        uint64_t interval_usec = manager->configuration.check_interval_usec, now_usec = clock_now_usec(),
                 checked_usec = manager->disk_checked_usec,
                 since_usec = MAX_OF(checked_usec, manager->started_usec);
        char age[QUANTITY_MAX] = "";

        if (manager->read_error) {
                diagnose_row(report,
                                "disk-check",
                                "fault",
                                "Take a backup now, look into the kernel's log (journalctl -k), and move "
                                "the "
                                "database to a sound disk",
                                "%s",
                                manager->read_error);
                return;
        }
        if (interval_usec == UINT64_MAX) {
                diagnose_row(report,
                                "disk-check",
                                "ok",
                                "",
                                "CheckInterval=infinity: only when it is asked for");
                return;
        }
        quantity_format_span(now_usec > checked_usec ? now_usec - checked_usec : 0, age);
        if (now_usec > since_usec && now_usec - since_usec > 2 * interval_usec)
                diagnose_row(report,
                                "disk-check",
                                "warning",
                                "Run `oracxpredctl verify`, and look into the journal why the service could "
                                "not do it itself (CheckInterval=)",
                                checked_usec > 0 ? "The database was last read from its disk %s ago"
                                                 : "The database was never read from its disk to be checked",
                                age);
        else
                diagnose_row(report,
                                "disk-check",
                                "ok",
                                "",
                                checked_usec > 0 ? "Read from its disk and checked in full %s ago"
                                                 : "Not due yet",
                                age);
}

static void diagnose_backups(const Manager *manager, DiagnoseReport *report)
{
        bool bad = manager->backups_away, sound = manager_require_sound_database(manager, NULL) >= 0;

        if (bad)
                diagnose_row(report,
                                "backups",
                                "fault",
                                "Mount the disk of the backups, and see that /etc/fstab or a mount unit "
                                "names it",
                                "%s",
                                manager->backups_away);

        for (size_t i = 0; i < manager->health.n_reasons; i++) {
                const HealthReason *reason = &manager->health.reasons[i];

                if (strcmp(reason->code, "stale") != 0 && strcmp(reason->code, "last-backup-failed") != 0 &&
                                strcmp(reason->code, "last-verification-failed") != 0)
                        continue;
                bad = true;
                diagnose_row(report,
                                "backups",
                                strcmp(reason->code, "stale") == 0 ? "warning" : "fault",
                                !sound ? "Restore the database first; no backup is made of it as it is"
                                : strcmp(reason->code, "last-verification-failed") == 0
                                                ? "Make a new backup, and remove the bad one when it is not "
                                                  "needed"
                                                : "Run `oracxpredctl backup`, and see that "
                                                  "oracxpred-backup.timer is enabled",
                                "%s",
                                reason->text);
        }
        if (!bad)
                diagnose_row(report,
                                "backups",
                                "ok",
                                "",
                                "%" PRIu32 " backups, %" PRIu32 " of them verified, the newest is %s",
                                manager->summary.n_backups,
                                manager->summary.n_verified,
                                manager->summary.newest ? manager->summary.newest : "still to come");
}

static void diagnose_entries(const Manager *manager, DiagnoseReport *report)
{
        size_t n_problems = 0;
        const Manifest *first = NULL;

        for (size_t i = 0; i < manager->catalogue->n_entries; i++) {
                const Manifest *manifest = manager->catalogue->entries[i].manifest;

                if (!manifest->problem)
                        continue;
                first = n_problems++ == 0 ? manifest : first;
        }
        if (first)
                diagnose_row(report,
                                "backup-files",
                                "warning",
                                "`oracxpredctl show` tells more of each; remove what is of no use",
                                "%zu entries have a problem, the first is %s: %s",
                                n_problems,
                                first->name,
                                first->problem);
        else
                diagnose_row(report, "backup-files", "ok", "", "Every file has a manifest that fits");
}

static void diagnose_configuration(const Manager *manager, DiagnoseReport *report)
{
        for (size_t i = 0; i < manager->configuration.n_faults; i++)
                diagnose_row(report,
                                "configuration",
                                "warning",
                                "Correct the line, then run `systemctl reload oracxpredd`",
                                "%s",
                                manager->configuration.faults[i]);
        if (manager->configuration.n_faults == 0)
                diagnose_row(report, "configuration", "ok", "", "%s has no errors", manager->config_file);
}

static void diagnose_costs(const Manager *manager, DiagnoseReport *report)
{
        for (size_t i = 0; i < manager->schema.n_costs; i++)
                diagnose_row(report, "schema", "ok", "", "No column %s", manager->schema.costs[i]);
}

static void diagnose_schema(const Manager *manager, DiagnoseReport *report)
{
        if (manager->schema.role == SCHEMA_ROLE_UNKNOWN) {
                diagnose_row(report, "schema", "ok", "", "The tables were not looked at yet");
                return;
        }
        if (manager->schema.role == SCHEMA_ROLE_NONE) {
                diagnose_row(report,
                                "schema",
                                "ok",
                                "",
                                "Another application's tables: nothing is added to them or written there; "
                                "the "
                                "service has no accounts and no predictions, and logs in " AUDIT_FILE);
                return;
        }
        diagnose_costs(manager, report);
        for (size_t i = 0; i < manager->schema.n_differences; i++)
                diagnose_row(report,
                                "schema",
                                "warning",
                                "Compare it with the application's models",
                                "%s",
                                manager->schema.differences[i]);
        if (manager->schema.n_differences == 0)
                diagnose_row(report,
                                "schema",
                                "ok",
                                "",
                                "The tables that the service works with are as it needs them");
}

static void diagnose_key(Manager *manager, DiagnoseReport *report)
{
        const Configuration *configuration = &manager->configuration;
        bool encrypts = configuration->recipients.n_items > 0 || configuration->encrypt_with_passphrase;

        if (encryption_test(manager, NULL) < 0)
                diagnose_row(report,
                                "key",
                                "fault",
                                configuration->encryption_fault
                                                ? "Correct the line, then run `systemctl reload oracxpredd`"
                                                : "Give the service the key that fits the recipients, or "
                                                  "name "
                                                  "the recipient of its key; `oracxpredctl key show` shows "
                                                  "both",
                                "%s",
                                manager->key_fault);
        else if (!encrypts)
                diagnose_row(report,
                                "key",
                                "ok",
                                "",
                                "Backups are not encrypted (EncryptionRecipients= is empty)");
        else if (!manager->identities)
                diagnose_row(report,
                                "key",
                                "warning",
                                "Keep the identity where it is found in need; `oracxpredctl restore "
                                "--identity=FILE` takes it",
                                "Backups are encrypted, and no identity is here: they can't be verified or "
                                "restored automatically");
        else
                diagnose_row(report,
                                "key",
                                "ok",
                                "",
                                "Backups are encrypted, and the key that is here opens them");
}

int diagnose(Manager *manager, const HostFacts *facts, sd_bus_message *reply)
{
        DiagnoseReport report = {.reply = reply};

        manager_update_health(manager);
        report.error = sd_bus_message_open_container(reply, 'a', "(ssss)");
        diagnose_sqlite(&report);
        diagnose_place(manager, &report);
        diagnose_links(manager, &report);
        diagnose_permissions(manager, &report);
        diagnose_space(manager, &report);
        diagnose_quarantine(manager, &report);
        diagnose_integrity(manager, &report);
        diagnose_disk(manager, &report);
        diagnose_backups(manager, &report);
        diagnose_entries(manager, &report);
        diagnose_configuration(manager, &report);
        diagnose_key(manager, &report);
        diagnose_schema(manager, &report);
        diagnose_host(manager, facts, &report);
        return report.error < 0 ? report.error : sd_bus_message_close_container(reply);
}
