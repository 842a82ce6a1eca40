/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "database/json/writer.h"

#include <endian.h>
#include <math.h>
#include <string.h>

#include "base/base64.h"
#include "database/json/digits.h"
#include "database/json/real.h"
#include "database/json/unicode.h"

/* Encoded at a time; a multiple of 3, so that no padding comes but at the end. */
#define BASE64_PIECE_BYTES 3072

/* Converted from UTF-16 at a time, in bytes of UTF-8. */
#define UTF8_PIECE_BYTES 4096

void json_write_integer(JsonOutput *output, int64_t value)
{
        char text[JSON_INTEGER_MAX];

        json_output_put(output, text, json_integer_format(value, text));
}

void json_write_real(JsonOutput *output, double value)
{
        char text[JSON_REAL_MAX];

        if (isinf(value))
                json_output_put_text(
                                output, value > 0 ? "{\"real\":\"Infinity\"}" : "{\"real\":\"-Infinity\"}");
        else
                json_output_put(output, text, json_real_format(value, text));
}

void json_write_base64(JsonOutput *output, const void *bytes, size_t size_bytes)
{
        const char *position = bytes;
        char text[BASE64_LENGTH(BASE64_PIECE_BYTES)];

        while (size_bytes > 0) {
                size_t piece_bytes = MIN_OF(size_bytes, (size_t) BASE64_PIECE_BYTES);

                base64_encode(position, piece_bytes, text);
                json_output_put(output, text, BASE64_LENGTH(piece_bytes));
                position += piece_bytes;
                size_bytes -= piece_bytes;
        }
}

static void write_marked(JsonOutput *output, const char *mark, const void *bytes, size_t size_bytes)
{
        json_output_put_text(output, "{\"");
        json_output_put_text(output, mark);
        json_output_put_text(output, "\":\"");
        json_write_base64(output, bytes, size_bytes);
        json_output_put_text(output, "\"}");
}

void json_write_blob(JsonOutput *output, const void *bytes, size_t size_bytes)
{
        write_marked(output, "blob", bytes, size_bytes);
}

static void write_escape(JsonOutput *output, unsigned char character)
{
        static const char hex[] = "0123456789abcdef";
        static const char letters[] = {['\b'] = 'b',
                        ['\t'] = 't',
                        ['\n'] = 'n',
                        ['\f'] = 'f',
                        ['\r'] = 'r',
                        ['"'] = '"',
                        ['\\'] = '\\'};

        if (letters[character])
                json_output_put(output, (char[]){'\\', letters[character]}, 2);
        else
                json_output_put(output,
                                (char[]){'\\', 'u', '0', '0', hex[character >> 4], hex[character & 15]},
                                6);
}

/* A byte in every one of a word's eight. */
#define IN_ALL(byte) (UINT64_C(0x0101010101010101) * (byte))

/* Not zero when one of the bytes is `character`: subtracting 1 borrows into the highest bit of a zero. */
static uint64_t find_byte(uint64_t word, unsigned char character)
{
        uint64_t difference = word ^ IN_ALL(character);

        return (difference - IN_ALL(1)) & ~difference & IN_ALL(0x80);
}

/* How many of the bytes, from the start, go into a string as they are: all up to the first that does not,
 * but for the last few, which don't fill a word. */
static size_t count_plain(const char *text, size_t size_bytes)
{
        size_t done = 0;

        for (; size_bytes - done >= 8; done += 8) {
                uint64_t word, found;

                memcpy(&word, text + done, sizeof word);
                word = le64toh(word);
                found = ((word - IN_ALL(0x20)) & ~word & IN_ALL(0x80)) | find_byte(word, '"') |
                        find_byte(word, '\\');
                /* A borrow goes upwards, so that the lowest is a real one. */
                if (found)
                        return done + (size_t) __builtin_ctzll(found) / 8;
        }
        return done;
}

void json_write_escaped(JsonOutput *output, const char *text, size_t size_bytes)
{
        size_t begin = 0;

        /* SQLite gives NULL for an empty text. */
        if (size_bytes == 0)
                return;
        for (size_t i = 0; i < size_bytes; i++) {
                unsigned char character;

                i += count_plain(text + i, size_bytes - i);
                if (i == size_bytes)
                        break;
                character = (unsigned char) text[i];

                if (character >= 0x20 && character != '"' && character != '\\')
                        continue;
                json_output_put(output, text + begin, i - begin);
                write_escape(output, character);
                begin = i + 1;
        }
        json_output_put(output, text + begin, size_bytes - begin);
}

void json_write_string(JsonOutput *output, const char *text)
{
        json_output_put(output, "\"", 1);
        json_write_escaped(output, text, strlen(text));
        json_output_put(output, "\"", 1);
}

static bool is_valid_utf16(const unsigned char *bytes, size_t size_bytes, JsonEncoding encoding)
{
        for (size_t done = 0, length; done < size_bytes; done += length) {
                uint32_t character;

                length = json_utf16_decode(bytes + done, size_bytes - done, encoding, &character);
                if (length == 0)
                        return false;
        }
        return true;
}

static void write_utf16(
                JsonOutput *output, const unsigned char *bytes, size_t size_bytes, JsonEncoding encoding)
{
        char piece[UTF8_PIECE_BYTES];
        size_t used = 0;
        uint32_t character = 0;

        for (size_t done = 0; done < size_bytes;) {
                done += json_utf16_decode(bytes + done, size_bytes - done, encoding, &character);
                used += json_utf8_encode(character, piece + used);
                if (used > sizeof piece - 4 || done >= size_bytes) {
                        json_write_escaped(output, piece, used);
                        used = 0;
                }
        }
}

void json_write_text(JsonOutput *output, const void *bytes, size_t size_bytes, JsonEncoding encoding)
{
        bool valid = encoding == JSON_UTF8 ? json_valid_utf8(bytes, size_bytes) == size_bytes
                                           : is_valid_utf16(bytes, size_bytes, encoding);

        if (!valid) {
                write_marked(output, "text", bytes, size_bytes);
                return;
        }
        json_output_put(output, "\"", 1);
        if (encoding == JSON_UTF8)
                json_write_escaped(output, bytes, size_bytes);
        else
                write_utf16(output, bytes, size_bytes, encoding);
        json_output_put(output, "\"", 1);
}
