/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/utf8.h"

#include <string.h>

/* The smallest character that needs this many continuation bytes: anything below is an overlong form. */
static const uint32_t smallest[] = {0, 0x80, 0x800, 0x10000};

size_t utf8_decode(const char *text, uint32_t *ret)
{
        unsigned char first = (unsigned char) text[0];
        uint32_t character;
        size_t n_following;

        if (first < 0x80) {
                *ret = first;
                return 1;
        }
        if ((first & 0xe0) == 0xc0) {
                n_following = 1;
                character = first & 0x1f;
        } else if ((first & 0xf0) == 0xe0) {
                n_following = 2;
                character = first & 0x0f;
        } else if ((first & 0xf8) == 0xf0) {
                n_following = 3;
                character = first & 0x07;
        } else
                return 0;

        /* A zero byte is no continuation byte, so this never reads past the end. */
        for (size_t i = 1; i <= n_following; i++) {
                if (((unsigned char) text[i] & 0xc0) != 0x80)
                        return 0;
                character = character << 6 | ((unsigned char) text[i] & 0x3f);
        }
        if (character < smallest[n_following] || character > 0x10ffff ||
                        (character >= 0xd800 && character <= 0xdfff))
                return 0;
        *ret = character;
        return n_following + 1;
}

bool utf8_is_valid(const char *text)
{
        uint32_t character;
        size_t length;

        for (; *text; text += length) {
                length = utf8_decode(text, &character);
                if (length == 0)
                        return false;
        }
        return true;
}

size_t utf8_count(const char *text)
{
        size_t n = 0;

        for (; *text; text++)
                n += ((unsigned char) *text & 0xc0) != 0x80;
        return n;
}

static bool is_control(uint32_t character)
{
        return character < 0x20 || (character >= 0x7f && character <= 0x9f);
}

bool utf8_is_line(const char *text)
{
        uint32_t character;
        size_t length;

        for (; *text; text += length) {
                length = utf8_decode(text, &character);
                if (length == 0 || is_control(character))
                        return false;
        }
        return true;
}

bool utf8_is_command(uint32_t character)
{
        return is_control(character) || character == 0x061c ||
               (character >= 0x200e && character <= 0x200f) ||
               (character >= 0x2028 && character <= 0x202e) || (character >= 0x2066 && character <= 0x206f);
}

/* Unicode's noncharacters are valid UTF-8, but sd-bus (of systemd 252) refuses texts that have one. */
static bool is_noncharacter(uint32_t character)
{
        return (character & 0xfffe) == 0xfffe || (character >= 0xfdd0 && character <= 0xfdef);
}

static void replace(char *text, bool also_commands)
{
        uint32_t character;

        while (*text) {
                size_t length = utf8_decode(text, &character);

                if (length == 0 || is_noncharacter(character) ||
                                (also_commands && utf8_is_command(character))) {
                        length = MAX_OF(length, (size_t) 1);
                        memset(text, '?', length);
                }
                text += length;
        }
}

void utf8_make_valid(char *text)
{
        replace(text, false);
}

void utf8_make_line(char *text)
{
        replace(text, true);
}
