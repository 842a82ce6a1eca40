/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "database/import/import-row.h"

#include <math.h>
#include <string.h>

#include "base/base64.h"

/* SQLite takes one off the front of whatever is bound as UTF-16, so each gets one to lose. */
static const char byte_order_marks[][2] = {
                [JSON_UTF16LE] = {'\xff', '\xfe'}, [JSON_UTF16BE] = {'\xfe', '\xff'}};
#define BYTE_ORDER_MARK_BYTES 2

void import_row_done(ImportRow *row)
{
        free(row->cells);
        free(row->bytes);
        *row = (ImportRow){0};
}

static size_t left_bytes(const ImportRow *row)
{
        return row->max_bytes - MIN_OF(row->used_bytes, row->max_bytes);
}

static int add_bytes(ImportRow *row, const void *bytes, size_t size_bytes, Fault *fault)
{
        size_t needed_bytes = row->used_bytes + size_bytes;

        if (needed_bytes > row->allocated_bytes) {
                size_t allocated_bytes = MAX_OF(needed_bytes, 2 * row->allocated_bytes);
                char *longer = realloc(row->bytes, allocated_bytes);

                if (!longer)
                        return fault_set_errno(fault, ENOMEM, "Reading a row");
                row->bytes = longer;
                row->allocated_bytes = allocated_bytes;
        }
        if (size_bytes > 0)
                memcpy(row->bytes + row->used_bytes, bytes, size_bytes);
        row->used_bytes = needed_bytes;
        return 0;
}

static int read_base64(ImportRow *row, JsonReader *reader, ImportCell *cell, Fault *fault)
{
        size_t size_bytes;

        if (base64_decode(reader->text, reader->text_bytes, &size_bytes) < 0)
                return json_reader_complain(reader, fault, "not base64 in its one strict spelling");
        cell->size_bytes += size_bytes;
        return add_bytes(row, reader->text, size_bytes, fault);
}

static int read_real(JsonReader *reader, ImportCell *cell, Fault *fault)
{
        cell->type = SQLITE_FLOAT;
        if (strcmp(reader->text, "Infinity") == 0)
                cell->real = INFINITY;
        else if (strcmp(reader->text, "-Infinity") == 0)
                cell->real = -INFINITY;
        else
                return json_reader_complain(reader, fault, "a marked real is \"Infinity\" or \"-Infinity\"");
        return 0;
}

static int read_raw_text(ImportRow *row, JsonReader *reader, ImportCell *cell, Fault *fault)
{
        cell->type = SQLITE_TEXT;
        if (row->encoding != JSON_UTF8) {
                int r = add_bytes(row, byte_order_marks[row->encoding], BYTE_ORDER_MARK_BYTES, fault);

                if (r < 0)
                        return r;
                cell->is_raw = true;
                cell->size_bytes = BYTE_ORDER_MARK_BYTES;
        }
        return read_base64(row, reader, cell, fault);
}

/* {"blob":"…"}, {"text":"…"}, {"real":"…"}: one member that says what it is. */
static int read_marked(ImportRow *row, JsonReader *reader, ImportCell *cell, Fault *fault)
{
        char mark[8] = "";
        int r;

        r = json_reader_expect(reader, JSON_KEY, "\"blob\", \"text\" or \"real\"", fault);
        if (r < 0)
                return r;
        if (reader->text_bytes == 4)
                memcpy(mark, reader->text, 4);
        if (strcmp(mark, "blob") != 0 && strcmp(mark, "text") != 0 && strcmp(mark, "real") != 0)
                return json_reader_complain(
                                reader, fault, "a value is marked \"blob\", \"text\" or \"real\"");
        reader->text_max_bytes = BASE64_LENGTH(left_bytes(row));
        r = json_reader_expect(reader, JSON_STRING, "a string", fault);
        if (r < 0)
                return r;
        if (mark[0] == 'r')
                r = read_real(reader, cell, fault);
        else if (mark[0] == 't')
                r = read_raw_text(row, reader, cell, fault);
        else {
                cell->type = SQLITE_BLOB;
                r = read_base64(row, reader, cell, fault);
        }
        if (r < 0)
                return r;
        return json_reader_expect(reader, JSON_OBJECT_END, "nothing else in a marked value", fault);
}

static int read_cell(ImportRow *row, JsonReader *reader, JsonToken token, ImportCell *cell, Fault *fault)
{
        switch (token) {
        case JSON_NULL:
                cell->type = SQLITE_NULL;
                return 0;
        case JSON_INTEGER:
                cell->type = SQLITE_INTEGER;
                cell->integer = reader->integer;
                return 0;
        case JSON_REAL:
                cell->type = SQLITE_FLOAT;
                cell->real = reader->real;
                return 0;
        case JSON_STRING:
                cell->type = SQLITE_TEXT;
                cell->size_bytes = reader->text_bytes;
                return add_bytes(row, reader->text, reader->text_bytes, fault);
        case JSON_OBJECT_BEGIN:
                return read_marked(row, reader, cell, fault);
        default:
                return json_reader_complain(
                                reader, fault, "a value is null, a number, a string or a marked one");
        }
}

static int grow_cells(ImportRow *row, size_t n_columns, Fault *fault)
{
        ImportCell *cells;

        if (n_columns <= row->n_allocated)
                return 0;
        cells = reallocarray(row->cells, n_columns, sizeof *cells);
        if (!cells)
                return fault_set_errno(fault, ENOMEM, "Reading a row");
        row->cells = cells;
        row->n_allocated = n_columns;
        return 0;
}

int import_row_read(ImportRow *row, JsonReader *reader, size_t n_columns, Fault *fault)
{
        int r = grow_cells(row, n_columns, fault);

        row->n_cells = row->used_bytes = 0;
        while (r >= 0) {
                ImportCell *cell = &row->cells[row->n_cells];
                JsonToken token;

                reader->text_max_bytes = left_bytes(row);
                r = json_reader_next(reader, &token, fault);
                if (r < 0)
                        return r;
                if (token == JSON_ARRAY_END) {
                        if (row->n_cells == n_columns)
                                return 0;
                        return json_reader_complain(reader,
                                        fault,
                                        "the row has %zu values and its table %zu columns",
                                        row->n_cells,
                                        n_columns);
                }
                if (row->n_cells == n_columns)
                        return json_reader_complain(reader,
                                        fault,
                                        "the row has more values than its %zu columns",
                                        n_columns);
                *cell = (ImportCell){.offset_bytes = row->used_bytes};
                r = read_cell(row, reader, token, cell, fault);
                row->n_cells++;
        }
        return r;
}

static int bind_text(const ImportRow *row, sqlite3_stmt *statement, int index, const ImportCell *cell)
{
        static const unsigned char encodings[] = {[JSON_UTF8] = SQLITE_UTF8,
                        [JSON_UTF16LE] = SQLITE_UTF16LE,
                        [JSON_UTF16BE] = SQLITE_UTF16BE};

        /* Not NULL for an empty one, which would bind NULL. */
        return sqlite3_bind_text64(statement,
                        index,
                        cell->size_bytes > 0 ? row->bytes + cell->offset_bytes : "",
                        cell->size_bytes,
                        SQLITE_STATIC,
                        cell->is_raw ? encodings[row->encoding] : SQLITE_UTF8);
}

int import_row_bind(const ImportRow *row, sqlite3_stmt *statement)
{
        int code = SQLITE_OK;

        for (size_t i = 0; i < row->n_cells && code == SQLITE_OK; i++) {
                const ImportCell *cell = &row->cells[i];
                int index = (int) i + 1;

                if (cell->type == SQLITE_INTEGER)
                        code = sqlite3_bind_int64(statement, index, cell->integer);
                else if (cell->type == SQLITE_FLOAT)
                        code = sqlite3_bind_double(statement, index, cell->real);
                else if (cell->type == SQLITE_TEXT)
                        code = bind_text(row, statement, index, cell);
                else if (cell->type == SQLITE_NULL)
                        code = sqlite3_bind_null(statement, index);
                else if (cell->size_bytes == 0)
                        code = sqlite3_bind_zeroblob(statement, index, 0);
                else
                        code = sqlite3_bind_blob64(statement,
                                        index,
                                        row->bytes + cell->offset_bytes,
                                        cell->size_bytes,
                                        SQLITE_STATIC);
        }
        return code;
}
