/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ctl/view/statistics.h"

#include "base/quantity.h"
#include "ctl/show/graph.h"
#include "ctl/show/terminal.h"

#define BAR_COLUMNS 40

/* For the names of the fields, before it. */
#define MARGIN_COLUMNS 20

/* From these shares on the bar warns. */
#define MUCH_USED 0.8
#define TOO_MUCH_USED 0.95

void statistics_growth(json_object *document, char ret[static STATISTICS_GROWTH_MAX])
{
        int64_t growth = document_signed(document, "DatabaseGrowthPerDay");
        char size[QUANTITY_MAX];

        *ret = '\0';
        if (growth == 0)
                return;
        quantity_format_size(growth > 0 ? (uint64_t) growth : -(uint64_t) growth, size);
        (void) snprintf(ret, STATISTICS_GROWTH_MAX, "%s %s a day", growth > 0 ? "grows" : "shrinks", size);
}

void statistics_add_history(Table *fields, json_object *document)
{
        json_object *history = document_member(document, "SizeHistory");
        uint64_t values[GRAPH_COLUMNS_MAX], lowest = UINT64_MAX, highest = 0;
        char line[GRAPH_MAX], from[QUANTITY_MAX], to[QUANTITY_MAX];
        size_t n, first;

        /* A service of an earlier version tells none; one sample is no history. */
        if (!json_object_is_type(history, json_type_array) || json_object_array_length(history) < 2)
                return;
        n = json_object_array_length(history);
        first = n - MIN_OF(n, (size_t) GRAPH_COLUMNS_MAX);
        for (size_t i = first; i < n; i++) {
                uint64_t bytes = document_number(json_object_array_get_idx(history, i), "DatabaseBytes");

                values[i - first] = bytes;
                lowest = MIN_OF(lowest, bytes);
                highest = MAX_OF(highest, bytes);
        }
        graph_sparkline(values, n - first, terminal_graphs(), line);
        quantity_format_size(lowest, from);
        quantity_format_size(highest, to);
        fields_addf(fields,
                        "History",
                        STYLE_PLAIN,
                        "%s%s%s to %s, over the last %zu backups",
                        line,
                        line[0] != '\0' ? "  " : "",
                        from,
                        to,
                        n - first);
}

/* One that goes on in the next line is no bar. */
static size_t bar_columns(void)
{
        size_t width = terminal_width_errors();

        return width > MARGIN_COLUMNS ? MIN_OF((size_t) BAR_COLUMNS, width - MARGIN_COLUMNS) : 0;
}

void statistics_add_disk(Table *fields, json_object *document)
{
        uint64_t total = document_number(document, "DiskTotalBytes"),
                 left = document_number(document, "DiskFreeBytes");
        double days = document_member(document, "DiskDaysLeft") ? document_real(document, "DiskDaysLeft")
                                                                : -1;
        char total_text[QUANTITY_MAX], left_text[QUANTITY_MAX], bar[GRAPH_MAX], forecast[64] = "";
        double used;

        if (total == 0)
                return;
        used = 1 - (double) left / (double) total;
        quantity_format_size(total, total_text);
        quantity_format_size(left, left_text);
        /* Beyond ten years nobody plans. */
        if (days >= 0 && days < 3650)
                (void) snprintf(forecast, sizeof forecast, "; full in about %.0f days", days);
        fields_addf(fields,
                        "Disk",
                        STYLE_PLAIN,
                        "%s free of %s (%.0f%%)%s",
                        left_text,
                        total_text,
                        (1 - used) * 100,
                        forecast);
        graph_bar(used, bar_columns(), terminal_graphs(), bar);
        fields_add(fields,
                        "",
                        used >= TOO_MUCH_USED ? STYLE_BAD
                        : used >= MUCH_USED   ? STYLE_WARNING
                                              : STYLE_GOOD,
                        bar);
}
