/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "database/json/unicode.h"

#include <string.h>

#include "base/utf8.h"

/* The text's next eight bytes have none that is not ASCII. */
static bool are_ascii(const char *text)
{
        uint64_t word;

        memcpy(&word, text, sizeof word);
        return (word & UINT64_C(0x8080808080808080)) == 0;
}

size_t json_valid_utf8(const void *bytes, size_t size_bytes)
{
        const char *text = bytes;
        size_t done = 0;

        while (done < size_bytes) {
                size_t left = size_bytes - done, length;
                char tail[4] = {0};
                uint32_t character;

                if (left >= 8 && are_ascii(text + done)) {
                        done += 8;
                        continue;
                }
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

static uint16_t utf16_unit(const unsigned char *bytes, JsonEncoding encoding)
{
        return encoding == JSON_UTF16LE ? (uint16_t) (bytes[0] | bytes[1] << 8)
                                        : (uint16_t) (bytes[1] | bytes[0] << 8);
}

size_t json_utf16_decode(const unsigned char *bytes, size_t left_bytes, JsonEncoding encoding, uint32_t *ret)
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

size_t json_utf8_encode(uint32_t character, char ret[static 4])
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
