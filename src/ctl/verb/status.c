/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* status: what operators want to know at a glance, and in its exit status whether all is well. */

#include <string.h>

#include "base/clock.h"
#include "base/names.h"
#include "base/quantity.h"
#include "ctl/call/job.h"
#include "ctl/call/timer.h"
#include "ctl/show/moment.h"
#include "ctl/show/terminal.h"
#include "ctl/verb/verbs.h"
#include "ctl/view/fields.h"
#include "ctl/view/statistics.h"

/* As systemctl status has it for what is not running; the table in base/fault.c leaves it free. */
#define EXIT_STATUS_UNHEALTHY 3

/* Counting rows afresh is worth a short wait, no more: else what was counted last is shown, with its age. */
#define COUNT_TIMEOUT_USEC (2 * USEC_PER_SEC)

static void count_afresh(Session *session)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        _cleanup_fault_ Fault ignored = {0};

        /* Why it could not is the service's business: Health tells it. */
        if (session_new_call(session, BUS_PATH, BUS_INTERFACE_MANAGER, "GetStatistics", &call, &ignored) >=
                        0)
                (void) session_call(session, call, COUNT_TIMEOUT_USEC, "a{sv}", NULL, &ignored);
}

static int read_status(Session *session, json_object **ret, Fault *fault)
{
        _cleanup_json_ json_object *status = NULL, *jobs = NULL;
        int r;

        count_afresh(session);
        r = session_get_properties(session, BUS_PATH, BUS_INTERFACE_MANAGER, &status, fault);
        if (r < 0)
                return r;
        if (document_number(status, "NJobs") > 0)
                r = job_list(session, &jobs, fault);
        else
                jobs = json_object_new_array();
        if (r < 0)
                return r;
        r = document_put(status, "Jobs", json_object_get(jobs));
        if (r >= 0)
                r = timer_describe(session, status);
        if (r < 0)
                return session_set_errno(r, fault);
        *ret = TAKE_PTR(status);
        return 0;
}

static Style style_of_health(const char *health)
{
        if (strcmp(health, "ok") == 0)
                return STYLE_GOOD;
        return strcmp(health, "corrupt") == 0 ? STYLE_BAD : STYLE_WARNING;
}

static void add_health(Table *fields, json_object *status)
{
        json_object *reasons = document_member(status, "HealthReasons");
        const char *health = document_text(status, "Health");

        fields_add(fields, "Health", style_of_health(health), health);
        for (size_t i = 0; i < json_object_array_length(reasons); i++) {
                json_object *reason = json_object_array_get_idx(reasons, i);

                fields_addf(fields,
                                "",
                                STYLE_PLAIN,
                                "%s: %s",
                                document_text(reason, "Code"),
                                document_text(reason, "Message"));
        }
        fields_add(fields, "Status", STYLE_PLAIN, document_text(status, "Status"));
}

static void add_database(Table *fields, json_object *status, uint64_t now_usec)
{
        const char *integrity = document_text(status, "Integrity");
        uint64_t free_pages = document_number(status, "FreePages"),
                 page_bytes = document_number(status, "PageSize");
        char checked[MOMENT_MAX], size[QUANTITY_MAX], wal[QUANTITY_MAX], unused[QUANTITY_MAX];
        char growth[STATISTICS_GROWTH_MAX];

        moment_format(document_number(status, "IntegrityCheckedUSec"), now_usec, checked);
        quantity_format_size(document_number(status, "DatabaseBytes"), size);
        quantity_format_size(document_number(status, "WALBytes"), wal);
        quantity_format_size(free_pages * page_bytes, unused);
        statistics_growth(status, growth);

        fields_add(fields, "Database", STYLE_PLAIN, document_text(status, "DatabasePath"));
        fields_addf(fields,
                        "Integrity",
                        strcmp(integrity, "ok") == 0        ? STYLE_GOOD
                        : strcmp(integrity, "corrupt") == 0 ? STYLE_BAD
                                                            : STYLE_WARNING,
                        "%s (checked %s)",
                        integrity,
                        checked);
        fields_add_moment(fields, "Disk checked", document_number(status, "DiskCheckedUSec"), now_usec);
        fields_addf(fields,
                        "Size",
                        STYLE_PLAIN,
                        "%s, %s of it free; write-ahead log %s, journal mode %s%s%s",
                        size,
                        unused,
                        wal,
                        document_text(status, "JournalMode"),
                        growth[0] != '\0' ? "; " : "",
                        growth);
        statistics_add_history(fields, status);
        fields_add_moment(fields, "Modified", document_number(status, "DatabaseModifiedUSec"), now_usec);
}

static void add_backups(Table *fields, json_object *status, uint64_t now_usec)
{
        const char *last = document_text(status, "LastBackup"),
                   *failed = document_text(status, "LastBackupFault");
        const char *finding = document_text(status, "TimerFinding");
        uint64_t next_usec = document_number(status, "NextBackupUSec");
        char text[MOMENT_MAX], size[QUANTITY_MAX];

        quantity_format_size(document_number(status, "BackupBytes"), size);
        fields_addf(fields,
                        "Backups",
                        STYLE_PLAIN,
                        "%" PRIu64 " (%" PRIu64 " verified), %s in %s",
                        document_number(status, "Backups"),
                        document_number(status, "VerifiedBackups"),
                        size,
                        document_text(status, "BackupDirectory"));
        moment_format(document_number(status, "LastBackupUSec"), now_usec, text);
        if (last[0] == '\0')
                fields_add(fields, "Last backup", STYLE_WARNING, "never");
        else
                fields_addf(fields, "Last backup", STYLE_PLAIN, "%s (%s)", last, text);
        if (failed[0] != '\0')
                fields_addf(fields, "", STYLE_BAD, "The last attempt failed: %s", failed);
        moment_format(next_usec, now_usec, text);
        if (finding[0] != '\0')
                fields_add(fields, "Next backup", STYLE_WARNING, finding);
        else
                fields_add(fields,
                                "Next backup",
                                STYLE_PLAIN,
                                next_usec > 0 ? text : "running, or due at any moment");
}

static void add_quarantine(Table *fields, json_object *status)
{
        char size[QUANTITY_MAX];

        quantity_format_size(document_number(status, "QuarantineBytes"), size);
        if (document_number(status, "Quarantined") > 0)
                fields_addf(fields,
                                "Quarantine",
                                STYLE_PLAIN,
                                "%" PRIu64 ", %s; `oracxpredctl quarantine` shows them",
                                document_number(status, "Quarantined"),
                                size);
}

static void add_restore(Table *fields, json_object *status, uint64_t now_usec)
{
        const char *last = document_text(status, "LastRestore");
        char text[MOMENT_MAX];

        moment_format(document_number(status, "LastRestoreUSec"), now_usec, text);
        if (last[0] != '\0')
                fields_addf(fields,
                                "Last restore",
                                STYLE_PLAIN,
                                "%s (%s)%s%s",
                                last,
                                text,
                                document_flag(status, "LastRestoreAutomatic") ? ", automatic" : "",
                                document_flag(status, "CanUndoRestore")
                                                ? "; `oracxpredctl undo` takes it back"
                                                : "");
        if (document_member(status, "AutoRestore") && !document_flag(status, "AutoRestore"))
                fields_add(fields,
                                "Auto restore",
                                STYLE_WARNING,
                                "off: a corrupt database stays until somebody restores it");
}

static void add_list(Table *fields, const char *name, json_object *lines)
{
        for (size_t i = 0; lines && i < json_object_array_length(lines); i++)
                fields_add(fields,
                                i == 0 ? name : "",
                                STYLE_WARNING,
                                json_object_get_string(json_object_array_get_idx(lines, i)));
}

static void add_jobs(Table *fields, json_object *jobs)
{
        for (size_t i = 0; i < json_object_array_length(jobs); i++) {
                json_object *job = json_object_array_get_idx(jobs, i);
                const char *step = document_text(job, "Step"), *backup = document_text(job, "Backup");

                fields_addf(fields,
                                i == 0 ? "Jobs" : "",
                                STYLE_PLAIN,
                                "%" PRIu64 " %s%s%s, %s%s%s",
                                document_number(job, "Id"),
                                document_text(job, "Operation"),
                                backup[0] != '\0' ? " of " : "",
                                backup,
                                document_text(job, "State"),
                                step[0] != '\0' ? ": " : "",
                                step);
        }
}

static int print_status(Session *session, json_object *status, Fault *fault)
{
        _cleanup_(table_freep) Table *fields = fields_new();
        uint64_t now_usec = clock_now_usec();
        char counted[MOMENT_MAX], remark[MOMENT_MAX];

        if (!fields)
                return session_set_errno(-ENOMEM, fault);
        add_health(fields, status);
        add_jobs(fields, document_member(status, "Jobs"));
        add_database(fields, status, now_usec);
        add_backups(fields, status, now_usec);
        add_restore(fields, status, now_usec);
        add_quarantine(fields, status);
        statistics_add_disk(fields, status);
        add_list(fields, "Configuration", document_member(status, "ConfigurationFaults"));
        add_list(fields, "Schema", document_member(status, "SchemaDifferences"));
        fields_addf(fields,
                        "Service",
                        STYLE_PLAIN,
                        "oracxpredd %s, SQLite %s",
                        document_text(status, "Version"),
                        document_text(status, "SQLiteVersion"));
        moment_format_relative(document_number(status, "TablesCountedUSec"), now_usec, counted);
        (void) snprintf(remark, sizeof remark, " (counted %.64s)", counted);
        fields_add_tables(fields, document_member(status, "Tables"), remark);

        terminal_open_pager(session->arguments->no_pager);
        return fields_print(session, fields, fault);
}

int verb_status(Session *session, Fault *fault)
{
        _cleanup_json_ json_object *status = NULL;
        int r = read_status(session, &status, fault);

        if (r < 0)
                return r;
        if (session_json(session))
                r = session_print_document(session, status, fault);
        else if (!session->arguments->quiet)
                r = print_status(session, status, fault);
        if (r < 0)
                return r;
        return strcmp(document_text(status, "Health"), "ok") == 0 ? 0 : EXIT_STATUS_UNHEALTHY;
}
