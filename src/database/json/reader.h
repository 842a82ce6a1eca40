/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* JSON (RFC 8259) from a descriptor, a token at a time: a document of any length in the memory of its
 * longest string. Strict, since what it reads comes from strangers: valid UTF-8 only, no lone surrogates,
 * bounded depth and lengths; every complaint has line and column. Several values may follow each other,
 * which is how the lines form works. Belongs to one thread. */

#include "database/json/input.h"

#define JSON_READER_DEPTH_MAX 16
#define JSON_READER_TEXT_BYTES MIB
#define JSON_READER_NUMBER_MAX                                                      \
        400 /* characters; the longest exact double has fewer than that many digits \
             */

typedef enum JsonToken {
        JSON_END, /* of the input, outside of any value */
        JSON_OBJECT_BEGIN,
        JSON_OBJECT_END,
        JSON_ARRAY_BEGIN,
        JSON_ARRAY_END,
        JSON_KEY,     /* `text` */
        JSON_STRING,  /* `text` */
        JSON_INTEGER, /* `integer` */
        JSON_REAL,    /* `real`: it had a point or an exponent */
        JSON_TRUE,
        JSON_FALSE,
        JSON_NULL,
} JsonToken;

typedef struct JsonReader {
        /* Of the latest token. */
        char *text; /* NUL-terminated, and may have NUL bytes inside */
        size_t text_bytes;
        int64_t integer;
        double real;
        uint64_t token_line; /* from 1 */
        uint64_t token_column;

        /* How long a key or string may be: JSON_READER_TEXT_BYTES until the caller, who knows what comes,
         * sets it. */
        size_t text_max_bytes;

        size_t text_allocated_bytes;
        unsigned depth;
        bool is_object[JSON_READER_DEPTH_MAX];
        bool after_value; /* a comma or the end of the container must come */
        bool after_key;   /* a colon and a value must come */
        bool after_comma; /* the container can't end here */
        JsonInput input;
} JsonReader;

int json_reader_new(int fd, Progress *progress, JsonReader **ret, Fault *fault);
JsonReader *json_reader_free(JsonReader *reader);
DEFINE_CLEANUP(JsonReader *, json_reader_free);

/* The next token. INVALID_ARGUMENT with line and column for what is no JSON; IO, CANCELLED. */
int json_reader_next(JsonReader *reader, JsonToken *ret, Fault *fault);

/* The next token must be this one; otherwise INVALID_ARGUMENT, "expected `what`". */
int json_reader_expect(JsonReader *reader, JsonToken token, const char *what, Fault *fault);

/* INVALID_ARGUMENT at the latest token: "Line 3, column 14: …". */
int json_reader_complain(const JsonReader *reader, Fault *fault, const char *format, ...) _printf_(3, 4);

/* Compares the latest key or string. */
bool json_reader_text_is(const JsonReader *reader, const char *expected);
