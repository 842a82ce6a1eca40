/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "database/page/record-value.h"

#include <string.h>

/* Just beyond the largest integer. */
#define INTEGER_END 9223372036854775808.0

/* A signed integer of up to eight bytes, the most significant one first. */
static int64_t get_integer(const unsigned char *at, uint64_t n_bytes)
{
        uint64_t value = at[0] & 0x80 ? UINT64_MAX : 0;

        for (uint64_t i = 0; i < n_bytes; i++)
                value = value << 8 | at[i];
        return (int64_t) value;
}

static bool read_real(const unsigned char *content, RecordValue *ret)
{
        uint64_t bits = (uint64_t) get_integer(content, 8);
        double real;

        memcpy(&real, &bits, sizeof real);
        if (real != real)
                return false;
        if (real >= -INTEGER_END && real < INTEGER_END && (double) (int64_t) real == real)
                *ret = (RecordValue){.kind = RECORD_INTEGER, .integer = (int64_t) real};
        else
                *ret = (RecordValue){.kind = RECORD_REAL, .real = real};
        return true;
}

bool record_value_read(uint64_t type, const unsigned char *content, RecordValue *ret)
{
        switch (type) {
        case 0:
                *ret = (RecordValue){.kind = RECORD_NULL};
                return true;
        case 7:
                return read_real(content, ret);
        case 8:
        case 9:
                *ret = (RecordValue){.kind = RECORD_INTEGER, .integer = (int64_t) type - 8};
                return true;
        case 10:
        case 11:
                return false;
        default:
                break;
        }
        if (type < 7)
                *ret = (RecordValue){.kind = RECORD_INTEGER,
                                .integer = get_integer(content, record_content_bytes(type))};
        else
                *ret = (RecordValue){.kind = type % 2 ? RECORD_TEXT : RECORD_BLOB,
                                .n_bytes = record_content_bytes(type),
                                .bytes = content};
        return true;
}

/* NULL when it is longer than it needs to be, too. */
static const unsigned char *get_type(const unsigned char *at, const unsigned char *end, uint64_t *ret)
{
        uint64_t type = 0;

        if (at < end && *at == 0x80)
                return NULL;
        for (int i = 0; i < 5 && at < end; i++) {
                type = type << 7 | (*at & 0x7f);
                if (*at++ < 0x80) {
                        *ret = type;
                        return type <= UINT32_MAX ? at : NULL;
                }
        }
        return NULL;
}

/* Whether sqlite3VdbeIdxRowid() takes it for a rowid's: a real is none, whatever its value. */
static bool is_rowid_type(uint64_t type)
{
        return (type >= 1 && type <= 6) || type == 8 || type == 9;
}

bool record_read_key(
                const unsigned char *record, uint64_t n_bytes, unsigned n_values, RecordValue *ret_values)
{
        const unsigned char *at = record + 1, *end;
        uint64_t offset;

        if (n_bytes < 1 || record[0] < 1 || record[0] >= 64 || record[0] > n_bytes)
                return false;
        offset = record[0];
        end = record + offset;
        for (unsigned i = 0; i < n_values; i++) {
                uint64_t type, content_bytes;

                at = get_type(at, end, &type);
                if (!at || (i + 1 == n_values && !is_rowid_type(type)))
                        return false;
                content_bytes = record_content_bytes(type);
                if (content_bytes > n_bytes - offset ||
                                !record_value_read(type, record + offset, ret_values + i))
                        return false;
                offset += content_bytes;
        }
        return at == end && offset == n_bytes;
}

/* The real has a fraction, or is out of the integers' range. */
static int compare_integer_with_real(int64_t integer, double real)
{
        int64_t whole;

        if (real >= INTEGER_END)
                return -1;
        if (real < -INTEGER_END)
                return 1;
        whole = (int64_t) real;
        if (integer != whole)
                return integer < whole ? -1 : 1;
        return (double) whole < real ? -1 : 1;
}

static int compare_bytes(const RecordValue *a, const RecordValue *b)
{
        int r = memcmp(a->bytes, b->bytes, MIN_OF(a->n_bytes, b->n_bytes));

        if (r != 0)
                return r;
        return a->n_bytes < b->n_bytes ? -1 : a->n_bytes > b->n_bytes;
}

int record_value_compare(const RecordValue *a, const RecordValue *b)
{
        if (a->kind == b->kind)
                switch (a->kind) {
                case RECORD_NULL:
                        return 0;
                case RECORD_INTEGER:
                        return a->integer < b->integer ? -1 : a->integer > b->integer;
                case RECORD_REAL:
                        return a->real < b->real ? -1 : a->real > b->real;
                default:
                        return compare_bytes(a, b);
                }
        if (a->kind == RECORD_INTEGER && b->kind == RECORD_REAL)
                return compare_integer_with_real(a->integer, b->real);
        if (a->kind == RECORD_REAL && b->kind == RECORD_INTEGER)
                return -compare_integer_with_real(b->integer, a->real);
        return a->kind < b->kind ? -1 : 1;
}

unsigned char *record_value_put(const RecordValue *value, unsigned char *at)
{
        uint64_t word = value->kind == RECORD_NULL ? 0 : (uint64_t) value->integer;

        *at++ = (unsigned char) value->kind;
        if (value->kind == RECORD_REAL)
                memcpy(&word, &value->real, sizeof word);
        else if (value->kind >= RECORD_TEXT)
                word = value->n_bytes;
        memcpy(at, &word, sizeof word);
        at += sizeof word;
        if (value->kind >= RECORD_TEXT) {
                memcpy(at, value->bytes, value->n_bytes);
                at += value->n_bytes;
        }
        return at;
}
