/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "database/export/export-row.h"

#include <string.h>

/* Read at a time from a large value: a multiple of 3, for base64. */
#define PIECE_BYTES (48 * KIB)

static void write_cell(const ExportRows *rows, sqlite3_stmt *statement, int column)
{
        JsonOutput *output = rows->document->output;
        const void *bytes;

        /* The type first, since asking for the bytes may change it; then the bytes as they are stored, which
         * is what "blob" gives for a text; then their number, which "bytes16" gives without converting. */
        switch (sqlite3_column_type(statement, column)) {
        case SQLITE_INTEGER:
                json_write_integer(output, sqlite3_column_int64(statement, column));
                break;
        case SQLITE_FLOAT:
                json_write_real(output, sqlite3_column_double(statement, column));
                break;
        case SQLITE_TEXT:
                bytes = sqlite3_column_blob(statement, column);
                json_write_text(output,
                                bytes,
                                (size_t) (rows->encoding == JSON_UTF8
                                                                ? sqlite3_column_bytes(statement, column)
                                                                : sqlite3_column_bytes16(statement, column)),
                                rows->encoding);
                break;
        case SQLITE_BLOB:
                bytes = sqlite3_column_blob(statement, column);
                json_write_blob(output, bytes, (size_t) sqlite3_column_bytes(statement, column));
                break;
        default:
                json_output_put_text(output, "null");
        }
}

static int blob_fault(const ExportRows *rows, Fault *fault)
{
        sqlite3 *handle = rows->connection->handle;

        return connection_fault(
                        rows->connection, sqlite3_extended_errcode(handle), fault, "Reading a large value");
}

/* Counts the bytes of valid UTF-8 at the start, in pieces; a character may lie across two of them. */
static int is_large_text_valid(
                const ExportRows *rows, sqlite3_blob *blob, char *piece, bool *ret, Fault *fault)
{
        int size = sqlite3_blob_bytes(blob), done = 0;

        *ret = true;
        while (done < size && *ret) {
                int n = MIN_OF(size - done, (int) PIECE_BYTES);
                size_t valid_bytes;

                if (sqlite3_blob_read(blob, piece, n, done) != SQLITE_OK)
                        return blob_fault(rows, fault);
                valid_bytes = json_valid_utf8(piece, (size_t) n);
                /* What is left over may be a character's beginning, when more follows. */
                *ret = valid_bytes == (size_t) n || (done + n < size && (size_t) n - valid_bytes < 4);
                done += (int) valid_bytes;
        }
        return 0;
}

static int write_large_pieces(
                const ExportRows *rows, sqlite3_blob *blob, bool as_string, char *piece, Fault *fault)
{
        JsonOutput *output = rows->document->output;
        int size = sqlite3_blob_bytes(blob);

        for (int done = 0; done < size; done += (int) PIECE_BYTES) {
                int n = MIN_OF(size - done, (int) PIECE_BYTES), r;

                if (sqlite3_blob_read(blob, piece, n, done) != SQLITE_OK)
                        return blob_fault(rows, fault);
                if (as_string)
                        json_write_escaped(output, piece, (size_t) n);
                else
                        json_write_base64(output, piece, (size_t) n);
                r = json_output_result(output, fault);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int write_large(const ExportRows *rows, sqlite3_blob *blob, bool is_text, Fault *fault)
{
        JsonOutput *output = rows->document->output;
        _cleanup_free_ char *piece = malloc(PIECE_BYTES);
        bool as_string = false;
        int r = 0;

        if (!piece)
                return fault_set_errno(fault, ENOMEM, "Reading a large value");
        if (is_text)
                r = is_large_text_valid(rows, blob, piece, &as_string, fault);
        if (r < 0)
                return r;
        json_output_put_text(output, as_string ? "\"" : is_text ? "{\"text\":\"" : "{\"blob\":\"");
        r = write_large_pieces(rows, blob, as_string, piece, fault);
        if (r < 0)
                return r;
        json_output_put_text(output, as_string ? "\"" : "\"}");
        return 0;
}

/* A statement that stands on the value, or on what `function` makes of it. */
static int select_value(const ExportRows *rows,
                const ExportTable *table,
                size_t column,
                int64_t row,
                const char *function,
                sqlite3_stmt **ret,
                Fault *fault)
{
        _cleanup_(sqlite_freep) char *sql = NULL;

        sql = sqlite3_mprintf("SELECT %s(\"%w\") FROM main.\"%w\" WHERE %s = %lld",
                        function,
                        table->columns[column].name,
                        table->name,
                        table->rowid,
                        (long long) row);
        if (!sql)
                return fault_set_errno(fault, ENOMEM, "Reading a row");
        return connection_query_row(rows->connection, sql, ret, fault);
}

/* A value that SQLite holds as a whole: a number, NULL, or the default of a column that was added later and
 * is not in the row. */
static int write_one_column(
                const ExportRows *rows, const ExportTable *table, size_t column, int64_t row, Fault *fault)
{
        _cleanup_(statement_finalizep) sqlite3_stmt *statement = NULL;
        int r = select_value(rows, table, column, row, "", &statement, fault);

        if (r < 0)
                return r;
        write_cell(rows, statement, 0);
        return 0;
}

static int write_any_column(
                const ExportRows *rows, const ExportTable *table, size_t column, int64_t row, Fault *fault)
{
        sqlite3 *handle = rows->connection->handle;
        sqlite3_blob *blob = NULL;
        _cleanup_(statement_finalizep) sqlite3_stmt *statement = NULL;
        const char *type;
        bool is_text;
        int r, code;

        /* typeof() reads the row's header only. */
        r = select_value(rows, table, column, row, "typeof", &statement, fault);
        if (r < 0)
                return r;
        type = (const char *) sqlite3_column_text(statement, 0);
        is_text = type && strcmp(type, "text") == 0;

        code = sqlite3_blob_open(handle, "main", table->name, table->columns[column].name, row, 0, &blob);
        if (code == SQLITE_ERROR)
                return write_one_column(rows, table, column, row, fault);
        if (code != SQLITE_OK)
                return blob_fault(rows, fault);
        r = write_large(rows, blob, is_text, fault);
        (void) sqlite3_blob_close(blob);
        return r;
}

static int write_large_row(const ExportRows *rows, const ExportTable *table, int64_t row, Fault *fault)
{
        export_document_row_begin(rows->document);
        for (size_t i = 0; i < table->n_columns; i++) {
                int r = 0;

                export_document_cell_begin(rows->document);
                if (rows->redact && table->columns[i].redacted)
                        json_output_put_text(rows->document->output, "null");
                else
                        r = write_any_column(rows, table, i, row, fault);
                if (r < 0)
                        return r;
        }
        export_document_row_end(rows->document);
        return json_output_result(rows->document->output, fault);
}

/* Writes rows until the end (SQLITE_DONE) or until SQLite stops with another code, which is returned;
 * *ret_next is the lowest number that the row after the last one written can have. Negative when the output
 * failed. */
static int write_rows(const ExportRows *rows,
                const ExportTable *table,
                sqlite3_stmt *statement,
                int64_t *ret_next,
                Fault *fault)
{
        int code;

        while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
                int r;

                export_document_row_begin(rows->document);
                for (size_t i = 0; i < table->n_columns; i++) {
                        export_document_cell_begin(rows->document);
                        write_cell(rows, statement, (int) i + 1);
                }
                export_document_row_end(rows->document);
                r = json_output_result(rows->document->output, fault);
                if (r < 0)
                        return r;
                /* After the highest number there is no row, and the loop ends. */
                if (sqlite3_column_int64(statement, 0) < INT64_MAX)
                        *ret_next = sqlite3_column_int64(statement, 0) + 1;
        }
        return code;
}

/* SQLite meets the limit where it loads a value, so it knows only that some column of the next row is too
 * large. */
static int find_row(
                const ExportRows *rows, const ExportTable *table, int64_t from, int64_t *ret, Fault *fault)
{
        _cleanup_(sqlite_freep) char *sql =
                        sqlite3_mprintf("SELECT min(%s) FROM main.\"%w\" WHERE %s >= %lld",
                                        table->rowid,
                                        table->name,
                                        table->rowid,
                                        (long long) from);

        if (!sql)
                return fault_set_errno(fault, ENOMEM, "Reading a row");
        return connection_query_integer(rows->connection, sql, ret, fault);
}

static int write_in_pieces(
                const ExportRows *rows, const ExportTable *table, sqlite3_stmt *statement, Fault *fault)
{
        int64_t next = INT64_MIN;

        for (;;) {
                int64_t row;
                int code, r;

                (void) sqlite3_bind_int64(statement, 1, next);
                code = write_rows(rows, table, statement, &next, fault);
                (void) sqlite3_reset(statement);
                if (code < 0 || code == SQLITE_DONE)
                        return code < 0 ? code : 0;
                if (code != SQLITE_TOOBIG)
                        return connection_fault(rows->connection, code, fault, "Reading rows");

                r = find_row(rows, table, next, &row, fault);
                if (r >= 0)
                        r = write_large_row(rows, table, row, fault);
                if (r < 0 || row == INT64_MAX)
                        return r;
                next = row + 1;
        }
}

/* SQLite opens a value for reading in pieces only in a table with rowids; in one with generated columns its
 * older versions count the columns wrong; and a text in UTF-16 has to be looked at as a whole. A condition
 * comes with SQLite's own small tables only. */
static bool can_read_in_pieces(const ExportRows *rows, const ExportTable *table, const char *only)
{
        return !only && table->rowid && !table->has_generated && rows->encoding == JSON_UTF8;
}

static char *select_sql(const ExportRows *rows, const ExportTable *table, const char *only)
{
        _cleanup_(sqlite_freep) char *columns = export_table_column_list(table, rows->redact);
        sqlite3_str *sql = sqlite3_str_new(NULL);
        const char *rowid = table->rowid ? table->rowid : "NULL";

        if (!columns)
                return NULL;
        /* An index that happens to hold all columns would give its own order. */
        sqlite3_str_appendf(sql, "SELECT %s,%s FROM main.\"%w\" NOT INDEXED", rowid, columns, table->name);
        sqlite3_str_appendf(sql, " WHERE (%s)", only ? only : "1");
        if (can_read_in_pieces(rows, table, only))
                sqlite3_str_appendf(sql, " AND %s >= ?1", rowid);
        if (table->order)
                sqlite3_str_appendf(sql, " ORDER BY %s", table->order);
        return sqlite3_str_finish(sql);
}

int export_rows_write(const ExportRows *rows, const ExportTable *table, const char *only, Fault *fault)
{
        _cleanup_(statement_finalizep) sqlite3_stmt *statement = NULL;
        _cleanup_(sqlite_freep) char *sql = select_sql(rows, table, only);
        sqlite3 *handle = rows->connection->handle;
        int64_t next = INT64_MIN;
        int limit_bytes, code, r;

        if (!sql)
                return fault_set_errno(fault, ENOMEM, "Reading rows");
        r = connection_prepare(rows->connection, sql, &statement, fault);
        if (r < 0)
                return r;
        if (!can_read_in_pieces(rows, table, only)) {
                code = write_rows(rows, table, statement, &next, fault);
                return code < 0 || code == SQLITE_DONE
                                       ? MIN_OF(code, 0)
                                       : connection_fault(rows->connection, code, fault, "Reading rows");
        }
        limit_bytes = sqlite3_limit(handle, SQLITE_LIMIT_LENGTH, (int) EXPORT_LARGE_BYTES);
        r = write_in_pieces(rows, table, statement, fault);
        (void) sqlite3_limit(handle, SQLITE_LIMIT_LENGTH, limit_bytes);
        return r;
}
