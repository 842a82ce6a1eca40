/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "database/schema/schema-rows.h"

#include <string.h>
#include <strings.h>

#include "database/page/record-value.h"
#include "database/page/tree-reader.h"

#define HEADER_ENCODING 56

enum { ENCODING_UTF16LE = 2, ENCODING_UTF16BE = 3 };

/* type, name, tbl_name, rootpage, sql */
enum { FIELD_TYPE, FIELD_NAME, FIELD_TABLE, FIELD_ROOT, FIELD_SQL, N_FIELDS };

void schema_rows_done(SchemaRows *rows)
{
        for (size_t i = 0; i < rows->n_rows; i++)
                free(rows->rows[i].name);
        free(rows->rows);
        *rows = (SchemaRows){0};
}

/* NULL for what is no text, too. SQLite takes a blob for one where it compares names. */
static char *take_text(const RecordValue *value, uint32_t encoding)
{
        bool is_wide = encoding == ENCODING_UTF16LE || encoding == ENCODING_UTF16BE;
        size_t n = is_wide ? value->n_bytes / 2 : value->n_bytes;
        char *text;

        if (value->kind != RECORD_TEXT && value->kind != RECORD_BLOB)
                return NULL;
        text = calloc(n + 1, 1);
        if (!text)
                return NULL;
        if (!is_wide) {
                memcpy(text, value->bytes, n);
                return text;
        }
        for (size_t i = 0; i < n; i++) {
                const unsigned char *at = value->bytes + 2 * i;
                unsigned char high = encoding == ENCODING_UTF16BE ? at[0] : at[1];
                unsigned char low = encoding == ENCODING_UTF16BE ? at[1] : at[0];

                text[i] = high == 0 && low < 0x80 ? (char) low : '?';
        }
        return text;
}

/* SQLite writes the first words itself, whatever somebody has typed. */
static bool is_written(const char *sql)
{
        if (strncasecmp(sql, "CREATE ", strlen("CREATE ")) != 0)
                return false;
        for (const unsigned char *at = (const unsigned char *) sql; *at; at++)
                if (*at < ' ' && *at != '\n' && *at != '\t' && *at != '\r' && *at != '\f')
                        return false;
        return true;
}

static bool read_fields(TreeReader *reader, const PageCell *cell, RecordValue *ret)
{
        const unsigned char *record = tree_reader_payload(reader, cell, cell->payload_bytes), *at, *end;
        uint64_t header_bytes, offset;

        if (!record)
                return false;
        at = page_get_varint(record, record + cell->payload_bytes, &header_bytes);
        if (!at || header_bytes > cell->payload_bytes || header_bytes < (uint64_t) (at - record))
                return false;
        end = record + header_bytes;
        offset = header_bytes;
        for (unsigned i = 0; i < N_FIELDS; i++) {
                uint64_t type = 0;

                if (at < end)
                        at = page_get_varint(at, end, &type);
                if (!at || type > UINT32_MAX || record_content_bytes(type) > cell->payload_bytes - offset ||
                                !record_value_read(type, record + offset, ret + i))
                        return false;
                offset += record_content_bytes(type);
        }
        return true;
}

static int add_row(SchemaRows *rows, const RecordValue *fields, uint32_t encoding)
{
        _cleanup_free_ char *type = take_text(fields + FIELD_TYPE, encoding),
                            *sql = take_text(fields + FIELD_SQL, encoding);
        SchemaRow *larger = reallocarray(rows->rows, rows->n_rows + 1, sizeof *larger);
        SchemaRow row = {.name = take_text(fields + FIELD_NAME, encoding)};

        if (larger)
                rows->rows = larger;
        if (!row.name)
                row.name = strdup("?");
        if (!larger || !row.name) {
                free(row.name);
                return -ENOMEM;
        }
        row.is_index = type && strcasecmp(type, "index") == 0;
        row.is_without_rowid = sql && strcasestr(sql, "WITHOUT") && strcasestr(sql, "ROWID");
        /* An index that belongs to a constraint has none. */
        row.is_written = sql ? is_written(sql) : fields[FIELD_SQL].kind == RECORD_NULL;
        if (fields[FIELD_ROOT].kind == RECORD_INTEGER)
                row.root = (uint32_t) MIN_OF((uint64_t) fields[FIELD_ROOT].integer, (uint64_t) UINT32_MAX);
        rows->rows[rows->n_rows++] = row;
        return 0;
}

int schema_rows_read(const PageFile *file, SchemaRows *ret)
{
        _cleanup_(schema_rows_done) SchemaRows rows = {.is_whole = true};
        unsigned char encoding[4] = {0};
        TreeReader reader;
        PageCell cell;
        int r;

        (void) page_file_read(file, 1, HEADER_ENCODING, encoding, sizeof encoding);
        r = tree_reader_begin(&reader, file, 1, false);
        while (r >= 0 && (r = tree_reader_next(&reader, &cell)) > 0) {
                RecordValue fields[N_FIELDS];

                if (read_fields(&reader, &cell, fields))
                        r = add_row(&rows, fields, page_get4(encoding));
                else
                        rows.is_whole = false;
        }
        tree_reader_done(&reader);
        if (r == -ENOMEM || r == -ECANCELED)
                return r;
        rows.is_whole = rows.is_whole && r >= 0;
        *ret = rows;
        rows = (SchemaRows){0};
        return 0;
}
