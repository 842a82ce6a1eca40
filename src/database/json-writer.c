/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "database/json-writer.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/utf8.h"
#include "database/json-base64.h"
#include "database/json-real.h"

/* Encoded at a time; a multiple of 3, so that no padding comes but at the end. */
#define BASE64_PIECE_BYTES 3072

/* Converted from UTF-16 at a time, in bytes of UTF-8. */
#define UTF8_PIECE_BYTES 4096

void json_write_integer(JsonOutput *output, int64_t value)
{
        char text[24];

        (void) snprintf(text, sizeof text, "%" PRId64, value);
        json_output_put_text(output, text);
}

void json_write_real(JsonOutput *output, double value)
{
        char text[JSON_REAL_MAX];

        if (isinf(value))
                json_output_put_text(output, value > 0 ? "{\"real\":\"Infinity\"}" : "{\"real\":\"-Infinity\"}");
        else
                json_output_put(output, text, json_real_format(value, text));
}

void json_write_base64(JsonOutput *output, const void *bytes, size_t size_bytes)
{
        const char *position = bytes;
        char text[JSON_BASE64_LENGTH(BASE64_PIECE_BYTES)];

        while (size_bytes > 0) {
                size_t piece_bytes = MIN_OF(size_bytes, (size_t) BASE64_PIECE_BYTES);

                json_base64_encode(position, piece_bytes, text);
                json_output_put(output, text, JSON_BASE64_LENGTH(piece_bytes));
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
        static const char letters[][3] = {
                        ['\b'] = "\\b", ['\t'] = "\\t", ['\n'] = "\\n", ['\f'] = "\\f", ['\r'] = "\\r"};
        char text[8];

        if (character == '"' || character == '\\')
                (void) snprintf(text, sizeof text, "\\%c", character);
        else if (character < ELEMENTSOF(letters) && letters[character][0])
                (void) snprintf(text, sizeof text, "%s", letters[character]);
        else
                (void) snprintf(text, sizeof text, "\\u%04x", character);
        json_output_put_text(output, text);
}

void json_write_escaped(JsonOutput *output, const char *text, size_t size_bytes)
{
        size_t begin = 0;

        for (size_t i = 0; i < size_bytes; i++) {
                unsigned char character = (unsigned char) text[i];

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

size_t json_valid_utf8(const void *bytes, size_t size_bytes)
{
        const char *text = bytes;
        size_t done = 0;

        while (done < size_bytes) {
                size_t left = size_bytes - done, length;
                char tail[4] = {0};
                uint32_t character;

                if ((unsigned char) text[done] < 0x80) {
                        done++;
                        continue;
                }
                if (left < sizeof tail) {
                        /* The decoder counts on a zero byte at the end. */
                        memcpy(tail, text + done, left);
                        length = utf8_decode(tail, &character);
                } else
                        length = utf8_decode(text + done, &character);
                if (length == 0)
                        break;
                done += length;
        }
        return done;
}

static uint16_t utf16_unit(const unsigned char *bytes, JsonTextEncoding encoding)
{
        return encoding == JSON_TEXT_UTF16LE ? (uint16_t) (bytes[0] | bytes[1] << 8)
                                             : (uint16_t) (bytes[1] | bytes[0] << 8);
}

/* Returns the length in bytes, 0 when the text can't be a JSON string that SQLite turns into the same bytes
 * again: a surrogate without its other half, half a unit, and U+FFFE and U+FFFF, which SQLite replaces. */
static size_t utf16_decode(
                const unsigned char *bytes, size_t left_bytes, JsonTextEncoding encoding, uint32_t *ret)
{
        uint16_t high, low;

        if (left_bytes < 2)
                return 0;
        high = utf16_unit(bytes, encoding);
        if (high < 0xd800 || high > 0xdfff) {
                *ret = high;
                return high >= 0xfffe ? 0 : 2;
        }
        if (high > 0xdbff || left_bytes < 4)
                return 0;
        low = utf16_unit(bytes + 2, encoding);
        if (low < 0xdc00 || low > 0xdfff)
                return 0;
        *ret = 0x10000 + ((uint32_t) (high - 0xd800) << 10 | (uint32_t) (low - 0xdc00));
        return 4;
}

static size_t utf8_encode(uint32_t character, char *ret)
{
        if (character < 0x80) {
                ret[0] = (char) character;
                return 1;
        }
        if (character < 0x800) {
                ret[0] = (char) (0xc0 | character >> 6);
                ret[1] = (char) (0x80 | (character & 0x3f));
                return 2;
        }
        if (character < 0x10000) {
                ret[0] = (char) (0xe0 | character >> 12);
                ret[1] = (char) (0x80 | (character >> 6 & 0x3f));
                ret[2] = (char) (0x80 | (character & 0x3f));
                return 3;
        }
        ret[0] = (char) (0xf0 | character >> 18);
        ret[1] = (char) (0x80 | (character >> 12 & 0x3f));
        ret[2] = (char) (0x80 | (character >> 6 & 0x3f));
        ret[3] = (char) (0x80 | (character & 0x3f));
        return 4;
}

static bool is_valid_utf16(const unsigned char *bytes, size_t size_bytes, JsonTextEncoding encoding)
{
        for (size_t done = 0, length; done < size_bytes; done += length) {
                uint32_t character;

                length = utf16_decode(bytes + done, size_bytes - done, encoding, &character);
                if (length == 0)
                        return false;
        }
        return true;
}

static void write_utf16(
                JsonOutput *output, const unsigned char *bytes, size_t size_bytes, JsonTextEncoding encoding)
{
        char piece[UTF8_PIECE_BYTES];
        size_t used = 0;
        uint32_t character = 0;

        for (size_t done = 0; done < size_bytes;) {
                done += utf16_decode(bytes + done, size_bytes - done, encoding, &character);
                used += utf8_encode(character, piece + used);
                if (used > sizeof piece - 4 || done >= size_bytes) {
                        json_write_escaped(output, piece, used);
                        used = 0;
                }
        }
}

void json_write_text(JsonOutput *output, const void *bytes, size_t size_bytes, JsonTextEncoding encoding)
{
        bool valid = encoding == JSON_TEXT_UTF8 ? json_valid_utf8(bytes, size_bytes) == size_bytes
                                                : is_valid_utf16(bytes, size_bytes, encoding);

        if (!valid) {
                write_marked(output, "text", bytes, size_bytes);
                return;
        }
        json_output_put(output, "\"", 1);
        if (encoding == JSON_TEXT_UTF8)
                json_write_escaped(output, bytes, size_bytes);
        else
                write_utf16(output, bytes, size_bytes, encoding);
        json_output_put(output, "\"", 1);
}
