/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "database/json/digits.h"

#include <string.h>

char *json_digits_before(char *end, uint64_t value)
{
        static const char pairs[] = "00010203040506070809101112131415161718192021222324"
                                    "25262728293031323334353637383940414243444546474849"
                                    "50515253545556575859606162636465666768697071727374"
                                    "75767778798081828384858687888990919293949596979899";

        while (value >= 100) {
                end -= 2;
                memcpy(end, pairs + 2 * (value % 100), 2);
                value /= 100;
        }
        if (value >= 10) {
                end -= 2;
                memcpy(end, pairs + 2 * value, 2);
        } else
                *--end = (char) ('0' + value);
        return end;
}

size_t json_integer_format(int64_t value, char ret[static JSON_INTEGER_MAX])
{
        char digits[JSON_INTEGER_MAX], *end = digits + sizeof digits, *begin;

        begin = json_digits_before(end, value < 0 ? -(uint64_t) value : (uint64_t) value);
        if (value < 0)
                *--begin = '-';
        memcpy(ret, begin, (size_t) (end - begin));
        return (size_t) (end - begin);
}
