/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "database/json/output.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/clock.h"

/* Between two looks at the cancel flag while the reader takes nothing. */
#define POLL_MSEC 100

static int output_kind(int fd, JsonOutputKind *ret, Fault *fault)
{
        struct stat status;
        int flags = fcntl(fd, F_GETFL);

        if (flags < 0 || fstat(fd, &status) < 0)
                return fault_set_errno(fault, errno, "Looking at the descriptor to write to");
        if ((flags & O_ACCMODE) == O_RDONLY || (flags & O_PATH))
                return fault_set(fault,
                                FAULT_INVALID_ARGUMENT,
                                "The descriptor to write to is not open for writing");
        /* A blocking write to a terminal that is stopped waits for good, and O_NONBLOCK would be set for
         * everybody who shares the terminal. */
        if (isatty(fd))
                return fault_set(fault,
                                FAULT_INVALID_ARGUMENT,
                                "An export can't be written to a terminal itself; put a pipe between, or "
                                "name a file");
        *ret = S_ISFIFO(status.st_mode)   ? JSON_OUTPUT_PIPE
               : S_ISSOCK(status.st_mode) ? JSON_OUTPUT_SOCKET
                                          : JSON_OUTPUT_FILE;
        return 0;
}

int json_output_new(int fd, uint64_t stall_usec, Progress *progress, JsonOutput **ret, Fault *fault)
{
        JsonOutputKind kind = JSON_OUTPUT_FILE;
        JsonOutput *output;
        int r;

        r = output_kind(fd, &kind, fault);
        if (r < 0)
                return r;
        output = malloc(sizeof *output);
        if (!output)
                return fault_set_errno(fault, ENOMEM, "Making a buffer");
        /* Not the buffer: it needs no zeros. */
        output->fd = fd;
        output->kind = kind;
        output->stall_usec = stall_usec;
        output->progress = progress;
        output->written_bytes = 0;
        output->error = 0;
        output->fault = (Fault){0};
        output->used_bytes = 0;
        *ret = output;
        return 0;
}

JsonOutput *json_output_free(JsonOutput *output)
{
        if (!output)
                return NULL;
        fault_done(&output->fault);
        free(output);
        return NULL;
}

static int wait_for_reader(JsonOutput *output, uint64_t *idle_since_usec)
{
        struct pollfd poll_fd = {.fd = output->fd, .events = POLLOUT};

        for (;;) {
                uint64_t now_usec;
                int n;

                if (output->progress) {
                        int r = progress_check(output->progress, &output->fault);

                        if (r < 0)
                                return r;
                }
                n = poll(&poll_fd, 1, POLL_MSEC);
                if (n > 0)
                        return 0;
                if (n < 0 && errno != EINTR)
                        return fault_set_errno(
                                        &output->fault, errno, "Waiting for the reader of the export");

                now_usec = clock_monotonic_usec();
                if (*idle_since_usec == 0)
                        *idle_since_usec = now_usec;
                else if (now_usec - *idle_since_usec >= output->stall_usec)
                        return fault_set(&output->fault,
                                        FAULT_BUSY,
                                        "The reader of the export stopped reading after %" PRIu64
                                        " bytes, and the snapshot can't be held for it any longer; write to "
                                        "a file first",
                                        output->written_bytes);
        }
}

/* Never more than is sure not to wait, though the descriptor may be a blocking one. */
static ssize_t write_some(const JsonOutput *output, const char *data, size_t size_bytes)
{
        switch (output->kind) {
        case JSON_OUTPUT_SOCKET:
                return send(output->fd, data, size_bytes, MSG_DONTWAIT | MSG_NOSIGNAL);
        case JSON_OUTPUT_PIPE:
                return write(output->fd, data, MIN_OF(size_bytes, (size_t) PIPE_BUF));
        case JSON_OUTPUT_FILE:
        default:
                return write(output->fd, data, size_bytes);
        }
}

static int write_fault(JsonOutput *output, int error)
{
        if (error == EPIPE || error == ECONNRESET)
                return fault_set(&output->fault,
                                FAULT_FAILED,
                                "The reader of the export went away after %" PRIu64
                                " bytes; what it has is not a whole document",
                                output->written_bytes);
        return fault_set_errno(&output->fault,
                        error,
                        "Writing the export, after %" PRIu64 " bytes, which are not a whole document",
                        output->written_bytes);
}

static int write_buffer(JsonOutput *output)
{
        const char *position = output->buffer;
        size_t left_bytes = output->used_bytes;
        uint64_t idle_since_usec = 0;

        while (left_bytes > 0) {
                ssize_t n;
                int r = wait_for_reader(output, &idle_since_usec);

                if (r < 0)
                        return r;
                n = write_some(output, position, left_bytes);
                if (n < 0) {
                        if (errno == EINTR || errno == EAGAIN)
                                continue;
                        return write_fault(output, errno);
                }
                idle_since_usec = 0;
                position += n;
                left_bytes -= (size_t) n;
                output->written_bytes += (uint64_t) n;
                if (output->progress)
                        progress_add(output->progress, (uint64_t) n);
        }
        return 0;
}

void json_output_flush(JsonOutput *output)
{
        if (output->error == 0)
                output->error = write_buffer(output);
        output->used_bytes = 0;
}

void json_output_put(JsonOutput *output, const void *data, size_t size_bytes)
{
        const char *position = data;

        /* Nearly always. */
        if (size_bytes < sizeof output->buffer - output->used_bytes) {
                memcpy(output->buffer + output->used_bytes, data, size_bytes);
                output->used_bytes += size_bytes;
                return;
        }
        while (size_bytes > 0 && output->error == 0) {
                size_t part_bytes = MIN_OF(size_bytes, sizeof output->buffer - output->used_bytes);

                memcpy(output->buffer + output->used_bytes, position, part_bytes);
                output->used_bytes += part_bytes;
                position += part_bytes;
                size_bytes -= part_bytes;
                if (output->used_bytes == sizeof output->buffer)
                        json_output_flush(output);
        }
}

void json_output_put_text(JsonOutput *output, const char *text)
{
        json_output_put(output, text, strlen(text));
}

int json_output_result(JsonOutput *output, Fault *fault)
{
        if (output->error == 0)
                return 0;
        if (fault)
                fault_move(fault, &output->fault);
        return output->error;
}
