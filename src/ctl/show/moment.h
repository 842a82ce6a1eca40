/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Moments as people read them: how long ago, and when exactly, in the local time zone. `now_usec` is given,
 * never asked for. */

#include "base/macro.h"

#define MOMENT_MAX 96

/* "3h 2min ago", "in 5min 1s", "now", or "never" for 0. */
void moment_format_relative(uint64_t usec, uint64_t now_usec, char ret[static MOMENT_MAX]);

/* "Sat 2026-01-24 01:46:21 UTC", or "-" for 0 and what no calendar holds. */
void moment_format_absolute(uint64_t usec, char ret[static MOMENT_MAX]);

/* "Sat 2026-01-24 01:46:21 UTC; 3h 2min ago", or "never". */
void moment_format(uint64_t usec, uint64_t now_usec, char ret[static MOMENT_MAX]);

/* Reads what an operator says: "2026-01-24", with " 10:00" or " 10:00:30" behind it, in the local time zone;
 * the same in UTC with a Z or a zone behind it (RFC 3339); "now", "today", "yesterday"; or a span before
 * now,
 * "-2h". -EINVAL. */
int moment_parse(const char *text, uint64_t now_usec, uint64_t *ret_usec);
