/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "database/export/export.h"

#include <string.h>

#include "base/clock.h"
#include "database/export/export-plan.h"
#include "database/export/export-row.h"

static const char *const style_names[_EXPORT_STYLE_MAX] = {
                [EXPORT_PRETTY] = "pretty",
                [EXPORT_COMPACT] = "compact",
                [EXPORT_LINES] = "lines",
};

const char *export_style_to_string(ExportStyle style)
{
        return style < 0 || style >= _EXPORT_STYLE_MAX ? NULL : style_names[style];
}

ExportStyle export_style_from_string(const char *text)
{
        for (ExportStyle style = 0; style < _EXPORT_STYLE_MAX; style++)
                if (strcmp(text, style_names[style]) == 0)
                        return style;
        return _EXPORT_STYLE_INVALID;
}

static int read_encoding(Connection *connection, JsonEncoding *ret, Fault *fault)
{
        _cleanup_(statement_finalizep) sqlite3_stmt *statement = NULL;
        const char *text;
        int r = connection_query_row(connection, "PRAGMA encoding", &statement, fault);

        if (r < 0)
                return r;
        text = (const char *) sqlite3_column_text(statement, 0);
        if (!text)
                return connection_fault(connection, SQLITE_NOMEM, fault, "Reading the encoding");
        *ret = export_encoding_from_string(text);
        return 0;
}

static int read_header(Connection *connection, ExportHeader *header, Fault *fault)
{
        int r = read_encoding(connection, &header->encoding, fault);

        if (r >= 0)
                r = connection_query_integer(
                                connection, "PRAGMA main.user_version", &header->user_version, fault);
        if (r >= 0)
                r = connection_query_integer(
                                connection, "PRAGMA main.application_id", &header->application_id, fault);
        return r;
}

static int write_table(const ExportRows *rows, const ExportTable *table, const char *only, Fault *fault)
{
        int r;

        export_document_table_begin(rows->document, table);
        r = export_rows_write(rows, table, only, fault);
        if (r < 0)
                return r;
        export_document_table_end(rows->document);
        return json_output_result(rows->document->output, fault);
}

/* The highest keys ever given, of the tables that are in the document: the last table, since rows that are
 * put into the others count them up. */
static int write_sequence(const ExportRows *rows, const char *names, Fault *fault)
{
        _cleanup_(export_table_freep) ExportTable *table = NULL;
        _cleanup_(sqlite_freep) char *only = sqlite3_mprintf("name IN (%s)", names);
        int r;

        if (!only)
                return fault_set_errno(fault, ENOMEM, "Reading the schema");
        r = export_table_load(rows->connection, "sqlite_sequence", &table, fault);
        if (r < 0)
                return r;
        return write_table(rows, table, only, fault);
}

static int write_tables(const ExportRows *rows, const ExportPlan *plan, Fault *fault)
{
        _cleanup_(sqlite_freep) char *sequence_names = NULL;

        for (size_t i = 0; i < plan->n_tables; i++) {
                _cleanup_(export_table_freep) ExportTable *table = NULL;
                int r;

                if (plan->tables[i].is_virtual)
                        continue;
                r = export_table_load(rows->connection, plan->tables[i].name, &table, fault);
                if (r >= 0)
                        r = write_table(rows, table, NULL, fault);
                if (r < 0)
                        return r;
                if (table->is_autoincrement) {
                        char *longer = sqlite3_mprintf("%s%s%Q",
                                        sequence_names ? sequence_names : "",
                                        sequence_names ? "," : "",
                                        table->name);

                        sqlite3_free(sequence_names);
                        sequence_names = longer;
                        if (!longer)
                                return fault_set_errno(fault, ENOMEM, "Reading the schema");
                }
        }
        return sequence_names ? write_sequence(rows, sequence_names, fault) : 0;
}

static int write_document(
                Connection *connection, const ExportOptions *options, ExportDocument *document, Fault *fault)
{
        _cleanup_(export_plan_done) ExportPlan plan = {0};
        ExportHeader header = {.redacted = options->redact};
        ExportRows rows = {.connection = connection, .document = document, .redact = options->redact};
        int r;

        r = export_plan_load(connection, options->tables, &plan, fault);
        if (r >= 0)
                r = read_header(connection, &header, fault);
        if (r < 0)
                return r;
        header.has_virtual_tables = export_plan_has_virtual(&plan);
        rows.encoding = header.encoding;
        export_document_header(document, &header);
        r = export_plan_write_schema(connection, &plan, document, fault);
        if (r < 0)
                return r;
        export_document_tables_begin(document);
        r = write_tables(&rows, &plan, fault);
        if (r < 0)
                return r;
        export_document_end(document);
        json_output_flush(document->output);
        return json_output_result(document->output, fault);
}

int export_run(const char *database_path,
                const ExportOptions *options,
                int output_fd,
                Progress *progress,
                ExportResult *ret,
                Fault *fault)
{
        _cleanup_(connection_closep) Connection *connection = NULL;
        _cleanup_(json_output_freep) JsonOutput *output = NULL;
        _cleanup_(statement_finalizep) sqlite3_stmt *pin = NULL;
        ExportDocument document = {.style = options->style};
        uint64_t pinned_usec;
        int r;

        r = json_output_new(output_fd,
                        options->stall_usec > 0 ? options->stall_usec : EXPORT_STALL_USEC,
                        progress,
                        &output,
                        fault);
        if (r >= 0)
                r = connection_open(database_path, CONNECTION_READ, progress, &connection, fault);
        if (r < 0)
                return r;
        if (progress)
                progress_begin(progress, "exporting", 0);
        document.output = output;
        pinned_usec = clock_monotonic_usec();
        r = connection_pin(connection, &pin, fault);
        if (r >= 0)
                r = write_document(connection, options, &document, fault);
        if (r < 0)
                return r;
        *ret = (ExportResult){
                        .tables = document.n_tables,
                        .rows = document.n_rows,
                        .bytes = output->written_bytes,
                        .held_usec = clock_monotonic_usec() - pinned_usec,
        };
        return 0;
}
