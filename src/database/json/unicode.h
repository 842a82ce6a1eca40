/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Text of a known length, zero bytes and all, between the encodings that SQLite stores and the UTF-8 that
 * JSON is written in. Any thread. */

#include "base/macro.h"

/* How a database stores its text. The numbers are SQLite's. */
typedef enum JsonEncoding {
        JSON_UTF8 = 1,
        JSON_UTF16LE = 2,
        JSON_UTF16BE = 3,
} JsonEncoding;

/* How many of the bytes are whole, valid characters, from the start: less than `size_bytes` when what
 * follows is invalid or, at up to 3 bytes before the end, cut short. */
size_t json_valid_utf8(const void *bytes, size_t size_bytes);

/* Writes 1 to 4 bytes and returns their number. `character` must be valid. */
size_t json_utf8_encode(uint32_t character, char ret[static 4]);

/* Decodes the character at the start. Returns its length in bytes, 0 when SQLite would not make the same
 * bytes out of it again: a surrogate without its other half, half a unit, and U+FFFE and U+FFFF, which
 * SQLite replaces by U+FFFD. */
size_t json_utf16_decode(
                const unsigned char *bytes, size_t left_bytes, JsonEncoding encoding, uint32_t *ret);
