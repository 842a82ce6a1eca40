/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The values in a record of a table or an index, as SQLite's own comparison sees them: two values are the
 * same here exactly when they are equal in an index of BINARY collation in a UTF-8 database. So 1 and 1.0
 * are one value. Pure functions. Format: https://www.sqlite.org/fileformat2.html, section 2.1; order:
 * https://www.sqlite.org/datatype3.html, section 4.1. */

#include "base/macro.h"

/* In SQLite's order; numbers are among each other. */
typedef enum RecordKind {
        RECORD_NULL,
        RECORD_INTEGER, /* a real without a fraction, too, where 64 bits hold it */
        RECORD_REAL,
        RECORD_TEXT,
        RECORD_BLOB,
} RecordKind;

typedef struct RecordValue {
        RecordKind kind;
        union {
                int64_t integer;
                double real;
                size_t n_bytes;
        };
        const unsigned char *bytes; /* of text and blobs; within the record */
} RecordValue;

/* What record_value_put() writes beside the bytes of a text or blob. */
#define RECORD_PUT_EXTRA 9

/* How long the content of a field of this serial type is; types are below 2^32. */
static inline uint64_t record_content_bytes(uint64_t type)
{
        static const unsigned char sizes[12] = {0, 1, 2, 3, 4, 6, 8, 8, 0, 0, 0, 0};

        return type < 12 ? sizes[type] : (type - 12) / 2;
}

/* Reads the content of a field. False for what SQLite never writes (the reserved types, NaN), and takes for
 * NULL in one place and for something else in another. */
bool record_value_read(uint64_t type, const unsigned char *content, RecordValue *ret);

/* Takes the record of an index of `n_values` fields apart, of which the last is the rowid. False unless the
 * header is just as SQLite writes it (of less than 64 bytes, each type in its shortest form), the rowid is
 * stored as an integer, and the record is exactly as long as it says: SQLite's ways of reading a record and
 * of comparing one agree on these. */
bool record_read_key(
                const unsigned char *record, uint64_t n_bytes, unsigned n_values, RecordValue *ret_values);

/* Below, at or above 0. */
int record_value_compare(const RecordValue *a, const RecordValue *b);

/* Writes a value so that no other value, nor a sequence of others, looks like it; at most n_bytes +
 * RECORD_PUT_EXTRA. Returns what follows it. */
unsigned char *record_value_put(const RecordValue *value, unsigned char *at);
