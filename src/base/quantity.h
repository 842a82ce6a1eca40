/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Spans and sizes in systemd's spelling: `7d`, `1h 30min`, `512M`. */

#include "base/macro.h"

/* Reads a time span as systemd.time(7) spells it: numbers with us, ms, s, min, h, d, w and their long forms,
 * several in a row, a bare number meaning seconds. No fractions. -EINVAL malformed, -ERANGE too large. */
int quantity_parse_span(const char *text, uint64_t *ret_usec);

/* Reads a size with an optional suffix B, K, M, G or T, base 1024 as systemd does. -EINVAL, -ERANGE. */
int quantity_parse_size(const char *text, uint64_t *ret_bytes);

#define QUANTITY_MAX 48

/* Writes a size for people: "0 B", "512 B", "1.5 MiB". */
void quantity_format_size(uint64_t bytes, char ret[static QUANTITY_MAX]);

/* Writes a span for people in its two largest units: "2d 3h", "1min 5s", "12ms". */
void quantity_format_span(uint64_t usec, char ret[static QUANTITY_MAX]);
