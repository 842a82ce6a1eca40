/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "database/rescue/salvage-record.h"

#include <string.h>

#include "database/page/page-file.h"
#include "database/page/record-value.h"

/* Goes through the types in a record's header. */
typedef struct Fields {
        const unsigned char *at, *end; /* of the header */
        const unsigned char *content;  /* of the next field */
        uint64_t left_bytes;           /* of the content */
} Fields;

static bool fields_begin(Fields *fields, const unsigned char *record, uint64_t n_bytes)
{
        uint64_t header_bytes;

        fields->at = page_get_varint(record, record + n_bytes, &header_bytes);
        if (!fields->at || header_bytes > n_bytes || header_bytes < (uint64_t) (fields->at - record))
                return false;
        fields->end = fields->content = record + header_bytes;
        fields->left_bytes = n_bytes - header_bytes;
        return true;
}

/* 1 with a field, 0 after the last one, -1 when it makes no sense. */
static int fields_next(Fields *fields, uint64_t *ret_type, const unsigned char **ret_content)
{
        uint64_t type, bytes;

        if (fields->at == fields->end)
                return 0;
        fields->at = page_get_varint(fields->at, fields->end, &type);
        if (!fields->at || type > UINT32_MAX || type == 10 || type == 11)
                return -1;
        bytes = record_content_bytes(type);
        if (bytes > fields->left_bytes)
                return -1;
        *ret_type = type;
        *ret_content = fields->content;
        fields->content += bytes;
        fields->left_bytes -= bytes;
        return 1;
}

unsigned salvage_record_count(const unsigned char *record, uint64_t n_bytes)
{
        const unsigned char *content;
        unsigned n = 0;
        Fields fields;
        uint64_t type;
        int r;

        if (!fields_begin(&fields, record, n_bytes))
                return 0;
        while ((r = fields_next(&fields, &type, &content)) > 0)
                n++;
        return r == 0 && fields.left_bytes == 0 ? n : 0;
}

static int64_t get_integer(const unsigned char *at, uint64_t n_bytes)
{
        uint64_t value = at[0] & 0x80 ? UINT64_MAX : 0;

        for (uint64_t i = 0; i < n_bytes; i++)
                value = value << 8 | at[i];
        return (int64_t) value;
}

static int bind(sqlite3_stmt *statement,
                int parameter,
                unsigned char encoding,
                uint64_t type,
                const unsigned char *content)
{
        uint64_t bytes = record_content_bytes(type);
        double real;
        int64_t bits;

        switch (type) {
        case 0:
                return sqlite3_bind_null(statement, parameter);
        case 7:
                bits = get_integer(content, 8);
                memcpy(&real, &bits, sizeof real);
                return sqlite3_bind_double(statement, parameter, real);
        case 8:
        case 9:
                return sqlite3_bind_int64(statement, parameter, (int64_t) type - 8);
        default:
                break;
        }
        if (type < 7)
                return sqlite3_bind_int64(statement, parameter, get_integer(content, bytes));
        /* An empty value needs a pointer that is not NULL all the same, which `content` is. */
        if (type % 2 == 0)
                return sqlite3_bind_blob64(statement, parameter, content, bytes, SQLITE_TRANSIENT);
        return sqlite3_bind_text64(
                        statement, parameter, (const char *) content, bytes, SQLITE_TRANSIENT, encoding);
}

int salvage_record_bind(sqlite3_stmt *statement,
                const int *parameters,
                unsigned n_parameters,
                unsigned char encoding,
                const unsigned char *record,
                uint64_t n_bytes)
{
        const unsigned char *content;
        int code = SQLITE_OK;
        Fields fields;
        uint64_t type;

        if (!fields_begin(&fields, record, n_bytes))
                return SQLITE_CORRUPT;
        for (unsigned i = 0;
                        code == SQLITE_OK && i < n_parameters && fields_next(&fields, &type, &content) > 0;
                        i++)
                if (parameters[i] > 0)
                        code = bind(statement, parameters[i], encoding, type, content);
        return code;
}

bool salvage_record_last_integer(const unsigned char *record, uint64_t n_bytes, int64_t *ret)
{
        const unsigned char *content, *last_content = NULL;
        uint64_t type, last_type = 0;
        Fields fields;

        if (!fields_begin(&fields, record, n_bytes))
                return false;
        while (fields_next(&fields, &type, &content) > 0) {
                last_type = type;
                last_content = content;
        }
        if (last_type == 8 || last_type == 9)
                *ret = (int64_t) last_type - 8;
        else if (last_type >= 1 && last_type <= 6)
                *ret = get_integer(last_content, record_content_bytes(last_type));
        else
                return false;
        return true;
}
