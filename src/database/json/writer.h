/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* SQLite's values as JSON, exactly: what JSON can't say is an object of one member that names it. Writes
 * straight into the output's buffer; errors stay there. Belongs to the output's thread. */

#include "database/json/output.h"
#include "database/json/unicode.h"

/* All digits: readers that only have doubles lose some past 2^53. */
void json_write_integer(JsonOutput *output, int64_t value);

/* The shortest digits that read back to the same bits, always with a point or an exponent, so that a reader
 * knows it from an integer; {"real":"Infinity"} and {"real":"-Infinity"}. NaN can't come: it is NULL in
 * SQLite. */
void json_write_real(JsonOutput *output, double value);

/* A string when the bytes are valid in their encoding (and, for UTF-16, SQLite would give the same bytes
 * back), else {"text":"base64 of the bytes"}. */
void json_write_text(JsonOutput *output, const void *bytes, size_t size_bytes, JsonEncoding encoding);

/* {"blob":"base64"} */
void json_write_blob(JsonOutput *output, const void *bytes, size_t size_bytes);

/* A string from valid UTF-8 that this program or SQLite's parser made. */
void json_write_string(JsonOutput *output, const char *text);

/* Pieces of one, for what is too large to be held. */
void json_write_escaped(JsonOutput *output, const char *text, size_t size_bytes);
/* `size_bytes` must be a multiple of 3 but for the last piece. */
void json_write_base64(JsonOutput *output, const void *bytes, size_t size_bytes);
