/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/base64.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_encode(const void *data, size_t size_bytes, char *ret)
{
        const unsigned char *bytes = data;

        for (; size_bytes >= 3; size_bytes -= 3, bytes += 3) {
                *ret++ = alphabet[bytes[0] >> 2];
                *ret++ = alphabet[(bytes[0] & 3) << 4 | bytes[1] >> 4];
                *ret++ = alphabet[(bytes[1] & 15) << 2 | bytes[2] >> 6];
                *ret++ = alphabet[bytes[2] & 63];
        }
        if (size_bytes > 0) {
                unsigned second = size_bytes == 2 ? bytes[1] : 0;

                *ret++ = alphabet[bytes[0] >> 2];
                *ret++ = alphabet[(bytes[0] & 3) << 4 | second >> 4];
                *ret++ = size_bytes == 2 ? alphabet[(second & 15) << 2] : '=';
                *ret++ = '=';
        }
}

static int digit_value(char digit)
{
        if (digit >= 'A' && digit <= 'Z')
                return digit - 'A';
        if (digit >= 'a' && digit <= 'z')
                return digit - 'a' + 26;
        if (digit >= '0' && digit <= '9')
                return digit - '0' + 52;
        if (digit == '+')
                return 62;
        return digit == '/' ? 63 : -EINVAL;
}

int base64_decode(char *text, size_t length, size_t *ret_size_bytes)
{
        size_t n_digits = length, size_bytes = 0;
        uint32_t bits = 0;
        unsigned n_bits = 0;

        if (length % 4 != 0)
                return -EINVAL;
        for (unsigned i = 0; i < 2 && n_digits > 0 && text[n_digits - 1] == '='; i++)
                n_digits--;

        for (size_t i = 0; i < n_digits; i++) {
                int value = digit_value(text[i]);

                if (value < 0)
                        return value;
                bits = bits << 6 | (uint32_t) value;
                n_bits += 6;
                if (n_bits >= 8) {
                        n_bits -= 8;
                        text[size_bytes++] = (char) (bits >> n_bits);
                        bits &= (UINT32_C(1) << n_bits) - 1;
                }
        }
        /* What the last digit has beyond the last byte must be zero, else two spellings mean the same. */
        if (bits != 0)
                return -EINVAL;
        *ret_size_bytes = size_bytes;
        return 0;
}
