/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Decimal digits without printf, which takes most of an export's time for the few bytes that a number has.
 * Any thread. */

#include "base/macro.h"

#define JSON_INTEGER_MAX 24

/* Writes the digits of `value` so that they end before `end`, and returns where they begin. There must be
 * room for 20. */
char *json_digits_before(char *end, uint64_t value);

/* Writes the number (no zero byte at the end), and returns its length. */
size_t json_integer_format(int64_t value, char ret[static JSON_INTEGER_MAX]);
