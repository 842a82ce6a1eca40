/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Where an export goes. The service writes to the descriptor that it is given; this process sees to what
 * only it can: that a file appears whole or not at all, and that a terminal, which the service refuses, gets
 * the text through a pipe and is not commanded by it. */

#include <systemd/sd-event.h>

#include "base/publish.h"
#include "ctl/show/json-terminal.h"

typedef struct ExportOutput {
        int fd; /* what the service writes to; owned only while it is the pipe */
        bool terminal;

        /* A file. */
        int directory_fd;
        Publication *publication;

        /* A terminal. */
        int pipe_read_fd;
        int pipe_write_fd;
        sd_event_source *readable;
        JSONTerminal escape;
} ExportOutput;

#define EXPORT_OUTPUT_INIT                                                                            \
        (ExportOutput)                                                                                \
        {                                                                                             \
                .fd = -EBADF, .directory_fd = -EBADF, .pipe_read_fd = -EBADF, .pipe_write_fd = -EBADF \
        }

/* Opens the file `path`, which must not exist yet (INVALID_ARGUMENT), under a temporary name, mode 0600. */
int export_output_open_file(ExportOutput *output, const char *path, Fault *fault);

/* Takes standard output. When it is a terminal, `event` copies while it runs. */
int export_output_open_standard(ExportOutput *output, sd_event *event, Fault *fault);

/* After a success, when nobody else holds the descriptor in this process: copies the rest, or gives the file
 * its name. *ret_bytes is the size of the file, 0 for standard output. */
int export_output_finish(ExportOutput *output, uint64_t *ret_bytes, Fault *fault);

/* True when standard output was a pipe whose reader has gone away. */
bool export_output_reader_left(const ExportOutput *output);

/* Frees; removes a file that was not finished. */
void export_output_done(ExportOutput *output);
