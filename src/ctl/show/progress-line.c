/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ctl/show/progress-line.h"

#include <string.h>

#include "base/quantity.h"
#include "ctl/show/terminal.h"
#include "ctl/show/text.h"

enum { BAR_WIDTH = 24 };

static void fill_bar(unsigned percent, char ret[static BAR_WIDTH + 3])
{
        size_t filled = BAR_WIDTH * percent / 100;

        ret[0] = '[';
        memset(ret + 1, '=', filled);
        memset(ret + 1 + filled, ' ', BAR_WIDTH - filled);
        ret[BAR_WIDTH + 1] = ']';
        ret[BAR_WIDTH + 2] = '\0';
}

void progress_line_format(const char *prefix,
                const char *step,
                uint64_t done_bytes,
                uint64_t total_bytes,
                size_t columns,
                char ret[static PROGRESS_LINE_MAX])
{
        char done[QUANTITY_MAX], total[QUANTITY_MAX], bar[BAR_WIDTH + 3], tail[PROGRESS_LINE_MAX / 2] = "";
        int tail_length = 0, room;
        unsigned percent;

        if (total_bytes > 0) {
                done_bytes = MIN_OF(done_bytes, total_bytes);
                percent = (unsigned) ((double) done_bytes / (double) total_bytes * 100);
                quantity_format_size(done_bytes, done);
                quantity_format_size(total_bytes, total);
                fill_bar(percent, bar);
                tail_length = snprintf(tail, sizeof tail, " %s %3u%%  %s of %s", bar, percent, done, total);
                if (strlen(prefix) + 2 + text_width(step) + (size_t) tail_length >= columns)
                        tail_length = snprintf(tail, sizeof tail, " %3u%%", percent);
        }
        /* The last column stays free: a full line makes some terminals scroll. */
        room = (int) columns - 1 - (int) strlen(prefix) - 2 - tail_length;
        if (text_width(step) > (size_t) MAX_OF(room, 0))
                step = "";
        (void) snprintf(ret, PROGRESS_LINE_MAX, "%s: %s%s", prefix, step, tail);
}

void progress_line_show(ProgressLine *line, const char *step, uint64_t done_bytes, uint64_t total_bytes)
{
        _cleanup_free_ char *sanitized = text_sanitize(step);
        char text[PROGRESS_LINE_MAX];

        if (line->quiet || !sanitized || sanitized[0] == '\0')
                return;
        if (line->terminal) {
                progress_line_format(line->prefix,
                                sanitized,
                                done_bytes,
                                total_bytes,
                                terminal_width_errors(),
                                text);
                (void) fprintf(stderr, "\r%s\x1b[K", text);
                (void) fflush(stderr);
                line->drawn = true;
                return;
        }
        if (line->last && strcmp(line->last, sanitized) == 0)
                return;
        (void) fprintf(stderr, "%s: %s\n", line->prefix, sanitized);
        free(line->last);
        line->last = TAKE_PTR(sanitized);
}

void progress_line_clear(ProgressLine *line)
{
        if (line->drawn)
                (void) fputs("\r\x1b[K", stderr);
        line->drawn = false;
        free(line->last);
        line->last = NULL;
}
