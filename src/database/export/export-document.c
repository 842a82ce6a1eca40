/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "database/export/export-document.h"

#include <string.h>

/* What stands at a turn of the document, one text for each style, with its length: there are many turns. */
typedef const struct {
        const char *text;
        size_t length;
} Layout[_EXPORT_STYLE_MAX];

#define TEXT(literal)                          \
        {                                      \
                (literal), sizeof(literal) - 1 \
        }
#define LAYOUT(pretty, compact, lines)                   \
        {                                                \
                TEXT(pretty), TEXT(compact), TEXT(lines) \
        }

static void put(ExportDocument *document, Layout layout)
{
        json_output_put(document->output, layout[document->style].text, layout[document->style].length);
}

static void put_member(ExportDocument *document, const char *name)
{
        static Layout before = LAYOUT(",\n  ", ",", ","), after = LAYOUT(": ", ":", ":");

        put(document, before);
        json_write_string(document->output, name);
        put(document, after);
}

const char *export_encoding_to_string(JsonEncoding encoding)
{
        return encoding == JSON_UTF16LE ? "UTF-16le" : encoding == JSON_UTF16BE ? "UTF-16be" : "UTF-8";
}

JsonEncoding export_encoding_from_string(const char *text)
{
        for (JsonEncoding encoding = JSON_UTF8; encoding <= JSON_UTF16BE; encoding++)
                if (strcmp(text, export_encoding_to_string(encoding)) == 0)
                        return encoding;
        return 0;
}

void export_document_header(ExportDocument *document, const ExportHeader *header)
{
        static Layout begin = LAYOUT("{\n  \"format\": ", "{\"format\":", "{\"format\":");

        put(document, begin);
        json_write_string(document->output, EXPORT_FORMAT);
        put_member(document, "version");
        json_write_integer(document->output,
                        header->has_virtual_tables ? EXPORT_VERSION : EXPORT_VERSION_PLAIN);
        put_member(document, "redacted");
        json_output_put_text(document->output, header->redacted ? "true" : "false");
        put_member(document, "encoding");
        json_write_string(document->output, export_encoding_to_string(header->encoding));
        put_member(document, "user_version");
        json_write_integer(document->output, header->user_version);
        put_member(document, "application_id");
        json_write_integer(document->output, header->application_id);
        put_member(document, "schema");
        json_output_put_text(document->output, "[");
}

void export_document_schema_entry(ExportDocument *document,
                const char *type,
                const char *name,
                const char *table,
                const char *sql)
{
        static Layout first = LAYOUT("\n    ", "", ""), next = LAYOUT(",\n    ", ",", ",");
        static Layout comma = LAYOUT(", ", ",", ","), colon = LAYOUT(": ", ":", ":");
        const char *const members[][2] = {{"type", type}, {"name", name}, {"table", table}, {"sql", sql}};

        if (document->n_schema++ == 0)
                put(document, first);
        else
                put(document, next);
        json_output_put_text(document->output, "{");
        for (size_t i = 0; i < ELEMENTSOF(members); i++) {
                if (i > 0)
                        put(document, comma);
                json_write_string(document->output, members[i][0]);
                put(document, colon);
                json_write_string(document->output, members[i][1]);
        }
        json_output_put_text(document->output, "}");
}

void export_document_tables_begin(ExportDocument *document)
{
        static Layout empty = LAYOUT("],\n  \"tables\": {", "],\"tables\":{", "]}\n");
        static Layout filled = LAYOUT("\n  ],\n  \"tables\": {", "],\"tables\":{", "]}\n");

        if (document->n_schema == 0)
                put(document, empty);
        else
                put(document, filled);
}

void export_document_table_begin(ExportDocument *document, const ExportTable *table)
{
        static Layout first = LAYOUT("\n    ", "", "{\"table\":"),
                      next = LAYOUT(",\n    ", ",", "{\"table\":");
        static Layout columns = LAYOUT(": {\n      \"columns\": [", ":{\"columns\":[", ",\"columns\":[");
        static Layout comma = LAYOUT(", ", ",", ",");
        static Layout rows = LAYOUT("],\n      \"rows\": [", "],\"rows\":[", "]}\n");

        if (document->n_tables++ == 0)
                put(document, first);
        else
                put(document, next);
        json_write_string(document->output, table->name);
        put(document, columns);
        for (size_t i = 0; i < table->n_columns; i++) {
                if (i > 0)
                        put(document, comma);
                json_write_string(document->output, table->columns[i].name);
        }
        put(document, rows);
        document->n_rows_of_table = 0;
}

void export_document_row_begin(ExportDocument *document)
{
        static Layout first = LAYOUT("\n        [", "[", "{\"row\":["),
                      next = LAYOUT(",\n        [", ",[", "{\"row\":[");

        if (document->n_rows_of_table++ == 0)
                put(document, first);
        else
                put(document, next);
        document->n_rows++;
        document->n_cells = 0;
}

void export_document_cell_begin(ExportDocument *document)
{
        static Layout comma = LAYOUT(", ", ",", ",");

        if (document->n_cells++ > 0)
                put(document, comma);
}

void export_document_row_end(ExportDocument *document)
{
        static Layout end = LAYOUT("]", "]", "]}\n");

        put(document, end);
}

void export_document_table_end(ExportDocument *document)
{
        static Layout empty = LAYOUT("]\n    }", "]}", ""), filled = LAYOUT("\n      ]\n    }", "]}", "");

        if (document->n_rows_of_table == 0)
                put(document, empty);
        else
                put(document, filled);
}

void export_document_end(ExportDocument *document)
{
        static Layout empty = LAYOUT("}\n}\n", "}}\n", ""), filled = LAYOUT("\n  }\n}\n", "}}\n", "");

        if (document->style != EXPORT_LINES) {
                if (document->n_tables == 0)
                        put(document, empty);
                else
                        put(document, filled);
                return;
        }
        /* Lines have no bracket whose absence would tell that some are missing. */
        json_output_put_text(document->output, "{\"end\":{\"tables\":");
        json_write_integer(document->output, (int64_t) document->n_tables);
        json_output_put_text(document->output, ",\"rows\":");
        json_write_integer(document->output, (int64_t) document->n_rows);
        json_output_put_text(document->output, "}}\n");
}
