/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/operation/restored-database.h"

#include <json-c/json.h>

#include "backup/state/restore-state.h"
#include "daemon/audit/audit.h"
#include "records/log-file.h"
#include "records/log-writer.h"

void restored_database_done(RestoredDatabase *restored)
{
        schema_report_done(&restored->schema);
        statistics_done(&restored->statistics);
        fault_done(&restored->fault);
        *restored = (RestoredDatabase){0};
}

static int describe(const RestoreRequest *request,
                const char *source,
                const RestoreOutcome *outcome,
                json_object **ret)
{
        _cleanup_(json_object_putp) json_object *document = json_object_new_object();
        int r;

        if (!document)
                return -ENOMEM;
        r = restore_state_set_text(document, "source", source);
        if (r >= 0)
                r = restore_state_set_text(document, "method", restore_method_to_string(outcome->method));
        if (r >= 0)
                r = restore_state_set_flag(document, "automatic", request->automatic);
        if (r >= 0)
                r = restore_state_set_text(document,
                                "pre_restore",
                                outcome->pre_restore ? outcome->pre_restore->name : NULL);
        if (r >= 0)
                r = restore_state_set_text(document, "quarantine", outcome->quarantine);
        if (r >= 0)
                *ret = TAKE_PTR(document);
        return r;
}

static int append_log(Connection *connection,
                const RestoreRequest *request,
                const char *source,
                const RestoreOutcome *outcome,
                Fault *fault)
{
        _cleanup_(json_object_putp) json_object *document = NULL;
        _cleanup_free_ char *message = NULL;
        LogEntry entry = {
                        .table = LOG_SYSTEM,
                        .action_type = LOG_TYPE_RESTORED,
                        .severity = "warning",
                        .created_usec = request->now_usec,
        };
        LogItem item = {.entry = &entry}, *items[] = {&item};
        int r;

        if (describe(request, source, outcome, &document) < 0 ||
                        asprintf(&message,
                                        "The database was restored from %s%s; what it replaced is %s",
                                        source,
                                        request->automatic
                                                        ? " automatically, since it was corrupt or missing"
                                                        : "",
                                        outcome->pre_restore  ? outcome->pre_restore->name
                                        : outcome->quarantine ? outcome->quarantine
                                                              : "nothing") < 0) {
                message = NULL;
                return fault_set_errno(fault, ENOMEM, "Recording the restore");
        }
        entry.message = message;
        entry.extra_data = json_object_to_json_string_ext(document, JSON_C_TO_STRING_PLAIN);
        r = log_write(connection, items, ELEMENTSOF(items), fault);
        if (r >= 0 && item.fault.code != FAULT_NONE) {
                r = fault_errno(item.fault.code);
                fault_move(fault, &item.fault);
        }
        return r;
}

static int bring_up(const RestoreRequest *request,
                SchemaChoice choice,
                Progress *progress,
                RestoredDatabase *restored,
                Fault *fault)
{
        _cleanup_(connection_closep) Connection *reader = NULL, *writer = NULL;
        int r = connection_open(request->database_path, CONNECTION_READ, progress, &reader, fault);

        if (r >= 0)
                r = schema_inspect(reader, choice, &restored->schema, fault);
        if (r < 0)
                return r;
        if (restored->schema.role == SCHEMA_ROLE_OWN) {
                schema_report_done(&restored->schema);
                r = connection_open(request->database_path, CONNECTION_WRITE, progress, &writer, fault);
                if (r >= 0)
                        r = schema_migrate(writer, request->now_usec, &restored->schema, fault);
        }
        restored->migrated = r >= 0;
        return r;
}

/* Where the database has no log the service has its own. */
static int record(const RestoreRequest *request,
                const char *audit_path,
                const char *source,
                const RestoreOutcome *outcome,
                Progress *progress,
                const SchemaReport *schema,
                Fault *fault)
{
        _cleanup_(connection_closep) Connection *connection = NULL;
        const char *path = schema->has_log ? request->database_path : audit_path;
        int r = schema->has_log ? 0 : log_file_prepare(audit_path, fault);

        if (r >= 0)
                r = connection_open(path, CONNECTION_WRITE, progress, &connection, fault);
        if (r >= 0)
                r = append_log(connection, request, source, outcome, fault);
        return schema->has_log ? r : log_file_disguise(audit_path, r, fault);
}

static int count(const RestoreRequest *request, Progress *progress, RestoredDatabase *restored, Fault *fault)
{
        _cleanup_(connection_closep) Connection *connection = NULL;
        int r = connection_open(request->database_path, CONNECTION_READ, progress, &connection, fault);

        if (r >= 0)
                r = statistics_collect(connection, &restored->statistics, fault);
        restored->counted = r >= 0;
        return r;
}

static int settle(const RestoreRequest *request,
                SchemaChoice choice,
                const char *audit_path,
                const char *source,
                const RestoreOutcome *outcome,
                Progress *progress,
                RestoredDatabase *restored,
                Fault *fault)
{
        int r = bring_up(request, choice, progress, restored, fault);

        if (r >= 0)
                r = record(request, audit_path, source, outcome, progress, &restored->schema, fault);
        return r < 0 ? r : count(request, progress, restored, fault);
}

void restored_database_settle(const RestoreRequest *request,
                SchemaChoice choice,
                const char *audit_path,
                const char *source,
                const RestoreOutcome *outcome,
                Progress *progress,
                RestoredDatabase *ret)
{
        progress_begin(progress, "completing the schema", 0);
        *ret = (RestoredDatabase){0};
        (void) settle(request, choice, audit_path, source, outcome, progress, ret, &ret->fault);
}
