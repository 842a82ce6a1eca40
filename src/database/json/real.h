/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Floating point numbers as JSON spells them, whatever language the process speaks: the C library's own
 * functions write a comma in a French one. Any thread. */

#include "base/macro.h"

#define JSON_REAL_MAX 32

/* The shortest digits that read back to the same bits (-0.0 among them), with a point or an exponent.
 * `value` must be finite. Returns the length. */
size_t json_real_format(double value, char ret[static JSON_REAL_MAX]);

/* Reads a number that has JSON's syntax already. -ERANGE when it is too large for a double. */
int json_real_parse(const char *text, double *ret);
