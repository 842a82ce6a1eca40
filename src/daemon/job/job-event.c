/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/job/job-event.h"

#include <inttypes.h>
#include <string.h>

#include "base/journal.h"
#include "base/names.h"
#include "base/quantity.h"
#include "daemon/manager.h"
#include "daemon/state/condition.h"
#include "daemon/state/remedy-text.h"

#define NUMBER_MAX sizeof("18446744073709551615")

static const char *number(char text[static NUMBER_MAX], uint64_t value)
{
        (void) snprintf(text, NUMBER_MAX, "%" PRIu64, value);
        return text;
}

/* The fields that tell which job, and who wanted it. A caller that is the service itself has none. */
typedef struct JobText {
        char id[NUMBER_MAX], uid[NUMBER_MAX], pid[NUMBER_MAX];
        bool by_caller, with_pid;
} JobText;

static JobText text_of(const Job *job)
{
        const Caller *caller = &job->caller;
        JobText text = {.by_caller = caller->uid != UID_INVALID, .with_pid = caller->pid > 0};

        (void) number(text.uid, caller->uid);
        (void) number(text.pid, (uint64_t) caller->pid);
        (void) number(text.id, job->id);
        return text;
}

#define JOB_FIELDS(job, text)                                                     \
        {FIELD_JOB, (text).id}, {FIELD_OPERATION, (job)->operation->name},        \
                        {FIELD_CALLER_UID, (text).by_caller ? (text).uid : NULL}, \
        {                                                                         \
                FIELD_CALLER_PID, (text).with_pid ? (text).pid : NULL             \
        }

void event_backup_created(const Job *job, const Manifest *manifest)
{
        char bytes[NUMBER_MAX], stored[NUMBER_MAX], duration[NUMBER_MAX];
        char bytes_text[QUANTITY_MAX], stored_text[QUANTITY_MAX], duration_text[QUANTITY_MAX];
        JobText text = text_of(job);
        const JournalField fields[] = {
                        JOB_FIELDS(job, text),
                        {FIELD_BACKUP, manifest->name},
                        {FIELD_FILE, manifest->file},
                        {FIELD_KIND, backup_kind_to_string(manifest->kind)},
                        {FIELD_BYTES, number(bytes, manifest->database_bytes)},
                        {FIELD_STORED_BYTES, number(stored, manifest->stored_bytes)},
                        {FIELD_DURATION_USEC, number(duration, manifest->duration_usec)},
        };

        quantity_format_size(manifest->database_bytes, bytes_text);
        quantity_format_size(manifest->stored_bytes, stored_text);
        quantity_format_span(manifest->duration_usec, duration_text);
        journal_event(LOG_INFO,
                        MESSAGE_BACKUP_CREATED_ID,
                        fields,
                        "Backup %s made (%s): %s stored in %s, %s%s",
                        manifest->name,
                        backup_kind_to_string(manifest->kind),
                        bytes_text,
                        stored_text,
                        duration_text,
                        manifest->copied_usec < manifest->created_usec && manifest->copied_usec > 0
                                        ? ", shared with the last one: the database has not changed"
                                        : "");
}

void event_backup_verified(const Job *job, const Manifest *manifest)
{
        char bytes[NUMBER_MAX], stored[NUMBER_MAX];
        JobText text = text_of(job);
        const JournalField fields[] = {
                        JOB_FIELDS(job, text),
                        {FIELD_BACKUP, manifest->name},
                        {FIELD_FILE, manifest->file},
                        {FIELD_BYTES, number(bytes, manifest->database_bytes)},
                        {FIELD_STORED_BYTES, number(stored, manifest->stored_bytes)},
        };

        journal_event(LOG_INFO, MESSAGE_BACKUP_VERIFIED_ID, fields, "Backup %s verified", manifest->name);
}

void event_backup_removed(const Job *job, const Manifest *manifest, const char *reason)
{
        char stored[NUMBER_MAX];
        JobText text = text_of(job);
        const JournalField fields[] = {
                        JOB_FIELDS(job, text),
                        {FIELD_BACKUP, manifest->name},
                        {FIELD_FILE, manifest->file},
                        {FIELD_STORED_BYTES, number(stored, manifest->stored_bytes)},
        };

        journal_event(LOG_INFO,
                        MESSAGE_BACKUP_REMOVED_ID,
                        fields,
                        "Backup %s removed: %s",
                        manifest->name,
                        reason);
}

void event_database_checked(const Job *job, const char *database_path)
{
        JobText text = text_of(job);
        const JournalField fields[] = {JOB_FIELDS(job, text), {FIELD_FILE, database_path}};

        journal_event(LOG_INFO, NULL, fields, "The database %s was checked and is sound", database_path);
}

void event_database_restored(
                const Job *job, const char *source, const RestoreOutcome *outcome, bool automatic)
{
        char bytes[NUMBER_MAX], duration[NUMBER_MAX];
        char held_text[QUANTITY_MAX], duration_text[QUANTITY_MAX];
        const char *saved = outcome->pre_restore ? outcome->pre_restore->name : outcome->quarantine;
        JobText text = text_of(job);
        const JournalField fields[] = {
                        JOB_FIELDS(job, text),
                        {FIELD_BACKUP, source},
                        {FIELD_FILE, job->manager->database_path},
                        {FIELD_BYTES, number(bytes, outcome->database_bytes)},
                        {FIELD_DURATION_USEC, number(duration, outcome->duration_usec)},
        };

        quantity_format_span(outcome->duration_usec, duration_text);
        quantity_format_span(outcome->held_usec, held_text);
        journal_event(LOG_WARNING,
                        MESSAGE_DATABASE_RESTORED_ID,
                        fields,
                        "The database %s was restored%s from %s (%s) in %s, %s of it with writers waiting; "
                        "what it replaced is %s%s",
                        job->manager->database_path,
                        automatic ? " automatically" : "",
                        source,
                        restore_method_to_string(outcome->method),
                        duration_text,
                        held_text,
                        outcome->pre_restore ? "the backup " : "",
                        saved ? saved : "nothing");
}

void event_database_repaired(const Job *job, const RepairOutcome *outcome)
{
        char duration[NUMBER_MAX], held_text[QUANTITY_MAX], duration_text[QUANTITY_MAX];
        JobText text = text_of(job);
        _cleanup_free_ char *objects = NULL;
        size_t size;
        FILE *stream = open_memstream(&objects, &size);
        const JournalField fields[] = {
                        JOB_FIELDS(job, text),
                        {FIELD_FILE, job->manager->database_path},
                        {FIELD_DURATION_USEC, number(duration, outcome->duration_usec)},
        };

        for (size_t i = 0; stream && outcome->objects[i]; i++)
                (void) fprintf(stream, "%s%s", i > 0 ? ", " : "", outcome->objects[i]);
        if (stream)
                (void) fclose(stream);
        quantity_format_span(outcome->duration_usec, duration_text);
        quantity_format_span(outcome->held_usec, held_text);
        journal_event(LOG_WARNING,
                        MESSAGE_DATABASE_REPAIRED_ID,
                        fields,
                        "The database %s was repaired in place, and no row was lost: rebuilt %s, in %s, at "
                        "most "
                        "%s of it with writers waiting; the files as they were before are in %s",
                        job->manager->database_path,
                        objects ? objects : "what was damaged",
                        duration_text,
                        held_text,
                        outcome->quarantine);
}

void event_rows_lost(const Job *job, const Remedy *remedy)
{
        JobText text = text_of(job);
        _cleanup_free_ char *losses = NULL;
        const JournalField fields[] = {JOB_FIELDS(job, text),
                        {FIELD_BACKUP, remedy->source},
                        {FIELD_FILE, job->manager->database_path}};

        (void) remedy_text_losses(&remedy->losses, &losses);
        journal_event(LOG_CRIT,
                        MESSAGE_ROWS_LOST_ID,
                        fields,
                        "The automatic restore lost %s; what it replaced is %s%s. `oracxpredctl status` "
                        "shows "
                        "it until somebody runs `oracxpredctl acknowledge`",
                        losses ? losses : "rows",
                        remedy->pre_restore ? "the backup " : "",
                        remedy->pre_restore  ? remedy->pre_restore
                        : remedy->quarantine ? remedy->quarantine
                                             : "nothing");
}

void event_database_exported(
                const Job *job, const char *database_path, const ExportResult *result, bool redacted)
{
        char bytes[NUMBER_MAX];
        JobText text = text_of(job);
        const JournalField fields[] = {JOB_FIELDS(job, text),
                        {FIELD_FILE, database_path},
                        {FIELD_BYTES, number(bytes, result->bytes)}};

        journal_event(LOG_INFO,
                        NULL,
                        fields,
                        "The database %s was exported%s: %" PRIu64 " tables, %" PRIu64 " rows",
                        database_path,
                        redacted ? " without its secrets" : "",
                        result->tables,
                        result->rows);
}

static const char *failure_id(const Job *job)
{
        if (job->operation == &operation_backup)
                return MESSAGE_BACKUP_FAILED_ID;
        if (job->operation == &operation_repair)
                return MESSAGE_REPAIR_FAILED_ID;
        if (job->operation == &operation_restore || job->operation == &operation_undo)
                return MESSAGE_RESTORE_FAILED_ID;
        if ((job->operation == &operation_check || job->operation == &operation_scheduled_check) &&
                        job->fault.code == FAULT_IO)
                return MESSAGE_READ_ERROR_ID;
        if (job->operation == &operation_verify && fault_means_corrupt(job->fault.code))
                return MESSAGE_VERIFICATION_FAILED_ID;
        return MESSAGE_JOB_FAILED_ID;
}

void event_job_failed(const Job *job, const char *file)
{
        JobText text = text_of(job);
        const JournalField fields[] = {
                        JOB_FIELDS(job, text),
                        {FIELD_BACKUP, job->backup},
                        {FIELD_FILE, file},
                        {FIELD_FAULT, fault_name(job->fault.code)},
        };

        /* What it has found is told by its own event. */
        if (job->operation == &operation_check && fault_means_corrupt(job->fault.code))
                return;
        if (job->fault.code == FAULT_CANCELLED)
                journal_event(LOG_INFO, NULL, fields, "%s was cancelled", job->operation->doing);
        else
                journal_event(LOG_ERR,
                                failure_id(job),
                                fields,
                                "%s failed: %s",
                                job->operation->doing,
                                job->fault.message);
}
