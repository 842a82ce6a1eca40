/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ctl/show/graph.h"

#include <string.h>

static void append(char **end, const char *text)
{
        *end = stpcpy(*end, text);
}

void graph_bar(double share, size_t columns, GraphSet set, char ret[static GRAPH_MAX])
{
        bool unicode = set == GRAPH_UNICODE;
        size_t used;
        char *end = ret;

        *ret = '\0';
        columns = MIN_OF(columns, (size_t) GRAPH_COLUMNS_MAX);
        if (set == GRAPH_NONE || columns < 2 || !(share >= 0))
                return;
        used = (size_t) (MIN_OF(share, 1.0) * (double) columns + 0.5);
        if (share > 0)
                used = MAX_OF(used, (size_t) 1);
        if (share < 1)
                used = MIN_OF(used, columns - 1);
        if (!unicode)
                append(&end, "[");
        for (size_t i = 0; i < columns; i++)
                append(&end, i < used ? (unicode ? "█" : "#") : (unicode ? "░" : "."));
        if (!unicode)
                append(&end, "]");
}

void graph_sparkline(const uint64_t *values, size_t n_values, GraphSet set, char ret[static GRAPH_MAX])
{
        static const char *const levels[_GRAPH_SET_MAX][8] = {
                        [GRAPH_ASCII] = {"_", ".", ":", "-", "=", "+", "*", "#"},
                        [GRAPH_UNICODE] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"},
        };
        uint64_t lowest = UINT64_MAX, highest = 0;
        char *end = ret;

        *ret = '\0';
        if (set == GRAPH_NONE || n_values == 0)
                return;
        if (n_values > GRAPH_COLUMNS_MAX) {
                values += n_values - GRAPH_COLUMNS_MAX;
                n_values = GRAPH_COLUMNS_MAX;
        }
        for (size_t i = 0; i < n_values; i++) {
                lowest = MIN_OF(lowest, values[i]);
                highest = MAX_OF(highest, values[i]);
        }
        for (size_t i = 0; i < n_values; i++) {
                double height = highest > lowest
                                                ? (double) (values[i] - lowest) / (double) (highest - lowest)
                                                : 0;

                append(&end, levels[set][(size_t) (height * 7 + 0.5)]);
        }
}
