/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a person sees while a job runs: on a terminal one line with a bar that is drawn over, elsewhere (a
 * log, a pipe) one line for each step. Always on standard error; standard output is for results. */

#include "base/macro.h"

typedef struct ProgressLine {
        bool quiet;
        bool terminal;
        bool drawn;         /* a line stands there that must be cleared */
        char *last;         /* step that was printed last; owned */
        const char *prefix; /* what the job does: "backup" */
} ProgressLine;

#define PROGRESS_LINE_MAX 512

/* Writes the line: "backup: copying [=====     ]  50%  52.0 MiB of 104.0 MiB", without a bar while
 * `total_bytes` is 0, never wider than `columns` (text cut, bar left out first). `step` must be sanitized.
 */
void progress_line_format(const char *prefix,
                const char *step,
                uint64_t done_bytes,
                uint64_t total_bytes,
                size_t columns,
                char ret[static PROGRESS_LINE_MAX]);

/* Shows where the job is. `step` is sanitized here. */
void progress_line_show(ProgressLine *line, const char *step, uint64_t done_bytes, uint64_t total_bytes);

/* Clears what stands there, before anything else is printed, and forgets the step. */
void progress_line_clear(ProgressLine *line);
