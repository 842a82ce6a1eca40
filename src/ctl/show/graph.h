/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Numbers as small pictures, for people at a terminal: a bar of what is used, a line of what has grown.
 * Where nobody looks (a pipe, a dumb terminal) they are empty, and the numbers beside them say the same. */

#include "base/macro.h"

typedef enum GraphSet {
        GRAPH_NONE,
        GRAPH_ASCII,
        GRAPH_UNICODE, /* block elements, U+2580 to U+259F */
        _GRAPH_SET_MAX,
        _GRAPH_SET_INVALID = -EINVAL,
} GraphSet;

/* Three bytes for each character. */
#define GRAPH_COLUMNS_MAX 60
#define GRAPH_MAX (3 * GRAPH_COLUMNS_MAX + 3)

/* A bar of `columns` (at most GRAPH_COLUMNS_MAX), filled to `share` of 1: the part that is used. Anything
 * above nothing shows, and anything below full shows, too. */
void graph_bar(double share, size_t columns, GraphSet set, char ret[static GRAPH_MAX]);

/* The last GRAPH_COLUMNS_MAX of the values, one character each, from the lowest of them to the highest. */
void graph_sparkline(const uint64_t *values, size_t n_values, GraphSet set, char ret[static GRAPH_MAX]);
